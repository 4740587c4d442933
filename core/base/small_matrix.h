/* small_matrix.h - matrices of up to 8 rows, row by row, in double: inverse, determinant, smallest singular value. */
#ifndef AFFJORD_BASE_SMALL_MATRIX_H
#define AFFJORD_BASE_SMALL_MATRIX_H

#include <stddef.h>

enum { SMALL_MATRIX_MAX = 8 };

/* inverse (n, n) <- a^-1, by Gauss-Jordan elimination with row pivots. Return det a; 0 for a singular matrix, whose
 * inverse is unspecified, and NaN if a is not finite. */
double small_matrix_invert(size_t n, const double *a, double *inverse);

/* Return the smallest singular value of a (n, n), by one-sided Jacobi rotations; NaN if a is not finite. */
double small_matrix_least_singular(size_t n, const double *a);

#endif
