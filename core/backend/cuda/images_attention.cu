/* images_attention.cu - self-attention over the pixels of images on dual numbers, and its backward pass: the equations of
 * core/backend/cpu/attention.inc. These are the library's own kernels; shapes that suit cuBLAS are computed by
 * images_attention_blas.cu.
 *
 * All images and heads are computed together. A row is one pixel of one head of one image. No row of P weights is ever
 * stored: a block computes the weights of one row again, in shared memory, one column for each thread at a time. The
 * forward pass stores each row's largest logit, the sum of its exponentials and its mean tangent. The backward pass adds
 * two sums of each row, so a block of one column can compute the weights of all rows above it. Scratch is therefore of
 * order rows: arrays (2, rows, size) for values and tangents, and STATISTICS numbers a row.
 *
 * Sums over a row's columns are in double; the products of matrices are single fused multiply-adds in order, as on the CPU.
 * Results differ from the CPU's in the last bits, and are the same in every run. */
#include <stdio.h>

#include "backend/cuda/device_math.cuh"
#include "backend/cuda/images_attention.cuh"
#include "backend/cuda/images_blas.cuh"

namespace {

enum { Q, K, V, O, O_BAR, Q_BAR, K_BAR, V_BAR, ARRAYS }; /* Q_BAR to V_BAR in the order of Q to V */
enum { LARGEST, TOTAL, MEAN, CENTRE, REST, STATISTICS }; /* of a row */

struct heads {
    size_t images, pixels, channels, count, size; /* P, C, H, d */
    float scale; /* 1 / sqrt(d) */
    float *scratch;

