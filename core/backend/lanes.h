/* lanes.h - sums in double with LANES partial sums: the same bits for any width of vector registers. */
#ifndef AFFJORD_BACKEND_LANES_H
#define AFFJORD_BACKEND_LANES_H

#include "backend/backend.h"

/* Reduce the partial sums pairwise, in place, and return the total. */
static inline double lanes_fold(double sums[LANES]) {
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
    return sums[0];
}

/* Return a . b of length n. */
static inline double lanes_dot(size_t n, const real *a, const real *b) {
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) sums[lane] += (double)a[i + lane] * (double)b[i + lane];
    for (size_t lane = 0; i < n; i++, lane++) sums[lane] += (double)a[i] * (double)b[i];
    return lanes_fold(sums);
}

#endif
