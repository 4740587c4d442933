/* adaptive_norm.h - how large a combination of vectors is beside the tolerances. */
#ifndef AFFJORD_ODE_ADAPTIVE_NORM_H
#define AFFJORD_ODE_ADAPTIVE_NORM_H

#include <stdbool.h>

#include "ode/adaptive.h"

/* Largest over the parts of the RMS of  sum_j weight_j k_j / (atol + rtol max(|y|, |next|)), all (n). The sum is formed
 * in small pieces and never stored; it runs in a fixed order. NaN if anything in it is. */
double adaptive_norm_of(const adaptive_options *options, const ode_system *system, size_t terms, const double *weight,
                        const real *const *k, const real *y, const real *next);

/* No infinity or NaN in x (n). */
bool adaptive_is_finite(size_t n, const real *x);

#endif
