/* adam.h - Adam (Kingma and Ba 2015), with the constants of PyTorch's default. */
#ifndef AFFJORD_TRAIN_ADAM_H
#define AFFJORD_TRAIN_ADAM_H

#include <stdint.h>

#include "backend/backend.h"

/* Constants of step number `t`, from 1: beta1 0.9, beta2 0.999, epsilon 1e-8. */
adam_step adam_step_at(double learning_rate, uint64_t t);

#endif
