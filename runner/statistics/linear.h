/* linear.h - least squares for small linear models. */
#ifndef AFFJORD_RUNNER_LINEAR_H
#define AFFJORD_RUNNER_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

enum { LINEAR_COLUMNS_MAX = 512 };

/* b (p) <- argmin |y - X b| for X (n, p), row by row, and y (n), by Householder reflections, in place: X and y are
 * destroyed. False if n < p, p > LINEAR_COLUMNS_MAX or the columns depend on each other (to 1e-9 of the largest). Costs
 * 2 n p^2 operations; allocates nothing. */
bool linear_fit(size_t n, size_t p, double *X, double *y, double *b);

#endif
