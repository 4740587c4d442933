/* standard.h - coordinates of a table in units of their deviation, about their mean.
 *
 *   z = (x - mean) / deviation,   log p(x) = log p(z) - sum log deviation
 *
 * x is what the user's table has, in doubles; z is what a flow sees. Where a `standard` is NULL, z is x. */
#ifndef AFFJORD_DATA_STANDARD_H
#define AFFJORD_DATA_STANDARD_H

#include <stddef.h>

#include "base/export.h"
#include "base/real.h"
#include "flow/cnf.h"

AFFJORD_API_BEGIN

typedef struct standard {
    size_t dimension; /* D */
    double mean[CNF_DIMENSION_MAX], deviation[CNF_DIMENSION_MAX]; /* (D) */
} standard;

/* z (n, D) <- x (n, D), and back; D is that of *units, if there are some. */
void standard_take(const standard *units, size_t dimension, const double *x, size_t n, real *z);
void standard_give(const standard *units, size_t dimension, const real *z, size_t n, double *x);

/* Sum of the logarithms of the deviations: the volume of a unit of z in units of x (cnf_spec.log_volume). */
double standard_log_volume(const standard *units);

AFFJORD_API_END

#endif
