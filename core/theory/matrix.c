/* matrix.c - products by OpenBLAS, factorizations by LAPACK. */
#include "theory/matrix.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void matrix_multiply(size_t n, double alpha, const double *a, const double *b, double beta, double *c) {
    const int size = (int)n;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, alpha, a, size, b, size, beta, c, size);
}

void matrix_commute(size_t n, double alpha, const double *a, const double *b, double beta, double *c) {
    matrix_multiply(n, alpha, a, b, beta, c);
    matrix_multiply(n, -alpha, b, a, 1, c);
}

void matrix_unit(size_t n, double *a) {
    memset(a, 0, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++) a[i * n + i] = 1;
}

void matrix_corner(size_t n, const double *a, size_t rows, double *block) {
    for (size_t i = 0; i < rows; i++) memcpy(block + i * rows, a + i * n, rows * sizeof *block);
}

double matrix_trace(size_t n, const double *a) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i * n + i];
    return sum;
}

double matrix_largest(size_t count, const double *a) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(a[i])) return a[i]; /* otherwise the next entry would replace it */
        largest = fmax(largest, fabs(a[i]));
    }
    return largest;
}

double matrix_distance(size_t count, const double *a, const double *b) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double distance = fabs(a[i] - b[i]);
        if (isnan(distance)) return distance;
        largest = fmax(largest, distance);
    }
    return largest;
}

status matrix_log_determinant(size_t n, const double *a, double *out) {
    double *factors = malloc(n * n * sizeof *factors), sum = 0;
    lapack_int *pivots = malloc(n * sizeof *pivots);
    status outcome = factors && pivots ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        memcpy(factors, a, n * n * sizeof *factors);
        if (LAPACKE_dgetrf(LAPACK_ROW_MAJOR, (int)n, (int)n, factors, (int)n, pivots) != 0) outcome = STATUS_NON_FINITE;
        for (size_t i = 0; i < n; i++) sum += log(fabs(factors[i * n + i]));
        if (!isfinite(sum)) outcome = STATUS_NON_FINITE;
    }
    if (outcome == STATUS_OK) *out = sum;
    free(factors);
    free(pivots);
    return outcome;
}

status matrix_solve(size_t n, size_t columns, const double *a, double *x) {
    double *factors = malloc(n * n * sizeof *factors);
    lapack_int *pivots = malloc(n * sizeof *pivots);
    status outcome = factors && pivots ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        memcpy(factors, a, n * n * sizeof *factors);
        if (LAPACKE_dgesv(LAPACK_ROW_MAJOR, (int)n, (int)columns, factors, (int)n, pivots, x, (int)columns) != 0)
            outcome = STATUS_NON_FINITE;
    }
    free(factors);
    free(pivots);
    return outcome;
}

status matrix_norm(size_t n, const double *a, double *out) {
    double *copy = malloc(n * n * sizeof *copy), *values = malloc(2 * n * sizeof *values);
    status outcome = copy && values ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        memcpy(copy, a, n * n * sizeof *copy);
        if (LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'N', 'N', (int)n, (int)n, copy, (int)n, values, NULL, 1, NULL, 1,
                           values + n) != 0)
            outcome = STATUS_NON_FINITE;
        else *out = values[0];
    }
    free(copy);
    free(values);
    return outcome;
}

/* Return the largest row sum of |a_ij|, a bound of the spectral radius. */
static double largest_row(size_t n, const double *a) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) sum += fabs(a[i * n + j]);
        if (isnan(sum)) return sum;
        largest = fmax(largest, sum);
    }
    return largest;
}

/* Compute the odd and the even part of the numerator of the Pade approximant; the denominator is even minus odd. */
static void pade(size_t n, const double *a, double *powers[3], double *odd, double *even, double *room) {
    static const double b[] = {64764752532480000.0,
                               32382376266240000.0,
                               7771770303897600.0,
                               1187353796428800.0,
                               129060195264000.0,
                               10559470521600.0,
                               670442572800.0,
                               33522128640.0,
                               1323241920.0,
                               40840800.0,
                               960960.0,
                               16380.0,
                               182.0,
                               1.0};
    const size_t count = n * n;
    matrix_multiply(n, 1, a, a, 0, powers[0]);
    matrix_multiply(n, 1, powers[0], powers[0], 0, powers[1]);
    matrix_multiply(n, 1, powers[1], powers[0], 0, powers[2]);
    for (size_t i = 0; i < count; i++) room[i] = b[13] * powers[2][i] + b[11] * powers[1][i] + b[9] * powers[0][i];
    matrix_multiply(n, 1, powers[2], room, 0, even);
    for (size_t i = 0; i < count; i++)
        even[i] += b[7] * powers[2][i] + b[5] * powers[1][i] + b[3] * powers[0][i] + (i % (n + 1) == 0 ? b[1] : 0);
    matrix_multiply(n, 1, a, even, 0, odd);
    for (size_t i = 0; i < count; i++) room[i] = b[12] * powers[2][i] + b[10] * powers[1][i] + b[8] * powers[0][i];
    matrix_multiply(n, 1, powers[2], room, 0, even);
    for (size_t i = 0; i < count; i++)
        even[i] += b[6] * powers[2][i] + b[4] * powers[1][i] + b[2] * powers[0][i] + (i % (n + 1) == 0 ? b[0] : 0);
}

status matrix_exponential(size_t n, const double *a, double *exponential) {
    const double largest = largest_row(n, a), reach = 5.371920351148152;
    if (!isfinite(largest)) return STATUS_NON_FINITE;
    double *room = calloc(7 * n * n, sizeof *room);
    if (!room) return STATUS_MEMORY;
    double *scaled = room, *powers[3] = {room + n * n, room + 2 * n * n, room + 3 * n * n};
    double *odd = room + 4 * n * n, *even = room + 5 * n * n, *more = room + 6 * n * n;
    int halvings = 0;
    if (largest > reach) halvings = (int)ceil(log2(largest / reach));
    for (size_t i = 0; i < n * n; i++) scaled[i] = ldexp(a[i], -halvings);
    pade(n, scaled, powers, odd, even, more);
    for (size_t i = 0; i < n * n; i++) {
        exponential[i] = even[i] + odd[i];
        more[i] = even[i] - odd[i];
    }
    status outcome = matrix_solve(n, n, more, exponential);
    for (int i = 0; i < halvings && outcome == STATUS_OK; i++) {
        matrix_multiply(n, 1, exponential, exponential, 0, more);
        memcpy(exponential, more, n * n * sizeof *more);
    }
    for (size_t i = 0; i < n * n && outcome == STATUS_OK; i++)
        if (!isfinite(exponential[i])) outcome = STATUS_NON_FINITE;
    free(room);
    return outcome;
}
