/* images_attention_blas.cu - self-attention with products by cuBLAS: the equations of core/backend/cpu/attention.inc.
 *
 * Weights of P x P pixels are stored, for a group of images at a time. For a group of g images, with A = heads size, r = 0
 * for values and 1 for tangents:
 *
 *   qkv (2, g P, 3 A)     one product; q of head h begins at column h size, k at A + h size, v at 2 A + h size
 *   s, t (g, heads, P, P) three products for each head, batched over the images
 *   softmax_kernel        s, t <- p, p t (or t), one block for each row
 *   o (2, g P, A)         three products for each head; y += o out
 *
 * The backward pass stores pbar and p'bar too. A group is as large as WEIGHTS_BYTES allow, chosen by the shape alone, so
 * results do not depend on the device's memory. Sums of a product are in cuBLAS's order; a row's sums are as in
 * images_attention.cu. */
#include <math.h>
#include <stdint.h>

#include "backend/cuda/device_math.cuh"
#include "backend/cuda/images_attention.cuh"
#include "backend/cuda/images_blas.cuh"

namespace {

enum {
    WEIGHTS = 4, /* matrices of P x P for each head: s, t and their cotangents */
    WEIGHTS_BYTES = 1 << 28, /* of a group */
    PIXELS_LEAST = 32 /* rows of fewer numbers leave most of a block idle */
};

/* A group of images, with its arrays in scratch. */
struct group {
    const backend_ops *self;
    const attention_shape *s;
    const float *packed;
    size_t most, images; /* images of a full group, and of this one */
    float scale;
    float *qkv, *o, *qkv_bar, *o_bar; /* (2, most P, 3 A), (2, most P, A) */
    float *weights[WEIGHTS]; /* (most, heads, P, P): p, t, and their cotangents */

