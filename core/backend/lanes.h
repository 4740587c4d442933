/* lanes.h - sums in double over LANES partial sums, the same bits however wide the processor's registers are. */
#ifndef AFFJORD_BACKEND_LANES_H
#define AFFJORD_BACKEND_LANES_H

#include "backend/backend.h"

/* The sum of the partial sums, which are overwritten: folded by halves. */
static inline double lanes_fold(double sums[LANES]) {
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
    return sums[0];
}

/* a . b of (n). */
static inline double lanes_dot(size_t n, const real *a, const real *b) {
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) sums[lane] += (double)a[i + lane] * (double)b[i + lane];
    for (size_t lane = 0; i < n; i++, lane++) sums[lane] += (double)a[i] * (double)b[i];
    return lanes_fold(sums);
}

#endif
