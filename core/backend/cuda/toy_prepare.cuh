/* toy_prepare.cuh - the field's weights at every evaluation, from the context by the hypernet, and the backward pass.
 *
 * The operations are those of mlp_forward, mlp_backward (context/mlp.c) and of prepare, prepare_backward
 * (field/hyper_mlp.c) in their order, by a whole block; one thread computes each sum. */
#ifndef AFFJORD_BACKEND_CUDA_TOY_PREPARE_CUH
#define AFFJORD_BACKEND_CUDA_TOY_PREPARE_CUH

#include "backend/cuda/device_math.cuh"
#include "backend/cuda/toy_run.cuh"

/* The function of an element of a product before it is stored. */
typedef enum product_end { PRODUCT_PLAIN, PRODUCT_TANH, PRODUCT_SLOPE } product_end;

/* c (m, n) <- bias (n), or 0, + a (m, k) b (k, n), where element (i, p) of a is a[i row + p column]; then tanh of it,
 * or times the slope 1 - y^2 for y (m, n) = tanh. A thread computes four rows of a column, so that each loaded element
 * of b serves four sums. */
static __device__ void product(team t, unsigned m, unsigned n, unsigned k, const float *a, unsigned row,
                               unsigned column, const float *b, const float *bias, product_end end, const float *y,
                               float *c) {
    enum { ROWS = 4 };
    const unsigned tiles = (m + ROWS - 1) / ROWS * n;
    for (unsigned tile = t.rank; tile < tiles; tile += t.size) {
        const unsigned i = tile / n * ROWS, j = tile % n;
        float sum[ROWS];
        const float *left[ROWS]; /* repeats the last row; copies are not stored */
#pragma unroll
        for (unsigned r = 0; r < ROWS; r++) {
            sum[r] = bias ? bias[j] : 0.0f;
            left[r] = a + (i + r < m ? i + r : m - 1) * row;
        }
        for (unsigned p = 0; p < k; p++) {
            const float right = b[p * n + j];
#pragma unroll
            for (unsigned r = 0; r < ROWS; r++) sum[r] = fmaf(left[r][p * column], right, sum[r]);
        }
#pragma unroll
        for (unsigned r = 0; r < ROWS; r++) {
            if (i + r >= m) continue;
            const unsigned at = (i + r) * n + j;
            if (end == PRODUCT_TANH) sum[r] = v_tanh(sum[r]);
            if (end == PRODUCT_SLOPE) sum[r] *= 1 - y[at] * y[at];
            c[at] = sum[r];
        }
    }
}

/* run.raw <- the hypernet's output at every evaluation. */
static __device__ void hypernet_forward(team t, const fused_kernel_spec &spec, const toy_run &run) {
    const toy_net &net = spec.hypernet;
    const unsigned rows = toy_evaluations(spec);
    const float *x = run.path;
    float *hidden = run.hidden;
    for (unsigned l = 0; l < net.layers; l++) {
        const unsigned in = net.size[l], out = net.size[l + 1];
        const float *weight = run.params + net.weight[l];
        for (unsigned e = t.rank; e < in * out; e += t.size) run.transposed[e] = weight[e % out * in + e / out];
        meet(t);
        const bool last = l + 1 == net.layers;
        float *h = last ? run.raw : hidden;
        product(t, rows, out, in, x, in, 1, run.transposed, run.params + net.bias[l],
                last ? PRODUCT_PLAIN : PRODUCT_TANH, NULL, h);
        meet(t);
        x = h;
        hidden += rows * out;
    }
}

/* Compute the hypernet's range of run.gradient, and run.pathbar, for the cotangent in run.raw. */
static __device__ void hypernet_backward(team t, const fused_kernel_spec &spec, const toy_run &run) {
    const toy_net &net = spec.hypernet;
    const unsigned rows = toy_evaluations(spec);
    unsigned before = 0; /* floats before h_{l+1} in run.hidden */
    for (unsigned l = 1; l < net.layers; l++) before += rows * net.size[l];
    const float *hbar = run.raw;
    for (unsigned l = net.layers; l-- > 0;) {
        const unsigned in = net.size[l], out = net.size[l + 1];
        if (l > 0) before -= rows * in;
        const float *h = l > 0 ? run.hidden + before : run.path;
        float *bias = run.gradient + net.bias[l];
        for (unsigned i = t.rank; i < out; i += t.size) {
            float sum = 0;
            for (unsigned r = 0; r < rows; r++) sum += hbar[r * out + i];
            bias[i] = sum;
        }
        product(t, out, in, rows, hbar, 1, out, h, NULL, PRODUCT_PLAIN, NULL, run.gradient + net.weight[l]);
        float *below = l > 0 ? run.cotangent[l % 2] : run.pathbar;
        product(t, rows, in, out, hbar, out, 1, run.params + net.weight[l], NULL, l > 0 ? PRODUCT_SLOPE : PRODUCT_PLAIN,
                h, below);
        meet(t);
        hbar = below;
    }
}

