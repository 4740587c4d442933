/* partial_sums.h - sums in double with PARTIAL_SUMS partial sums: the same bits for any width of vector registers. */
#ifndef AFFJORD_BACKEND_PARTIAL_SUMS_H
#define AFFJORD_BACKEND_PARTIAL_SUMS_H

#include "backend/backend.h"

/* Reduce the partial sums pairwise, in place, and return the total. */
static inline double partial_sums_reduce(double sums[PARTIAL_SUMS]) {
    for (size_t half = PARTIAL_SUMS / 2; half > 0; half /= 2)
        for (size_t part = 0; part < half; part++) sums[part] += sums[part + half];
    return sums[0];
}

/* Return a . b of length n. */
static inline double partial_sums_dot(size_t n, const real *a, const real *b) {
    double sums[PARTIAL_SUMS] = {0};
    size_t i = 0;
    for (; i + PARTIAL_SUMS <= n; i += PARTIAL_SUMS)
        for (size_t part = 0; part < PARTIAL_SUMS; part++) sums[part] += (double)a[i + part] * (double)b[i + part];
    for (size_t part = 0; i < n; i++, part++) sums[part] += (double)a[i] * (double)b[i];
    return partial_sums_reduce(sums);
}

#endif
