/* logit.c - elementwise, with the deterministic logarithm and exponential. */
#include "flow/logit.h"

#include "base/detmath.h"

static const double log_two = 0.69314718055994530942;

void logit_images(double alpha, size_t n, size_t D, const real *x, real *z, double *log_determinant) {
    const double scale = 1 - 2 * alpha, log_scale = det_log(scale);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t d = i * D; d < (i + 1) * D; d++) {
            const double y = alpha + scale * (double)x[d], log_y = det_log(y), log_rest = det_log1p(-y);
            sum += log_scale - log_y - log_rest;
            z[d] = (real)(log_y - log_rest);
        }
        log_determinant[i] = sum;
    }
}

void unlogit_images(double alpha, size_t n, size_t D, const real *z, real *x) {
    for (size_t d = 0; d < n * D; d++) {
        const double y = 1 / (1 + det_exp(-(double)z[d]));
        x[d] = (real)((y - alpha) / (1 - 2 * alpha));
    }
}

double bits_per_dim(double log_density, size_t D) {
    return 8 - log_density / ((double)D * log_two);
}
