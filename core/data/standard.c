/* standard.c - coordinates of a table in standard units. */
#include "data/standard.h"

#include "base/detmath.h"

void standard_take(const standard *units, size_t dimension, const double *x, size_t n, real *z) {
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < dimension; d++) {
            const double value = x[i * dimension + d];
            z[i * dimension + d] = (real)(units ? (value - units->mean[d]) / units->deviation[d] : value);
        }
}

void standard_give(const standard *units, size_t dimension, const real *z, size_t n, double *x) {
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < dimension; d++) {
            const double value = (double)z[i * dimension + d];
            x[i * dimension + d] = units ? units->mean[d] + units->deviation[d] * value : value;
        }
}

double standard_log_volume(const standard *units) {
    double sum = 0;
    for (size_t d = 0; units && d < units->dimension; d++) sum += det_log(units->deviation[d]);
    return sum;
}
