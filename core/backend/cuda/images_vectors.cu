/* images_vectors.cu - vectors and matrices: every number by the CPU's formula, and the sums that decide a step. */
#include <math.h>

#include "backend/cuda/device_math.cuh"
#include "backend/cuda/images.cuh"

#define ROUNDING_FUNCTION V_FUNCTION
#include "backend/rounding.h"

#define STEP_FUNCTION static __device__
#define STEP_POWER(x, y) same_pow(x, y)
#include "backend/step_rules.h"

/* --- Moves --- */

struct copy_one {
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const { y[i] = x[i]; }
};
static void copy(const backend_ops *self, size_t n, const real *x, real *y) {
    images_each(self, n, copy_one{x, y});
}

struct fill_one {
    size_t stride;
    float value, *x;
    __device__ void operator()(size_t i) const { x[i * stride] = value; }
};
static void zero(const backend_ops *self, size_t n, real *x) {
    images_each(self, n, fill_one{1, 0, x});
}
static void fill(const backend_ops *self, size_t n, size_t stride, double value, real *x) {
    images_each(self, n, fill_one{stride, (float)value, x});
}

struct copy_slot_one {
    const size_t *slot;
    const float *x;
    size_t x_stride;
    float *y;
    size_t y_stride;
    __device__ void operator()(size_t i) const {
        const size_t at = *slot;
        const float *from = x + at * x_stride + i;
        float *to = y + at * y_stride + i;
        if (from != to) *to = *from;
    }
};
static void copy_slot(const backend_ops *self, size_t n, const size_t *slot, const real *x, size_t x_stride, real *y,
                      size_t y_stride) {
    images_each(self, n, copy_slot_one{slot, x, x_stride, y, y_stride});
}

struct copy_rows_one {
    size_t columns, x_stride, y_stride;
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const {
        const size_t row = i / columns, column = i % columns;
        y[row * y_stride + column] = x[row * x_stride + column];
    }
};
static void copy_rows(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y,
                      size_t y_stride) {
    images_each(self, rows * columns, copy_rows_one{columns, x_stride, y_stride, x, y});
}

struct transpose_one {
    size_t rows, columns;
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const { y[i] = x[i % rows * columns + i / rows]; }
};
static void transpose(const backend_ops *self, size_t rows, size_t columns, const real *x, real *y) {
    images_each(self, rows * columns, transpose_one{rows, columns, x, y});
}

/* --- Arithmetic --- */

struct scale_one {
    float by;
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const { y[i] = by * x[i]; }
};
static void scale(const backend_ops *self, size_t n, double by, const real *x, real *y) {
    images_each(self, n, scale_one{(float)by, x, y});
}

struct scale_by_one {
    const double *by;
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const { y[i] = (float)*by * x[i]; }
};
static void scale_by(const backend_ops *self, size_t n, const double *by, const real *x, real *y) {
    images_each(self, n, scale_by_one{by, x, y});
}

struct product_one {
    const double *a, *b;
    float *y;
    __device__ void operator()(size_t) const { *y = (float)(*a * *b); }
};
static void product(const backend_ops *self, const double *a, const double *b, real *y) {
    images_each(self, 1, product_one{a, b, y});
}

struct round_one {
    unsigned drops;
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const { y[i] = rounding_nearest(drops, x[i]); }
};
static void round_all(const backend_ops *self, size_t n, conv_math math, const real *x, real *y) {
    images_each(self, n, round_one{rounding_drops(math), x, y});
}

/* A sum of vectors with weights in device memory. */
struct weighted_terms {
    size_t count;
    const double *weight;
    const float *k[TERMS_MAX];

    weighted_terms(size_t terms, const double *weights, const float *const *vectors)
        : count(terms), weight(weights), k() {
        for (size_t j = 0; j < terms; j++) k[j] = vectors[j];
    }
    __device__ float sum(float start, size_t i) const {
        for (size_t j = 0; j < count; j++)
            if (weight[j] != 0) start = fmaf((float)weight[j], k[j][i], start);
        return start;
    }
};

