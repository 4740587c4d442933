/* linear.c - least squares for small linear models, by Householder's QR (Golub and Van Loan, algorithm 5.3.2). */
#include "statistics/linear.h"

#include <math.h>

/* Reflect rows k.. of column c, or of y (stride 1), by the vector v in column k of X; vv = v'v. */
static void reflect(size_t n, size_t p, const double *X, size_t k, double vv, double *column, size_t stride) {
    double dot = 0;
    for (size_t i = k; i < n; i++) dot += X[i * p + k] * column[i * stride];
    for (size_t i = k; i < n; i++) column[i * stride] -= 2 * dot / vv * X[i * p + k];
}

/* Replace column k by its reflection's vector, apply it to the rest; *r <- the diagonal entry of R. False if the column
 * depends on those before it. */
static bool eliminate(size_t n, size_t p, double *X, double *y, size_t k, double largest, double *r) {
    double norm = 0, vv = 0;
    for (size_t i = k; i < n; i++) norm += X[i * p + k] * X[i * p + k];
    norm = sqrt(norm);
    if (!(norm > 1e-9 * largest)) return false;
    *r = X[k * p + k] > 0 ? -norm : norm;
    X[k * p + k] -= *r;
    for (size_t i = k; i < n; i++) vv += X[i * p + k] * X[i * p + k];
    for (size_t c = k + 1; c < p; c++) reflect(n, p, X, k, vv, X + c, p);
    reflect(n, p, X, k, vv, y, 1);
    return true;
}

bool linear_fit(size_t n, size_t p, double *X, double *y, double *b) {
    double largest = 0, diagonal[LINEAR_COLUMNS_MAX];
    if (n < p || p > LINEAR_COLUMNS_MAX) return false;
    for (size_t c = 0; c < p; c++) {
        double norm = 0;
        for (size_t i = 0; i < n; i++) norm += X[i * p + c] * X[i * p + c];
        largest = fmax(largest, sqrt(norm));
    }
    for (size_t k = 0; k < p; k++)
        if (!eliminate(n, p, X, y, k, largest, &diagonal[k])) return false;
    for (size_t k = p; k-- > 0;) {
        double sum = y[k];
        for (size_t c = k + 1; c < p; c++) sum -= X[k * p + c] * b[c];
        b[k] = sum / diagonal[k];
    }
    return true;
}
