/* matrix.h - small dense matrices in double, row by row, through OpenBLAS and LAPACK. */
#ifndef AFFJORD_THEORY_MATRIX_H
#define AFFJORD_THEORY_MATRIX_H

#include <stddef.h>

#include "base/status.h"

/* c (n, n) <- beta c + alpha a b; c is neither a nor b. */
void matrix_multiply(size_t n, double alpha, const double *a, const double *b, double beta, double *c);

/* c (n, n) <- beta c + alpha [a, b], [a, b] = a b - b a. */
void matrix_commute(size_t n, double alpha, const double *a, const double *b, double beta, double *c);

/* a (n, n) <- the identity matrix. */
void matrix_unit(size_t n, double *a);

/* block (rows, rows) <- the first rows and columns of a (n, n). */
void matrix_corner(size_t n, const double *a, size_t rows, double *block);

/* *out <- log |det a|. Errors: STATUS_MEMORY; STATUS_NON_FINITE for a singular matrix. */
status matrix_log_determinant(size_t n, const double *a, double *out);

/* exponential (n, n) <- e^a, by the Pade approximation of degree 13 and scaling and squaring (Higham 2005). Errors:
 * STATUS_MEMORY; STATUS_NON_FINITE where a or the result is not finite. */
status matrix_exponential(size_t n, const double *a, double *exponential);

/* x (n, columns) <- a^-1 x. Errors: STATUS_MEMORY; STATUS_NON_FINITE for a singular matrix. */
status matrix_solve(size_t n, size_t columns, const double *a, double *x);

/* *out <- the largest singular value of a (n, n), its 2-norm. Errors: STATUS_MEMORY, STATUS_NON_FINITE. */
status matrix_norm(size_t n, const double *a, double *out);

double matrix_trace(size_t n, const double *a);

/* Return the largest |a_i| of `count` entries; NaN if one is NaN. */
double matrix_largest(size_t count, const double *a);

/* Return the largest |a_i - b_i| of `count` entries; NaN if one is NaN. */
double matrix_distance(size_t count, const double *a, const double *b);

#endif
