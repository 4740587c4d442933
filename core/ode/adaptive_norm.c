/* adaptive_norm.c - max over parts of sqrt(1/n sum_i (e_i / (atol + rtol max(|y_i|, |y+_i|)))^2). */
#include "ode/adaptive_norm.h"

#include <math.h>
#include <string.h>

#include "backend/lanes.h"

enum { PIECE = 512 }; /* a multiple of LANES */

static inline double larger(double a, double b) {
    return a > b ? a : b;
}

/* sum[i % LANES] += squares of n <= PIECE ratios. */
static void add_squares(size_t n, const real *error, const real *y, const real *next, double atol, double rtol,
                        double *restrict sum) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) {
            const double size = larger(fabs((double)y[i + l]), fabs((double)next[i + l]));
            const double ratio = (double)error[i + l] / (atol + rtol * size);
            sum[l] += ratio * ratio;
        }
    for (size_t l = 0; i < n; i++, l++) {
        const double size = larger(fabs((double)y[i]), fabs((double)next[i]));
        const double ratio = (double)error[i] / (atol + rtol * size);
        sum[l] += ratio * ratio;
    }
}

static double rms(const adaptive_options *options, const ode_system *system, size_t terms, const double *weight,
                  const real *const *k, const real *y, const real *next, size_t first, size_t n) {
    real error[PIECE];
    const real *piece[RK_WEIGHTS_MAX];
    double sum[LANES] = {0};
    for (size_t done = 0; done < n; done += PIECE) {
        const size_t count = n - done < PIECE ? n - done : PIECE, at = first + done;
        for (size_t j = 0; j < terms; j++) piece[j] = k[j] + at;
        memset(error, 0, count * sizeof *error);
        system->backend->combine(count, error, terms, weight, piece, error);
        add_squares(count, error, y + at, next + at, options->atol, options->rtol, sum);
    }
    return sqrt(lanes_fold(sum) / (double)n);
}

double adaptive_norm_of(const adaptive_options *options, const ode_system *system, size_t terms, const double *weight,
                        const real *const *k, const real *y, const real *next) {
    const adaptive_norm *norm = &options->norm;
    if (norm->parts == 0) return rms(options, system, terms, weight, k, y, next, 0, system->length);
    double largest = 0;
    for (size_t part = 0, first = 0; part < norm->parts; first += norm->length[part++]) {
        const double size = rms(options, system, terms, weight, k, y, next, first, norm->length[part]);
        if (!(size <= largest)) largest = size; /* a NaN too */
        if (isnan(largest)) break;
    }
    return largest;
}

bool adaptive_is_finite(size_t n, const real *x) {
    real zero[LANES] = {0}; /* x - x is NaN where x is not finite */
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) zero[l] += x[i + l] - x[i + l];
    for (; i < n; i++) zero[0] += x[i] - x[i];
    for (size_t l = 1; l < LANES; l++) zero[0] += zero[l];
    return zero[0] == 0;
}
