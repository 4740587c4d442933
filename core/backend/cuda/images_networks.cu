/* images_networks.cu - linear maps, gates, logit and squeeze. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "backend/cuda/images.cuh"
#include "backend/cuda/images_blas.cuh"

enum { MATRIX_LEAST = 1 << 16 /* numbers of a matrix that cuBLAS applies: the hypernets of wide layers */ };

/* --- Linear maps --- */

/* One thread for each number of the result, whose sum runs over p in order. */
struct matmul_one {
    size_t n, k, row, column;
    const float *a, *b, *bias;
    float *c;
    __device__ void operator()(size_t at) const {
        const size_t i = at / n, j = at % n;
        float sum = bias ? bias[j] : 0;
        for (size_t p = 0; p < k; p++) sum = fmaf(a[i * row + p * column], b[p * n + j], sum);
        c[at] = sum;
    }
};
static void matmul(const backend_ops *self, size_t m, size_t n, size_t k, const real *a, size_t row, size_t column,
                   const real *b, const real *bias, real *c) {
    images_each(self, m * n, matmul_one{n, k, row, column, a, b, bias, c});
}

struct apply_one {
    size_t columns;
    const float *matrix, *bias, *x;
    float *y;
    __device__ void operator()(size_t i) const {
        float sum = bias ? bias[i] : 0;
        for (size_t j = 0; j < columns; j++) sum += matrix[i * columns + j] * x[j];
        y[i] = sum;
    }
};

/* Return whether cuBLAS applies a matrix. */
static bool by_blas(const backend_ops *self, size_t rows, size_t columns) {
    char name[96];
    if (rows * columns < MATRIX_LEAST || rows > INT32_MAX || columns > INT32_MAX) return false;
    snprintf(name, sizeof name, "matrix of %zu x %zu", rows, columns);
    return images_blas_takes(self, name);
}

static void plan_apply(const backend_ops *self, size_t rows, size_t columns) {
    (void)by_blas(self, rows, columns);
}

static void apply(const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *bias,
                  const real *x, real *y) {
    if (by_blas(self, rows, columns)) {
        if (bias) self->copy(self, rows, bias, y);
        images_blas_multiply(self, blas_product{rows, 1, columns, 1, 1, bias ? 1.0 : 0.0,
                                                blas_factor{matrix, columns, 0, 0}, blas_factor{x, 1, 0, 0}, y, 1, 0});
        return;
    }
    images_each(self, rows, apply_one{columns, matrix, bias, x, y});
}

struct outer_one {
    size_t columns;
    const float *x, *ybar;
    float *matrix_bar, *bias_bar;
    __device__ void operator()(size_t at) const {
        const size_t i = at / columns, j = at % columns;
        matrix_bar[at] += ybar[i] * x[j];
        if (bias_bar && j == 0) bias_bar[i] += ybar[i];
    }
};

/* A network that generates all weights of a convolution has thousands of rows, so one block sums a column. */
struct apply_vjp {
    size_t columns;
    const float *matrix, *ybar;
    float *xbar;
    __device__ double term(size_t j, size_t i) const { return (double)matrix[i * columns + j] * (double)ybar[i]; }
    __device__ void end(size_t j, double sum) const { xbar[j] = (float)((double)xbar[j] + sum); }
};
static void apply_backward(const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *x,
                           const real *ybar, real *matrix_bar, real *bias_bar, real *xbar) {
    images_each(self, rows * columns, outer_one{columns, x, ybar, matrix_bar, bias_bar});
    if (by_blas(self, rows, columns))
        images_blas_multiply(self, blas_product{1, columns, rows, 1, 1, 1, blas_factor{ybar, rows, 0, 0},
                                                blas_factor{matrix, columns, 0, 0}, xbar, columns, 0});
    else images_sum(self, columns, rows, apply_vjp{columns, matrix, ybar, xbar});
}

/* --- Gates --- */

struct gate_one {
    size_t columns;
    const float *gate, *x, *bias;
    float *y, *shift;
    __device__ void operator()(size_t i) const {
        const size_t o = i / columns;
        y[i] = gate[o] * x[i];
        if (i % columns == 0) shift[o] += gate[o] * bias[o];
    }
};
static void gate(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x,
                 const real *bias, real *y, real *shift) {
    images_each(self, rows * columns, gate_one{columns, gate, x, bias, y, shift});
}

struct gate_vjp {
    size_t columns;
    const float *gate, *x, *bias, *ybar;
    float *x_bar, *bias_bar, *shift_bar;
    __device__ double term(size_t o, size_t i) const {
        const size_t at = o * columns + i;
        x_bar[at] += gate[o] * ybar[at];
        return (double)ybar[at] * (double)x[at];
    }
    __device__ void end(size_t o, double sum) const {
        const float shift = shift_bar[o], gate_bar = (float)((double)(shift * bias[o]) + sum);
        bias_bar[o] += gate[o] * shift;
        shift_bar[o] = gate_bar * (gate[o] * (1 - gate[o]));
    }
};
static void gate_backward(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x,
                          const real *bias, const real *ybar, real *x_bar, real *bias_bar, real *shift_bar) {
    images_sum(self, rows, columns, gate_vjp{columns, gate, x, bias, ybar, x_bar, bias_bar, shift_bar});
}