/* The hypernet's outputs at one time, each a row of W numbers: w (inputs, W), u (D, W), g (D, W), b (W). */
typedef struct toy_outputs {
    float *w, *u, *g, *b;
} toy_outputs;

static __device__ toy_outputs outputs_of(const fused_kernel_spec &spec, const toy_run &run, unsigned instant) {
    const unsigned W = spec.width, D = spec.dimension;
    toy_outputs o;
    o.w = run.raw + instant * spec.hypernet.size[spec.hypernet.layers];
    o.u = o.w + spec.inputs * W;
    o.g = o.u + D * W;
    o.b = o.g + D * W;
    return o;
}

/* run.theta <- the field's weights at the contexts of run.path. */
static __device__ void toy_prepare(team t, const fused_kernel_spec &spec, const toy_run &run) {
    const unsigned W = spec.width, D = spec.dimension, C = spec.context, K = spec.unit;
    const float scale = 1 / (float)W;
    hypernet_forward(t, spec, run);
    for (unsigned e = t.rank; e < toy_evaluations(spec) * W; e += t.size) {
        const unsigned i = e / W, j = e % W;
        const toy_outputs o = outputs_of(spec, run, i);
        float *gate = run.gate + i * D * W, *unit = run.theta + i * spec.stride + j * K;
        float trace = 0, b = o.b[j];
        for (unsigned a = D; a < spec.inputs; a++) b += o.w[a * W + j] * run.path[i * C + a - D];
        for (unsigned d = 0; d < D; d++) {
            const float open = v_sigmoid(o.g[d * W + j]), w = o.w[d * W + j];
            const float u = o.u[d * W + j] * open * scale;
            gate[d * W + j] = open;
            unit[d] = w;
            unit[D + 1 + d] = u;
            trace += w * u;
        }
        unit[D] = b;
        unit[2 * D + 1] = trace;
    }
    meet(t);
}

/* For the cotangent run.thetabar, compute the hypernet's range of run.gradient, and run.pathbar. */
static __device__ void toy_prepare_backward(team t, const fused_kernel_spec &spec, const toy_run &run) {
    const unsigned W = spec.width, D = spec.dimension, C = spec.context, K = spec.unit;
    const unsigned instants = toy_evaluations(spec), joined = spec.inputs - D;
    const float scale = 1 / (float)W;
    for (unsigned e = t.rank; e < instants * joined; e += t.size) {
        const unsigned i = e / joined, a = e % joined;
        const float value = run.path[i * C + a], *bars = run.thetabar + i * spec.stride + D;
        float *w = outputs_of(spec, run, i).w + (D + a) * W, sum = 0;
        for (unsigned j = 0; j < W; j++) {
            const float bbar = bars[j * K];
            sum += bbar * w[j];
            w[j] = bbar * value;
        }
        run.joined[i * C + a] = sum;
    }
    for (unsigned e = t.rank; e < instants * W; e += t.size) {
        const unsigned i = e / W, j = e % W;
        const toy_outputs o = outputs_of(spec, run, i);
        const float *gate = run.gate + i * D * W, *unit = run.thetabar + i * spec.stride + j * K;
        const float tracebar = unit[2 * D + 1];
        for (unsigned d = 0; d < D; d++) {
            const float w = o.w[d * W + j], u = o.u[d * W + j], s = gate[d * W + j];
            const float gated = (unit[D + 1 + d] + tracebar * w) * scale; /* cotangent of u sigmoid(g) */
            o.w[d * W + j] = unit[d] + tracebar * (u * s * scale);
            o.u[d * W + j] = gated * s;
            o.g[d * W + j] = gated * u * (s * (1 - s));
        }
        o.b[j] = unit[D];
    }
    meet(t);
    hypernet_backward(t, spec, run);
    for (unsigned e = t.rank; e < instants * joined; e += t.size) run.pathbar[e] += run.joined[e];
    meet(t);
}

#endif