struct combine_one {
    weighted_terms terms;
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const { y[i] = terms.sum(x[i], i); }
};
static void combine(const backend_ops *self, size_t n, const real *x, size_t terms, const double *weight,
                    const real *const *k, real *y) {
    images_each(self, n, combine_one{weighted_terms(terms, weight, k), x, y});
}

/* One thread adds the rows of a column in order. */
struct add_rows_one {
    size_t rows, x_stride;
    const float *x;
    float *y;
    __device__ void operator()(size_t column) const {
        float sum = y[column];
        for (size_t row = 0; row < rows; row++) sum += x[row * x_stride + column];
        y[column] = sum;
    }
};
static void add_rows(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y) {
    images_each(self, columns, add_rows_one{rows, x_stride, x, y});
}

struct adam_one {
    float beta1, rest1, beta2, rest2, size, correction, epsilon;
    const float *g;
    float *m, *v, *p;
    __device__ void operator()(size_t i) const {
        const float mi = fmaf(beta1, m[i], rest1 * g[i]), vi = fmaf(beta2, v[i], (rest2 * g[i]) * g[i]);
        m[i] = mi;
        v[i] = vi;
        p[i] = fmaf(-size, mi / (sqrtf(vi) / correction + epsilon), p[i]);
    }
};
static void adam(const backend_ops *self, size_t n, const adam_step *step, const real *g, real *m, real *v, real *p) {
    images_each(self, n,
                adam_one{(float)step->beta1, (float)(1 - step->beta1), (float)step->beta2, (float)(1 - step->beta2),
                         (float)step->step_size, (float)step->root_correction, (float)step->epsilon, g, m, v, p});
}

/* --- Numbers that are brought back --- */

/* The number of non-finite entries of vectors, in pieces: a count does not depend on the order. */
struct infinities {
    size_t n, pieces, piece; /* reals of a vector; its pieces, and reals of a piece */
    const float *x[2];
    double *sums; /* (vectors, pieces) */
    __device__ double term(size_t row, size_t i) const {
        const size_t at = row % pieces * piece + i;
        return at < n && !isfinite(x[row / pieces][at]);
    }
    __device__ void end(size_t row, double sum) const { sums[row] = sum; }
};

/* sums (vectors, pieces) <- the counts; return the number of sums. */
static size_t count_infinities(const backend_ops *self, size_t vectors, size_t n, const float *x, const float *other) {
    const size_t pieces = images_pieces(n), piece = (n + pieces - 1) / pieces;
    images_sum(self, vectors * pieces, piece, infinities{n, pieces, piece, {x, other}, images_device(self)->sums});
    return vectors * pieces;
}

static double add_near(const backend_ops *self, size_t first, size_t count) {
    const double *sums = images_device(self)->sums_host + first;
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += sums[i];
    return sum;
}

static bool is_finite(const backend_ops *self, size_t n, const real *x) {
    const size_t count = count_infinities(self, 1, n, x, NULL);
    return images_fetch_sums(self, count) && add_near(self, 0, count) == 0;
}

/* The squares of the ratios in a part of the state. */
struct error_squares {
    weighted_terms terms;
    double atol, rtol;
    size_t first, n, piece; /* offset and reals of the part, and reals of a piece */
    const float *y, *next;
    double *sums; /* (pieces) */
    __device__ double term(size_t row, size_t i) const {
        if (row * piece + i >= n) return 0;
        const size_t at = first + row * piece + i;
        const double a = fabs((double)y[at]), b = fabs((double)next[at]);
        const double ratio = (double)terms.sum(0, at) / (atol + rtol * (a > b ? a : b));
        return ratio * ratio;
    }
    __device__ void end(size_t row, double sum) const { sums[row] = sum; }
};

