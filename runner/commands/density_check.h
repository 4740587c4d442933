/* density_check.h - ./run eval --check-density: check whether a model's density integrates to 1. */
#ifndef AFFJORD_RUNNER_DENSITY_CHECK_H
#define AFFJORD_RUNNER_DENSITY_CHECK_H

#include "commands/model_command.h"

enum { DENSITY_CELLS_MAX = 16384 };

/* Print the integral of p(x) over a grid around the model's samples; with --set, by both solvers. Errors:
 * STATUS_INVALID for a model of images or of more than two columns; those of model_sample and model_transform. */
status density_check(model_request *args, model *trained, error_info *err);

#endif
