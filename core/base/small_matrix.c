/* small_matrix.c - eliminations and rotations, without allocation. */
#include "base/small_matrix.h"

#include <math.h>
#include <string.h>

static void swap_rows(size_t n, double *x, size_t i, size_t j) {
    for (size_t k = 0; k < n; k++) {
        const double kept = x[i * n + k];
        x[i * n + k] = x[j * n + k];
        x[j * n + k] = kept;
    }
}

/* Row i of x -= by times row j. */
static void subtract_row(size_t n, double *x, size_t i, double by, size_t j) {
    for (size_t k = 0; k < n; k++) x[i * n + k] -= by * x[j * n + k];
}

double small_matrix_invert(size_t n, const double *a, double *inverse) {
    double left[SMALL_MATRIX_MAX * SMALL_MATRIX_MAX], determinant = 1;
    memcpy(left, a, n * n * sizeof *a);
    for (size_t i = 0; i < n * n; i++) inverse[i] = i % (n + 1) == 0;
    for (size_t c = 0; c < n; c++) {
        size_t pivot = c;
        for (size_t i = c + 1; i < n; i++)
            if (fabs(left[i * n + c]) > fabs(left[pivot * n + c])) pivot = i;
        const double value = left[pivot * n + c];
        if (!isfinite(value)) return (double)NAN;
        if (value == 0) return 0;
        if (pivot != c) swap_rows(n, left, c, pivot), swap_rows(n, inverse, c, pivot);
        determinant *= pivot == c ? value : -value;
        for (size_t k = 0; k < n; k++) left[c * n + k] /= value, inverse[c * n + k] /= value;
        for (size_t i = 0; i < n; i++) {
            const double by = left[i * n + c];
            if (i == c) continue;
            subtract_row(n, left, i, by, c);
            subtract_row(n, inverse, i, by, c);
        }
    }
    return determinant;
}

/* Rotate columns i and j of u until they are orthogonal. Return whether they were not. */
static int rotate(size_t n, double *u, size_t i, size_t j) {
    double ii = 0, jj = 0, ij = 0;
    for (size_t k = 0; k < n; k++) {
        ii += u[k * n + i] * u[k * n + i];
        jj += u[k * n + j] * u[k * n + j];
        ij += u[k * n + i] * u[k * n + j];
    }
    if (!(fabs(ij) > 1e-15 * sqrt(ii * jj))) return 0;
    const double zeta = (jj - ii) / (2 * ij), tangent = copysign(1 / (fabs(zeta) + hypot(1, zeta)), zeta);
    const double cosine = 1 / hypot(1, tangent), sine = cosine * tangent;
    for (size_t k = 0; k < n; k++) {
        const double x = u[k * n + i], y = u[k * n + j];
        u[k * n + i] = cosine * x - sine * y;
        u[k * n + j] = sine * x + cosine * y;
    }
    return 1;
}

/* Matrices of this size need fewer than 12 sweeps. */
enum { SWEEPS_MAX = 30 };

double small_matrix_least_singular(size_t n, const double *a) {
    double u[SMALL_MATRIX_MAX * SMALL_MATRIX_MAX], least = INFINITY;
    int rotated = 1;
    memcpy(u, a, n * n * sizeof *a);
    for (int sweep = 0; sweep < SWEEPS_MAX && rotated; sweep++) {
        rotated = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++) rotated += rotate(n, u, i, j);
    }
    for (size_t i = 0; i < n; i++) {
        double squares = 0;
        for (size_t k = 0; k < n; k++) squares += u[k * n + i] * u[k * n + i];
        if (!(sqrt(squares) >= least)) least = sqrt(squares); /* NaN too */
    }
    return least;
}