/* --- The end time --- */

struct dot_pieces {
    size_t n, piece;
    const float *a, *b;
    double *sums; /* (pieces) */
    __device__ double term(size_t row, size_t i) const {
        const size_t at = row * piece + i;
        return at < n ? (double)a[at] * (double)b[at] : 0;
    }
    __device__ void end(size_t row, double sum) const { sums[row] = sum; }
};

struct time_vjp {
    const double *sums, *s;
    const float *clock_bar, *root;
    float *root_bar;
    __device__ double term(size_t, size_t i) const { return sums[i]; }
    __device__ void end(size_t, double sum) const {
        if (clock_bar) sum += *s * (double)*clock_bar;
        *root_bar += (float)(2 * (double)*root * sum);
    }
};
static void time_backward(const backend_ops *self, const dot_terms *terms, const double *s, const real *clock_bar,
                          const real *root, real *root_bar) {
    double *sums = images_device(self)->sums;
    size_t count = 0;
    for (size_t t = 0; t < terms->count; t++) {
        const size_t n = terms->n[t], pieces = images_pieces(n);
        if (!terms->a[t] || !terms->b[t]) continue;
        images_sum(self, pieces, (n + pieces - 1) / pieces,
                   dot_pieces{n, (n + pieces - 1) / pieces, terms->a[t], terms->b[t], sums + count});
        count += pieces;
    }
    images_sum(self, 1, count, time_vjp{sums, s, clock_bar, root, root_bar});
}

/* --- The first and last operations of a flow: the device's logarithm and exponential, to an ulp of a double --- */

struct logit_rows {
    size_t D;
    double alpha, scale, log_scale;
    const float *x;
    float *z;
    double *log_determinant;
    __device__ double term(size_t row, size_t i) const {
        const size_t at = row * D + i;
        const double y = alpha + scale * (double)x[at], log_y = log(y), log_rest = log1p(-y);
        z[at] = (float)(log_y - log_rest);
        return log_scale - log_y - log_rest;
    }
    __device__ void end(size_t row, double sum) const { log_determinant[row] = sum; }
};
static void logit(const backend_ops *self, double alpha, size_t n, size_t D, const real *x, real *z,
                  double *log_determinant) {
    const double scale = 1 - 2 * alpha;
    images_sum(self, n, D, logit_rows{D, alpha, scale, log(scale), x, z, log_determinant});
}

struct unlogit_one {
    double alpha;
    const float *z;
    float *x;
    __device__ void operator()(size_t i) const {
        const double y = 1 / (1 + exp(-(double)z[i]));
        x[i] = (float)((y - alpha) / (1 - 2 * alpha));
    }
};
static void unlogit(const backend_ops *self, double alpha, size_t n, size_t D, const real *z, real *x) {
    images_each(self, n * D, unlogit_one{alpha, z, x});
}

/* One thread for each number of the image before the squeeze. */
struct squeeze_one {
    squeeze_shape before, after;
    bool inverse;
    const float *x;
    float *y;
    static __device__ size_t place(const squeeze_shape &s, size_t i, size_t j, size_t k) {
        return s.layout == SQUEEZE_CHANNEL_LAST ? (i * s.width + j) * s.channels + k : (k * s.height + i) * s.width + j;
    }
    __device__ void operator()(size_t at) const {
        const size_t k = at % before.channels, pixel = at / before.channels;
        const size_t j = pixel % before.width, i = pixel / before.width % before.height;
        const size_t image = pixel / before.width / before.height * before.channels * before.width * before.height;
        const size_t wide = image + place(before, i, j, k);
        const size_t deep = image + place(after, i / 2, j / 2, 4 * k + 2 * (i % 2) + j % 2);
        if (inverse) y[wide] = x[deep];
        else y[deep] = x[wide];
    }
};
static void squeeze(const backend_ops *self, const squeeze_shape *shape, size_t n, bool inverse, const real *x,
                    real *y) {
    const squeeze_shape after = {4 * shape->channels, shape->height / 2, shape->width / 2, shape->layout};
    images_each(self, n * shape->channels * shape->height * shape->width, squeeze_one{*shape, after, inverse, x, y});
}

struct accumulate_one {
    const float *x;
    double *sums;
    __device__ void operator()(size_t i) const { sums[i] += (double)x[i]; }
};
static void accumulate(const backend_ops *self, size_t n, const real *x, double *sums) {
    images_each(self, n, accumulate_one{x, sums});
}

struct square_rows {
    size_t D;
    const float *x;
    double *sums;
    __device__ double term(size_t row, size_t i) const { return (double)x[row * D + i] * (double)x[row * D + i]; }
    __device__ void end(size_t row, double sum) const { sums[row] = sum; }
};
static void squares(const backend_ops *self, size_t n, size_t D, const real *x, double *sums) {
    images_sum(self, n, D, square_rows{D, x, sums});
}

void images_networks(backend_ops *table) {
    table->matmul = matmul;
    table->plan_apply = plan_apply;
    table->apply = apply;
    table->apply_backward = apply_backward;
    table->gate = gate;
    table->gate_backward = gate_backward;
    table->time_backward = time_backward;
    table->logit = logit;
    table->unlogit = unlogit;
    table->squeeze = squeeze;
    table->accumulate = accumulate;
    table->squares = squares;
}
