/* standard.h - coordinates of a table in standard units.
 *
 *   z = (x - mean) / deviation,   log p(x) = log p(z) - sum log deviation
 *
 * x is the table's coordinate in double; z is the flow's input. If a `standard` is NULL, z is x. */
#ifndef AFFJORD_DATA_STANDARD_H
#define AFFJORD_DATA_STANDARD_H

#include <stddef.h>

#include "base/export.h"
#include "base/real.h"
#include "flow/cnf.h"

AFFJORD_API_BEGIN

/* The units of each coordinate. */
typedef struct standard {
    size_t dimension; /* D */
    double mean[CNF_DIMENSION_MAX]; /* (D) */
    double deviation[CNF_DIMENSION_MAX]; /* (D), above 0 */
} standard;

/* z (n, D) <- x (n, D), and the inverse. D equals units->dimension unless `units` is NULL. */
void standard_take(const standard *units, size_t dimension, const double *x, size_t n, real *z);
/* The inverse: x (n, D) <- z (n, D) deviation + mean. */
void standard_give(const standard *units, size_t dimension, const real *z, size_t n, double *x);

/* Return the sum of the logarithms of the deviations, the log volume of a unit of z in units of x
 * (cnf_spec.log_volume). */
double standard_log_volume(const standard *units);

AFFJORD_API_END

#endif