    size_t width() const { return s->heads * s->size; } /* A */
    size_t rows() const { return images * s->pixels; }
    size_t part() const { return most * s->pixels; } /* rows of a full group */
};

size_t images_of_group(const attention_shape *s) {
    const size_t bytes = WEIGHTS * s->heads * s->pixels * s->pixels * sizeof(float);
    const size_t most = bytes < WEIGHTS_BYTES ? WEIGHTS_BYTES / bytes : 1;
    const size_t groups = (s->images + most - 1) / most;
    return (s->images + groups - 1) / groups; /* of equal size, but for the last */
}

group group_of(const backend_ops *self, const attention_shape *s, const float *packed, float *scratch) {
    group of = {};
    of.self = self;
    of.s = s;
    of.packed = packed;
    of.most = images_of_group(s);
    of.scale = (float)(1 / sqrt((double)s->size));
    const size_t part = 2 * of.part() * of.width();
    of.qkv = scratch;
    of.qkv_bar = of.qkv + 3 * part;
    of.o = of.qkv_bar + 3 * part;
    of.o_bar = of.o + part;
    for (size_t i = 0; i < WEIGHTS; i++)
        of.weights[i] = of.o_bar + part + i * of.most * s->heads * s->pixels * s->pixels;
    return of;
}

/* --- Products for all images of a group --- */

enum { Q, K, V }; /* thirds of qkv */

/* Columns of head h, for each image: of a third of qkv or of its cotangent, and of o or of its cotangent; r: values or
 * tangents. */
blas_factor third(const group &of, const float *qkv, size_t which, size_t h, size_t r) {
    const size_t A = of.width(), row = 3 * A;
    return blas_factor{qkv + r * of.part() * row + which * A + h * of.s->size, row, of.s->pixels * row, 0};
}
blas_factor column(const group &of, const float *o, size_t h, size_t r) {
    const size_t A = of.width();
    return blas_factor{o + r * of.part() * A + h * of.s->size, A, of.s->pixels * A, 0};
}
blas_factor weight(const group &of, size_t which, size_t h) {
    const size_t P = of.s->pixels;
    return blas_factor{of.weights[which] + h * P * P, P, of.s->heads * P * P, 0};
}
blas_factor transpose(blas_factor of) {
    of.transposed = !of.transposed;
    return of;
}

/* c (P, n) <- [c +] alpha a (P, k) b (k, n) for each image; c is where a factor would be. */
void multiply(const group &of, size_t n, size_t k, double alpha, const blas_factor &a, const blas_factor &b, bool add,
              const blas_factor &c) {
    images_blas_multiply(of.self, blas_product{of.s->pixels, n, k, of.images, alpha, add ? 1.0 : 0.0, a, b,
                                               (float *)c.x, c.row, c.stride});
}

/* A matrix product over all rows of a group, for values and tangents, with strides between them. */
void multiply_both(const group &of, size_t n, size_t k, const float *a, size_t a_stride, const float *b,
                   bool transposed, bool add, float *c, size_t c_stride) {
    const size_t row = transposed ? k : n;
    images_blas_multiply(of.self, blas_product{of.rows(), n, k, 2, 1, add ? 1.0 : 0.0, blas_factor{a, k, a_stride, 0},
                                               blas_factor{b, row, 0, transposed}, c, n, c_stride});
}

/* --- Rows --- */

/* Numbers of a row of P weights; `keep`: t stays, otherwise it becomes p t. */
struct rows_job {
    size_t P;
    size_t keep; /* 0 or 1 */
    float scale; /* of the backward pass */
    float *p, *t, *a, *b; /* (rows, P) */
};

template <unsigned THREADS> __global__ void __launch_bounds__(THREADS) softmax_kernel(rows_job job) {
    __shared__ double draft[2][THREADS];
    float *p = job.p + blockIdx.x * job.P, *t = job.t + blockIdx.x * job.P;
    float most = -INFINITY;
    for (size_t j = threadIdx.x; j < job.P; j += THREADS) most = fmaxf(most, p[j]);
    most = block_largest<THREADS>(draft[0], most);
    double sums[] = {0, 0}; /* of exponentials e, and of e times the tangents */
    for (size_t j = threadIdx.x; j < job.P; j += THREADS) {
        const double e = (double)v_exp_negative(most - p[j]);
        sums[0] += e;
        sums[1] += e * (double)t[j];
    }
    block_sums<THREADS>(draft, sums);
    const float total = (float)sums[0], mean = (float)(sums[1] / sums[0]);
    for (size_t j = threadIdx.x; j < job.P; j += THREADS) {
        const float one = v_exp_negative(most - p[j]) / total, centred = t[j] - mean;
        p[j] = one;
        t[j] = job.keep ? centred : one * centred;
    }
}

/* a, b: cotangents of p and of its tangent <- those of q kT and of its tangent; t <- p t. */
template <unsigned THREADS> __global__ void __launch_bounds__(THREADS) softmax_backward_kernel(rows_job job) {
    __shared__ double draft[4][THREADS];
    const float *p = job.p + blockIdx.x * job.P;
    float *t = job.t + blockIdx.x * job.P, *a = job.a + blockIdx.x * job.P, *b = job.b + blockIdx.x * job.P;
    double sums[] = {0, 0, 0, 0}; /* of p times p'bar, pbar, t p'bar, t */
    for (size_t j = threadIdx.x; j < job.P; j += THREADS) {
        const double one = (double)p[j], bar = (double)b[j];
        sums[0] += one * bar;
        sums[1] += one * (double)a[j];
        sums[2] += one * (double)t[j] * bar;
        sums[3] += one * (double)t[j];
    }
    block_sums<THREADS>(draft, sums);
    const float mean = (float)sums[0], rest = (float)(sums[1] + sums[2] - sums[0] * sums[3]);
    for (size_t j = threadIdx.x; j < job.P; j += THREADS) {
        const float centred = b[j] - mean;
        a[j] = job.scale * p[j] * (fmaf(centred, t[j], a[j]) - rest);
        b[j] = job.scale * p[j] * centred;
        t[j] = p[j] * t[j];
    }
}

/* --- A group --- */

enum { P_, T, A_, B }; /* indices of weights */

/* p and t of the group, from x, the first of its images; x (2, .., P, C) has `half` numbers before its tangents. */
void begin(const group &of, const float *x, size_t half, bool keep) {
    const size_t P = of.s->pixels, C = of.s->channels, d = of.s->size, A = of.width();
    multiply_both(of, 3 * A, C, x, half, attention_in_rows(of.s, of.packed), true, false, of.qkv, of.part() * 3 * A);
    for (size_t h = 0; h < of.s->heads; h++) {
        const blas_factor q = third(of, of.qkv, Q, h, 0), dq = third(of, of.qkv, Q, h, 1);
        const blas_factor k = transpose(third(of, of.qkv, K, h, 0)), dk = transpose(third(of, of.qkv, K, h, 1));
        multiply(of, P, d, (double)of.scale, q, k, false, weight(of, P_, h));
        multiply(of, P, d, (double)of.scale, dq, k, false, weight(of, T, h));
        multiply(of, P, d, (double)of.scale, q, dk, true, weight(of, T, h));
    }
    attention_rows(of.self, P, of.images * of.s->heads * P, softmax_kernel<NARROW_THREADS>,
                   softmax_kernel<WIDE_THREADS>, rows_job{P, keep, 0, of.weights[P_], of.weights[T], NULL, NULL});
}

/* o from p and p t. */
void attend(const group &of) {
    const size_t P = of.s->pixels, d = of.s->size;
    for (size_t h = 0; h < of.s->heads; h++) {
        const blas_factor v = third(of, of.qkv, V, h, 0), dv = third(of, of.qkv, V, h, 1);
        multiply(of, d, P, 1, weight(of, P_, h), v, false, column(of, of.o, h, 0));
        multiply(of, d, P, 1, weight(of, T, h), v, false, column(of, of.o, h, 1));
        multiply(of, d, P, 1, weight(of, P_, h), dv, true, column(of, of.o, h, 1));
    }
}

/* The cotangents of q, k and v, from that of o. */
void attend_backward(const group &of) {
    const size_t P = of.s->pixels, d = of.s->size;
    for (size_t h = 0; h < of.s->heads; h++) {
        const blas_factor bar = column(of, of.o_bar, h, 0), dbar = column(of, of.o_bar, h, 1);
        const blas_factor v = transpose(third(of, of.qkv, V, h, 0)), dv = transpose(third(of, of.qkv, V, h, 1));
        multiply(of, P, d, 1, bar, v, false, weight(of, A_, h));
        multiply(of, P, d, 1, dbar, dv, true, weight(of, A_, h));
        multiply(of, P, d, 1, dbar, v, false, weight(of, B, h));
    }
    attention_rows(of.self, P, of.images * of.s->heads * P, softmax_backward_kernel<NARROW_THREADS>,
                   softmax_backward_kernel<WIDE_THREADS>,
                   rows_job{P, 0, of.scale, of.weights[P_], of.weights[T], of.weights[A_], of.weights[B]});
    for (size_t h = 0; h < of.s->heads; h++) {
        const blas_factor p = transpose(weight(of, P_, h)), w = transpose(weight(of, T, h));
        const blas_factor a = weight(of, A_, h), b = weight(of, B, h);
        const blas_factor bar = column(of, of.o_bar, h, 0), dbar = column(of, of.o_bar, h, 1);
        const blas_factor q = third(of, of.qkv, Q, h, 0), dq = third(of, of.qkv, Q, h, 1);
        const blas_factor k = third(of, of.qkv, K, h, 0), dk = third(of, of.qkv, K, h, 1);
        multiply(of, d, P, 1, a, k, false, third(of, of.qkv_bar, Q, h, 0));
        multiply(of, d, P, 1, b, dk, true, third(of, of.qkv_bar, Q, h, 0));
        multiply(of, d, P, 1, b, k, false, third(of, of.qkv_bar, Q, h, 1));
        multiply(of, d, P, 1, transpose(a), q, false, third(of, of.qkv_bar, K, h, 0));
        multiply(of, d, P, 1, transpose(b), dq, true, third(of, of.qkv_bar, K, h, 0));
        multiply(of, d, P, 1, transpose(b), q, false, third(of, of.qkv_bar, K, h, 1));
        multiply(of, d, P, 1, p, bar, false, third(of, of.qkv_bar, V, h, 0));
        multiply(of, d, P, 1, w, dbar, true, third(of, of.qkv_bar, V, h, 0));
        multiply(of, d, P, 1, p, dbar, false, third(of, of.qkv_bar, V, h, 1));
    }
}

/* Add to the gradients: in (3, heads, C, size) of x times the cotangent of qkv, out (A, C) of o times bar. Values and
 * tangents one after the other, as both add to the same numbers. */
void add_gradients(const group &of, const float *x, const float *bar, size_t half, float *gradient) {
    const size_t C = of.s->channels, d = of.s->size, A = of.width(), N = of.rows();
    float *out = gradient + 3 * A * C;
    for (size_t r = 0; r < 2; r++) {
        const float *o = of.o + r * of.part() * A, *qkv_bar = of.qkv_bar + r * of.part() * 3 * A;
        images_blas_multiply(of.self, blas_product{A, C, N, 1, 1, 1, blas_factor{o, A, 0, 1},
                                                   blas_factor{bar + r * half, C, 0, 0}, out, C, 0});
        images_blas_multiply(of.self, blas_product{C, d, N, 3 * of.s->heads, 1, 1, blas_factor{x + r * half, C, 0, 1},
                                                   blas_factor{qkv_bar, 3 * A, d, 0}, gradient, d, C * d});
    }
}

} // namespace