    __host__ __device__ size_t rows() const { return images * count * pixels; }
    __host__ __device__ size_t half() const { return images * pixels * channels; } /* of x */
    /* Array `which`, (rows, size), of values (0) or tangents (1); a number of all rows. */
    __device__ float *array(unsigned which, unsigned tangent) const {
        return scratch + (2 * which + tangent) * rows() * size;
    }
    __device__ float *statistic(unsigned which) const { return scratch + 2 * ARRAYS * rows() * size + which * rows(); }
    /* The head of a row, and where its pixel begins in x. */
    __device__ size_t head(size_t row) const { return row / pixels % count; }
    __device__ size_t pixel(size_t row) const { return (row / pixels / count * pixels + row % pixels) * channels; }
    /* The row of a pixel (of all images) and a head. */
    __device__ size_t row(size_t pixel, size_t head) const {
        return (pixel / pixels * count + head) * pixels + pixel % pixels;
    }
};

heads heads_of(const attention_shape *s, float *scratch) {
    return heads{s->images, s->pixels, s->channels, s->heads, s->size, (float)(1 / sqrt((double)s->size)), scratch};
}

/* --- Matrix products: one thread for each number --- */

/* q, k, v of values and tangents; i counts (2, 3, rows, size). */
struct project_one {
    heads of;
    const float *packed, *x;
    __device__ void operator()(size_t i) const {
        const size_t d = of.size, k = i % d, row = i / d % of.rows(), which = i / d / of.rows() % 3;
        const size_t tangent = i / d / of.rows() / 3;
        const float *in = x + tangent * of.half() + of.pixel(row);
        const float *weight = packed + (which * of.count + of.head(row)) * of.channels * d + k;
        float sum = 0;
        for (size_t c = 0; c < of.channels; c++) sum = fmaf(in[c], weight[c * d], sum);
        of.array((unsigned)which, (unsigned)tangent)[row * d + k] = sum;
    }
};

/* y <- x + all heads' o times `out`; i counts y. */
struct out_one {
    heads of;
    const float *out, *x;
    float *y;
    __device__ void operator()(size_t i) const {
        const size_t C = of.channels, c = i % C, pixel = i / C % (of.images * of.pixels), tangent = i / of.half();
        float sum = x[i];
        for (size_t h = 0; h < of.count; h++) {
            const float *o = of.array(O, (unsigned)tangent) + of.row(pixel, h) * of.size;
            for (size_t k = 0; k < of.size; k++) sum = fmaf(o[k], out[(h * of.size + k) * C + c], sum);
        }
        y[i] = sum;
    }
};

/* The cotangents of o; i counts (2, rows, size). */
struct out_bar_one {
    heads of;
    const float *out_rows, *bar;
    __device__ void operator()(size_t i) const {
        const size_t d = of.size, k = i % d, row = i / d % of.rows(), tangent = i / d / of.rows();
        const float *above = bar + tangent * of.half() + of.pixel(row),
                    *weight = out_rows + of.head(row) * of.channels * d + k;
        float sum = 0;
        for (size_t c = 0; c < of.channels; c++) sum = fmaf(above[c], weight[c * d], sum);
        of.array(O_BAR, (unsigned)tangent)[row * d + k] = sum;
    }
};

/* bar += the cotangents of q, k and v times their weights; i counts bar. */
struct project_bar_one {
    heads of;
    const float *in_rows;
    float *bar;
    __device__ void operator()(size_t i) const {
        const size_t C = of.channels, c = i % C, pixel = i / C % (of.images * of.pixels), tangent = i / of.half();
        float sum = bar[i];
        for (size_t h = 0; h < of.count; h++)
            for (unsigned which = 0; which < 3; which++) {
                const float *one = of.array(Q_BAR + which, (unsigned)tangent) + of.row(pixel, h) * of.size;
                const float *weight = in_rows + (which * of.count + h) * of.size * C + c;
                for (size_t k = 0; k < of.size; k++) sum = fmaf(one[k], weight[k * C], sum);
            }
        bar[i] = sum;
    }
};

/* Gradients: a row for each weight, a term for each pixel of values and tangents. in (3, heads, C, size). */
struct in_gradient_rows {
    heads of;
    const float *x;
    float *gradient;
    __device__ double term(size_t weight, size_t i) const {
        const size_t d = of.size, k = weight % d, c = weight / d % of.channels, part = weight / d / of.channels;
        const size_t pixel = i % (of.images * of.pixels), tangent = i / (of.images * of.pixels);
        const float *bar = of.array(Q_BAR + (unsigned)(part / of.count), (unsigned)tangent);
        return (double)x[tangent * of.half() + pixel * of.channels + c] *
               (double)bar[of.row(pixel, part % of.count) * d + k];
    }
    __device__ void end(size_t weight, double sum) const { gradient[weight] += (float)sum; }
};

/* out (heads size, C). */
struct out_gradient_rows {
    heads of;
    const float *bar;
    float *gradient;
    __device__ double term(size_t weight, size_t i) const {
        const size_t c = weight % of.channels, k = weight / of.channels % of.size, h = weight / of.channels / of.size;
        const size_t pixel = i % (of.images * of.pixels), tangent = i / (of.images * of.pixels);
        return (double)bar[tangent * of.half() + pixel * of.channels + c] *
               (double)of.array(O, (unsigned)tangent)[of.row(pixel, h) * of.size + k];
    }
    __device__ void end(size_t weight, double sum) const { gradient[weight] += (float)sum; }
};

/* --- Rows and columns of weights: one block for each --- */

__device__ float dot(size_t n, const float *x, const float *y, float sum) {
    for (size_t k = 0; k < n; k++) sum = fmaf(x[k], y[k], sum);
    return sum;
}

/* The logit of a row and a column, both counted as rows, and its tangent. */
struct logit {
    float value, tangent;
    __device__ logit(const heads &of, size_t row, size_t column) {
        const size_t d = of.size;
        const float *q = of.array(Q, 0) + row * d, *k = of.array(K, 0) + column * d;
        value = of.scale * dot(d, q, k, 0);
        tangent = of.scale * dot(d, q, of.array(K, 1) + column * d, dot(d, of.array(Q, 1) + row * d, k, 0));
    }
};

/* The weight p of a column for a row, and its centred tangent t. */
struct weighting {
    float p, t;
    __device__ weighting(const heads &of, size_t row, size_t column) {
        const logit s(of, row, column);
        p = v_exp_negative(of.statistic(LARGEST)[row] - s.value) / of.statistic(TOTAL)[row];
        t = s.tangent - of.statistic(MEAN)[row];
    }
};

/* The cotangents of p and of its tangent. */
struct weighting_bar {
    float p, tangent;
    __device__ weighting_bar(const heads &of, size_t row, size_t column) {
        const size_t d = of.size;
        const float *bar = of.array(O_BAR, 0) + row * d, *dbar = of.array(O_BAR, 1) + row * d;
        const float *v = of.array(V, 0) + column * d;
        p = dot(d, dbar, of.array(V, 1) + column * d, dot(d, bar, v, 0));
        tangent = dot(d, dbar, v, 0);
    }
};

/* The cotangents of q kT and of its tangent: a and b. */
struct logit_bar {
    float a, b;
    __device__ logit_bar(const heads &of, size_t row, size_t column, const weighting &w) {
        const weighting_bar above(of, row, column);
        const float centred = above.tangent - of.statistic(CENTRE)[row];
        a = of.scale * w.p * (fmaf(centred, w.t, above.p) - of.statistic(REST)[row]);
        b = of.scale * w.p * centred;
    }
};

/* A row's statistics of the forward pass, and o. */
template <unsigned THREADS> __global__ void __launch_bounds__(THREADS) row_kernel(heads of) {
    __shared__ double draft[2][THREADS];
    __shared__ float p[THREADS], w[THREADS];
    const size_t row = blockIdx.x, first = row - row % of.pixels, P = of.pixels, d = of.size;
    float most = -INFINITY;
    for (size_t j = threadIdx.x; j < P; j += THREADS) most = fmaxf(most, logit(of, row, first + j).value);
    most = block_largest<THREADS>(draft[0], most);
    double sums[] = {0, 0}; /* of exponentials e, and of e times the tangents */
    for (size_t j = threadIdx.x; j < P; j += THREADS) {
        const logit s(of, row, first + j);
        const double e = (double)v_exp_negative(most - s.value);
        sums[0] += e;
        sums[1] += e * (double)s.tangent;
    }
    block_sums<THREADS>(draft, sums);
    const float total = (float)sums[0], mean = (float)(sums[1] / sums[0]);
    if (threadIdx.x == 0) {
        of.statistic(LARGEST)[row] = most;
        of.statistic(TOTAL)[row] = total;
        of.statistic(MEAN)[row] = mean;
    }
    float *o = of.array(O, 0) + row * d, *tangents = of.array(O, 1) + row * d;
    for (size_t k = threadIdx.x; k < d; k += THREADS) o[k] = tangents[k] = 0;
    for (size_t from = 0; from < P; from += THREADS) {
        const size_t n = P - from < THREADS ? P - from : (size_t)THREADS, at = first + from;
        __syncthreads();
        if (threadIdx.x < n) {
            const weighting one(of, row, at + threadIdx.x);
            p[threadIdx.x] = one.p;
            w[threadIdx.x] = one.p * one.t;
        }
        __syncthreads();
        const float *v = of.array(V, 0) + at * d, *dv = of.array(V, 1) + at * d;
        for (size_t k = threadIdx.x; k < d; k += THREADS) {
            float value = o[k], slope = tangents[k];
            for (size_t j = 0; j < n; j++) {
                value = fmaf(p[j], v[j * d + k], value);
                slope = fmaf(p[j], dv[j * d + k], fmaf(w[j], v[j * d + k], slope));
            }
            o[k] = value;
            tangents[k] = slope;
        }
    }
}

/* A row's statistics of the backward pass, and the cotangents of q. */
template <unsigned THREADS> __global__ void __launch_bounds__(THREADS) row_backward_kernel(heads of) {
    __shared__ double draft[4][THREADS];
    __shared__ float a[THREADS], b[THREADS];
    const size_t row = blockIdx.x, first = row - row % of.pixels, P = of.pixels, d = of.size;
    double sums[] = {0, 0, 0, 0}; /* of p times p'bar, pbar, t p'bar, t */
    for (size_t j = threadIdx.x; j < P; j += THREADS) {
        const weighting one(of, row, first + j);
        const weighting_bar above(of, row, first + j);
        const double p = (double)one.p, bar = (double)above.tangent;
        sums[0] += p * bar;
        sums[1] += p * (double)above.p;
        sums[2] += p * (double)one.t * bar;
        sums[3] += p * (double)one.t;
    }
    block_sums<THREADS>(draft, sums);
    if (threadIdx.x == 0) {
        of.statistic(CENTRE)[row] = (float)sums[0];
        of.statistic(REST)[row] = (float)(sums[1] + sums[2] - sums[0] * sums[3]);
    }
    float *bar = of.array(Q_BAR, 0) + row * d, *dbar = of.array(Q_BAR, 1) + row * d;
    for (size_t k = threadIdx.x; k < d; k += THREADS) bar[k] = dbar[k] = 0;
    for (size_t from = 0; from < P; from += THREADS) {
        const size_t n = P - from < THREADS ? P - from : (size_t)THREADS, at = first + from;
        __syncthreads();
        if (threadIdx.x < n) {
            const logit_bar one(of, row, at + threadIdx.x, weighting(of, row, at + threadIdx.x));
            a[threadIdx.x] = one.a;
            b[threadIdx.x] = one.b;
        }
        __syncthreads();
        const float *key = of.array(K, 0) + at * d, *dkey = of.array(K, 1) + at * d;
        for (size_t k = threadIdx.x; k < d; k += THREADS) {
            float value = bar[k], slope = dbar[k];
            for (size_t j = 0; j < n; j++) {
                value = fmaf(b[j], dkey[j * d + k], fmaf(a[j], key[j * d + k], value));
                slope = fmaf(b[j], key[j * d + k], slope);
            }
            bar[k] = value;
            dbar[k] = slope;
        }
    }
}

/* A column's cotangents of k and v, from all rows of its head. */
template <unsigned THREADS> __global__ void __launch_bounds__(THREADS) column_backward_kernel(heads of) {
    __shared__ float p[THREADS], w[THREADS], a[THREADS], b[THREADS];
    const size_t column = blockIdx.x, first = column - column % of.pixels, P = of.pixels, d = of.size;
    float *kbar = of.array(K_BAR, 0) + column * d, *dkbar = of.array(K_BAR, 1) + column * d;
    float *vbar = of.array(V_BAR, 0) + column * d, *dvbar = of.array(V_BAR, 1) + column * d;
    for (size_t k = threadIdx.x; k < d; k += THREADS) kbar[k] = dkbar[k] = vbar[k] = dvbar[k] = 0;
    for (size_t from = 0; from < P; from += THREADS) {
        const size_t n = P - from < THREADS ? P - from : (size_t)THREADS, at = first + from;
        __syncthreads();
        if (threadIdx.x < n) {
            const weighting one(of, at + threadIdx.x, column);
            const logit_bar above(of, at + threadIdx.x, column, one);
            p[threadIdx.x] = one.p;
            w[threadIdx.x] = one.p * one.t;
            a[threadIdx.x] = above.a;
            b[threadIdx.x] = above.b;
        }
        __syncthreads();
        const float *q = of.array(Q, 0) + at * d, *dq = of.array(Q, 1) + at * d;
        const float *bar = of.array(O_BAR, 0) + at * d, *dbar = of.array(O_BAR, 1) + at * d;
        for (size_t k = threadIdx.x; k < d; k += THREADS) {
            float key = kbar[k], dkey = dkbar[k], value = vbar[k], slope = dvbar[k];
            for (size_t i = 0; i < n; i++) {
                const size_t one = i * d + k;
                key = fmaf(b[i], dq[one], fmaf(a[i], q[one], key));
                dkey = fmaf(b[i], q[one], dkey);
                value = fmaf(w[i], dbar[one], fmaf(p[i], bar[one], value));
                slope = fmaf(p[i], dbar[one], slope);
            }
            kbar[k] = key;
            dkbar[k] = dkey;
            vbar[k] = value;
            dvbar[k] = slope;
        }
    }
}

/* --- The table's operations --- */

/* Return whether cuBLAS computes this shape. */
bool by_blas(const backend_ops *self, const attention_shape *s) {
    char name[96];
    if (!attention_suits_blas(s)) return false;
    snprintf(name, sizeof name, "attention of %zu heads of %zu in %zu channels, %zu images of %zu pixels", s->heads,
             s->size, s->channels, s->images, s->pixels);
    return images_blas_takes(self, name);
}

size_t scratch_reals(const backend_ops *self, const attention_shape *s) {
    if (by_blas(self, s)) return attention_blas_scratch(s);
    return s->images * s->heads * s->pixels * (2 * ARRAYS * s->size + STATISTICS);
}

void begin(const backend_ops *self, const heads &of, const real *packed, const real *x) {
    images_each(self, 6 * of.rows() * of.size, project_one{of, packed, x});
    attention_rows(self, of.pixels, of.rows(), row_kernel<NARROW_THREADS>, row_kernel<WIDE_THREADS>, of);
}

void attention(const backend_ops *self, const attention_shape *s, const real *packed, const real *x, real *y,
               real *scratch) {
    if (by_blas(self, s)) {
        attention_blas(self, s, packed, x, y, scratch);
        return;
    }
    const heads of = heads_of(s, scratch);
    begin(self, of, packed, x);
    images_each(self, 2 * of.half(), out_one{of, attention_out(s, packed), x, y});
}

void attention_backward(const backend_ops *self, const attention_shape *s, const real *packed, const real *x, real *bar,
                        real *gradient, real *scratch) {
    if (by_blas(self, s)) {
        attention_blas_backward(self, s, packed, x, bar, gradient, scratch);
        return;
    }
    const heads of = heads_of(s, scratch);
    const size_t weights = attention_weights(s), terms = 2 * s->images * s->pixels;
    begin(self, of, packed, x);
    images_each(self, 2 * of.rows() * of.size, out_bar_one{of, attention_out_rows(s, packed), bar});
    attention_rows(self, of.pixels, of.rows(), row_backward_kernel<NARROW_THREADS>, row_backward_kernel<WIDE_THREADS>,
                   of);
    attention_rows(self, of.pixels, of.rows(), column_backward_kernel<NARROW_THREADS>,
                   column_backward_kernel<WIDE_THREADS>, of);
    images_sum(self, weights / 4, terms, out_gradient_rows{of, bar, gradient + weights / 4 * 3});
    images_each(self, 2 * of.half(), project_bar_one{of, attention_in_rows(s, packed), bar});
    images_sum(self, weights / 4 * 3, terms, in_gradient_rows{of, x, gradient});
}

} // namespace

void images_attention(backend_ops *table) {
    table->attention_scratch = scratch_reals;
    table->attention = attention;
    table->attention_backward = attention_backward;
}
