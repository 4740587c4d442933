/* vectors.c - operations on vectors that are the same code on all levels. */
#include <math.h>
#include <string.h>

#include "backend/cpu/level.h"
#include "backend/partial_sums.h"
#include "backend/rounding.h"

enum { PIECE = 512, TERMS_MAX = 16 }; /* a multiple of PARTIAL_SUMS */

void copy_cpu(UNUSED_SELF, size_t n, const real *x, real *y) {
    memcpy(y, x, n * sizeof *x);
}

void copy_bytes_cpu(UNUSED_SELF, size_t bytes, const void *from, void *to) {
    memcpy(to, from, bytes);
}

void zero_cpu(UNUSED_SELF, size_t n, real *x) {
    memset(x, 0, n * sizeof *x);
}

void fill_cpu(UNUSED_SELF, size_t n, size_t stride, double value, real *x) {
    for (size_t i = 0; i < n; i++) x[i * stride] = (real)value;
}

void scale_cpu(UNUSED_SELF, size_t n, double by, const real *x, real *y) {
    const real factor = (real)by;
    for (size_t i = 0; i < n; i++) y[i] = factor * x[i];
}

void scale_by_cpu(const backend_ops *self, size_t n, const double *by, const real *x, real *y) {
    scale_cpu(self, n, *by, x, y);
}

void product_cpu(UNUSED_SELF, const double *a, const double *b, real *y) {
    *y = (real)(*a * *b);
}

void copy_slot_cpu(UNUSED_SELF, size_t n, const size_t *slot, const real *x, size_t x_stride, real *y,
                   size_t y_stride) {
    const real *from = x + *slot * x_stride;
    real *to = y + *slot * y_stride;
    if (from != to) memcpy(to, from, n * sizeof *x);
}

void round_cpu(UNUSED_SELF, size_t n, conv_math math, const real *x, real *y) {
    const unsigned drops = rounding_drops(math);
    for (size_t i = 0; i < n; i++) y[i] = (real)rounding_nearest(drops, (float)x[i]);
}

void copy_rows_cpu(UNUSED_SELF, size_t rows, size_t columns, const real *x, size_t x_stride, real *y, size_t y_stride) {
    for (size_t i = 0; i < rows; i++) memcpy(y + i * y_stride, x + i * x_stride, columns * sizeof *x);
}

void transpose_cpu(UNUSED_SELF, size_t rows, size_t columns, const real *x, real *y) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) y[j * rows + i] = x[i * columns + j];
}

void add_rows_cpu(UNUSED_SELF, size_t rows, size_t columns, const real *x, size_t x_stride, real *y) {
    for (size_t i = 0; i < rows; i++, x += x_stride)
        for (size_t j = 0; j < columns; j++) y[j] += x[j];
}

bool is_finite_cpu(UNUSED_SELF, size_t n, const real *x) {
    real zero[PARTIAL_SUMS] = {0}; /* x - x is NaN if x is not finite */
    size_t i = 0;
    for (; i + PARTIAL_SUMS <= n; i += PARTIAL_SUMS)
        for (size_t l = 0; l < PARTIAL_SUMS; l++) zero[l] += x[i + l] - x[i + l];
    for (; i < n; i++) zero[0] += x[i] - x[i];
    for (size_t l = 1; l < PARTIAL_SUMS; l++) zero[0] += zero[l];
    return zero[0] == 0;
}

/* --- The norm of an error, formed in small pieces: max over parts of
 * sqrt(1/n sum_i (e_i / (atol + rtol max(|y_i|, |next_i|)))^2) --- */

static inline double larger(double a, double b) {
    return a > b ? a : b;
}

/* sum[i % PARTIAL_SUMS] += squares of n <= PIECE ratios. */
static void add_squares(size_t n, const real *error, const real *y, const real *next, double atol, double rtol,
                        double *restrict sum) {
    size_t i = 0;
    for (; i + PARTIAL_SUMS <= n; i += PARTIAL_SUMS)
        for (size_t l = 0; l < PARTIAL_SUMS; l++) {
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

static double root_mean_square(const backend_ops *self, const error_norm *norm, size_t terms, const double *weight,
                               const real *const *k, const real *y, const real *next, size_t first, size_t n) {
    real error[PIECE];
    const real *piece[TERMS_MAX];
    double sum[PARTIAL_SUMS] = {0};
    for (size_t done = 0; done < n; done += PIECE) {
        const size_t count = n - done < PIECE ? n - done : PIECE, at = first + done;
        for (size_t j = 0; j < terms; j++) piece[j] = k[j] + at;
        memset(error, 0, count * sizeof *error);
        self->combine(self, count, error, terms, weight, piece, error);
        add_squares(count, error, y + at, next + at, norm->atol, norm->rtol, sum);
    }
    return sqrt(partial_sums_reduce(sum) / (double)n);
}

void measure_error_cpu(const backend_ops *self, const error_norm *norm, size_t terms, const double *weight,
                       const real *const *k, const real *y, const real *next, double *size) {
    *size = NAN;
    if (norm->finite > 0 &&
        (!is_finite_cpu(self, norm->finite, next) || !is_finite_cpu(self, norm->finite, k[terms - 1])))
        return;
    double largest = 0;
    for (size_t part = 0, first = 0; part < norm->parts; first += norm->length[part++]) {
        const double root = root_mean_square(self, norm, terms, weight, k, y, next, first, norm->length[part]);
        if (!(root <= largest)) largest = root; /* true for NaN too */
        if (isnan(largest)) break;
    }
    *size = largest;
}

void decide_cpu(UNUSED_SELF, step_action action, step_control *control) {
    step_control_act(action, control);
}

/* --- Sums in double --- */

void accumulate_cpu(UNUSED_SELF, size_t n, const real *x, double *sums) {
    for (size_t i = 0; i < n; i++) sums[i] += (double)x[i];
}

void squares_cpu(UNUSED_SELF, size_t n, size_t D, const real *x, double *sums) {
    for (size_t i = 0; i < n; i++, x += D) {
        double square = 0;
        for (size_t d = 0; d < D; d++) square += (double)x[d] * (double)x[d];
        sums[i] = square;
    }
}
