/* noise.c - four numbers of each draw, in the order of a vector's entries. */
#include "flow/noise.h"

#include <math.h>

void noise_probe(cnf_divergence kind, random_stream stream, uint64_t sample, uint32_t block, size_t D, size_t stride,
                 real *e) {
    const bool normal = kind == DIVERGENCE_GAUSSIAN;
    for (size_t d = 0; d < D; d += 4, block++) {
        double u[4];
        if (normal) random_normal4(stream, sample, block, u);
        else random_uniform4(stream, sample, block, u);
        for (size_t k = d; k < D && k < d + 4; k++)
            e[k * stride] = normal ? (real)u[k - d] : (real)(u[k - d] < 0.5 ? -1 : 1);
    }
}

void noise_base(random_stream stream, double variance, uint64_t first, size_t n, size_t D, real *z) {
    const double deviation = sqrt(variance);
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < D; d += 4) {
            double u[4];
            random_normal4(stream, first + i, (uint32_t)(d / 4), u);
            for (size_t k = d; k < D && k < d + 4; k++) z[i * D + k] = (real)(deviation * u[k - d]);
        }
}
