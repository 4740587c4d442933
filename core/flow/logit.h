/* logit.h - from the unit cube of dequantized bytes to the reals, and the unit of the losses on images.
 *
 *   y = alpha + (1 - 2 alpha) x,  z = log(y / (1 - y)),  log|dz/dx| = log(1 - 2 alpha) - log y - log(1 - y)
 *
 * (Dinh et al. 2017, Real NVP). */
#ifndef AFFJORD_FLOW_LOGIT_H
#define AFFJORD_FLOW_LOGIT_H

#include <stddef.h>

#include "base/real.h"

/* z (n, D) <- logit of x (n, D) in [0, 1], in double throughout; log_determinant (n) <- log|dz/dx|. z may be x. */
void logit_images(double alpha, size_t n, size_t D, const real *x, real *z, double *log_determinant);

/* x (n, D) <- the way back. x may be z. */
void unlogit_images(double alpha, size_t n, size_t D, const real *z, real *x);

/* Bits that a code by the model needs for each of D bytes: -log2(p / 256^D) / D, from log p(x) in nats at x = (byte +
 * u) / 256. */
double bits_per_dim(double log_density, size_t D);

#endif