/* The norm from the sums of all pieces, in order; NaN if any entry is not finite. */
struct error_norm_one {
    const double *sums;
    size_t infinite, parts; /* sums that count non-finite entries, and parts after them */
    size_t length[NORM_PARTS_MAX], pieces[NORM_PARTS_MAX];
    double *size;
    static __device__ double add(const double *sums, size_t count) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += sums[i];
        return sum;
    }
    __device__ void operator()(size_t) const {
        const double *at = sums + infinite;
        double largest = 0;
        if (add(sums, infinite) != 0) largest = NAN;
        for (size_t part = 0; part < parts && !isnan(largest); at += pieces[part++]) {
            const double root = sqrt(add(at, pieces[part]) / (double)length[part]);
            if (!(root <= largest)) largest = root; /* true for NaN too */
        }
        *size = largest;
    }
};

/* The order of the sum differs from the CPU's, whose 16 partial sums would be chains of about 100,000 terms. */
static void measure_error(const backend_ops *self, const error_norm *norm, size_t terms, const double *weight,
                          const real *const *k, const real *y, const real *next, double *size) {
    double *sums = images_device(self)->sums;
    const weighted_terms sum(terms, weight, k);
    error_norm_one job = {};
    job.sums = sums;
    job.size = size;
    job.infinite = norm->finite > 0 ? count_infinities(self, 2, norm->finite, next, k[terms - 1]) : 0;
    job.parts = norm->parts;
    size_t count = job.infinite;
    for (size_t part = 0, first = 0; part < norm->parts; first += norm->length[part++]) {
        const size_t n = norm->length[part], pieces = images_pieces(n), piece = (n + pieces - 1) / pieces;
        images_sum(self, pieces, piece,
                   error_squares{sum, norm->atol, norm->rtol, first, n, piece, y, next, sums + count});
        job.length[part] = n;
        job.pieces[part] = pieces;
        count += pieces;
    }
    images_each(self, 1, job);
}

/* --- A solver's decisions --- */

struct decide_one {
    size_t action;
    step_control *control;
    __device__ void operator()(size_t) const { rules_act((step_action)action, control); }
};
static void decide(const backend_ops *self, step_action action, step_control *control) {
    images_each(self, 1, decide_one{(size_t)action, control});
}

/* --- Activations --- */

struct tanh_of {
    __device__ static float of(float x) { return v_tanh(x); }
};
struct sigmoid_of {
    __device__ static float of(float x) { return v_sigmoid(x); }
};
struct elu_of {
    __device__ static float of(float x) { return x < 0 ? (float)same_expm1((double)x) : x; }
};

template <class curve> struct curve_one {
    const float *x;
    float *y;
    __device__ void operator()(size_t i) const { y[i] = curve::of(x[i]); }
};
template <class curve> static void draw(const backend_ops *self, size_t n, const real *x, real *y) {
    images_each(self, n, curve_one<curve>{x, y});
}

struct tanh_backward_one {
    const float *y;
    float *bar;
    __device__ void operator()(size_t i) const { bar[i] *= 1 - y[i] * y[i]; }
};
static void tanh_backward(const backend_ops *self, size_t n, const real *y, real *bar) {
    images_each(self, n, tanh_backward_one{y, bar});
}

struct elu_backward_one {
    const float *y;
    float *bar;
    __device__ void operator()(size_t i) const { bar[i] *= y[i] < 0 ? y[i] + 1 : 1; }
};
static void elu_backward(const backend_ops *self, size_t n, const real *y, real *bar) {
    images_each(self, n, elu_backward_one{y, bar});
}

void images_vectors(backend_ops *table) {
    table->copy = copy;
    table->zero = zero;
    table->fill = fill;
    table->scale = scale;
    table->scale_by = scale_by;
    table->product = product;
    table->copy_slot = copy_slot;
    table->round = round_all;
    table->combine = combine;
    table->copy_rows = copy_rows;
    table->transpose = transpose;
    table->add_rows = add_rows;
    table->is_finite = is_finite;
    table->measure_error = measure_error;
    table->decide = decide;
    table->adam = adam;
    table->tanh = draw<tanh_of>;
    table->sigmoid = draw<sigmoid_of>;
    table->elu = draw<elu_of>;
    table->tanh_backward = tanh_backward;
    table->elu_backward = elu_backward;
}