/* cuBLAS takes sizes of 32 bits; the products over all rows of a group have the largest. */
bool attention_suits_blas(const attention_shape *s) {
    const size_t most = INT32_MAX, weights = WEIGHTS * s->pixels * s->heads * sizeof(float);
    return s->pixels >= PIXELS_LEAST && s->pixels <= WEIGHTS_BYTES / weights && s->images <= most / s->pixels &&
           3 * s->heads * s->size <= most && s->channels <= most;
}

size_t attention_blas_scratch(const attention_shape *s) {
    const size_t most = images_of_group(s);
    return most * s->pixels * s->heads * (16 * s->size + WEIGHTS * s->pixels);
}

void attention_blas(const backend_ops *self, const attention_shape *s, const real *packed, const real *x, real *y,
                    real *scratch) {
    const size_t image = s->pixels * s->channels, half = s->images * image;
    group of = group_of(self, s, packed, scratch);
    self->copy(self, 2 * half, x, y);
    for (size_t first = 0; first < s->images; first += of.most) {
        of.images = s->images - first < of.most ? s->images - first : of.most;
        begin(of, x + first * image, half, false);
        attend(of);
        multiply_both(of, s->channels, of.width(), of.o, of.part() * of.width(), attention_out(s, packed), false, true,
                      y + first * image, half);
    }
}

void attention_blas_backward(const backend_ops *self, const attention_shape *s, const real *packed, const real *x,
                             real *bar, real *gradient, real *scratch) {
    const size_t image = s->pixels * s->channels, half = s->images * image;
    group of = group_of(self, s, packed, scratch);
    const size_t A = of.width(), C = s->channels;
    for (size_t first = 0; first < s->images; first += of.most) {
        of.images = s->images - first < of.most ? s->images - first : of.most;
        float *above = bar + first * image;
        begin(of, x + first * image, half, true);
        multiply_both(of, A, C, above, half, attention_out(s, packed), true, false, of.o_bar, of.part() * A);
        attend_backward(of);
        attend(of); /* by p t, which the backward pass has made of t */
        add_gradients(of, x + first * image, above, half, gradient);
        multiply_both(of, C, 3 * A, of.qkv_bar, of.part() * 3 * A, attention_in_rows(s, packed), false, true, above,
                      half);
    }
}
