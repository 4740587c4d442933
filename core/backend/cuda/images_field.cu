/* images_field.cu - the field's biases and activations on dual numbers, and the dot products for its divergence.
 *
 *   x = h + b,  y = s(x),  y' = s'(x) h'
 *   xbar = s'(x) ybar + s''(x) h' y'bar,    h'bar = s'(x) y'bar
 *
 * As on the CPU, the values of h are overwritten by the input of the backward pass: s'(x) for softplus and elu, s(x)
 * for tanh, x for swish. */
#include "backend/cuda/device_math.cuh"
#include "backend/cuda/images.cuh"

/* The numbers of a batch and their biases. */
struct layer {
    size_t channels, pixels;
    const uint32_t *bias_of; /* (pixels), or NULL */

    /* Return the index of the bias of number i, counted over images, pixels and channels. */
    __device__ size_t bias(size_t i) const {
        const size_t channel = i % channels;
        return bias_of ? (size_t)bias_of[i / channels % pixels] * channels + channel : channel;
    }
};
static layer layer_of(const dual_shape *shape) {
    return {shape->channels, shape->pixels, shape->bias_of};
}
static size_t numbers_of(const dual_shape *shape) {
    return shape->images * shape->pixels * shape->channels;
}

/* --- A bias's cotangent --- */

/* Images and pixels are divided into groups. A thread sums one channel over the pixels of a group that share a bias;
 * then the groups' sums are added in order. (The CPU has one chain for each bias.) */
struct group_sums {
    layer of;
    size_t images, vectors, image_groups, pixel_groups;
    const float *xbar;
    float *partial; /* (image groups, pixel groups, vectors, channels) */
    __device__ void operator()(size_t i) const {
        const size_t channel = i % of.channels, vector = i / of.channels % vectors, group = i / of.channels / vectors;
        const size_t image = group / pixel_groups, pixel = group % pixel_groups;
        const size_t first = image * images / image_groups, end = (image + 1) * images / image_groups;
        float sum = 0;
        for (size_t p = pixel * of.pixels / pixel_groups; p < (pixel + 1) * of.pixels / pixel_groups; p++) {
            if (of.bias_of && of.bias_of[p] != vector) continue;
            for (size_t n = first; n < end; n++) sum += xbar[(n * of.pixels + p) * of.channels + channel];
        }
        partial[i] = sum;
    }
};

/* Biases without room for partial sums; there are enough of them for one thread each. */
struct add_all {
    group_sums one; /* of a single group */
    float *bias_bar;
    __device__ void operator()(size_t i) const {
        float sum = bias_bar[i];
        const size_t channel = i % one.of.channels, vector = i / one.of.channels;
        for (size_t p = 0; p < one.of.pixels; p++) {
            if (one.of.bias_of && one.of.bias_of[p] != vector) continue;
            for (size_t n = 0; n < one.images; n++)
                sum += one.xbar[(n * one.of.pixels + p) * one.of.channels + channel];
        }
        bias_bar[i] = sum;
    }
};

static void bias_backward(const backend_ops *self, const dual_shape *shape, const real *xbar, real *bias_bar) {
    float *partial = images_device(self)->partial;
    const size_t vectors = shape->bias_of ? shape->vectors : 1, numbers = vectors * shape->channels;
    const size_t groups = PARTIAL_MAX / numbers;
    const size_t image_groups = groups < shape->images ? groups : shape->images;
    const size_t rest = image_groups ? groups / image_groups : 0;
    const size_t pixel_groups = rest < shape->pixels ? rest : shape->pixels;
    const group_sums job = {layer_of(shape), shape->images, vectors, image_groups, pixel_groups, xbar, partial};
    if (groups < 2) {
        images_each(self, numbers, add_all{job, bias_bar});
        return;
    }
    images_each(self, image_groups * pixel_groups * numbers, job);
    self->add_rows(self, image_groups * pixel_groups, numbers, partial, numbers, bias_bar);
}

struct bias_one {
    layer of;
    const float *bias;
    float *x;
    __device__ void operator()(size_t i) const { x[i] += bias[of.bias(i)]; }
};
static void bias_add(const backend_ops *self, const dual_shape *shape, const real *bias, real *x) {
    images_each(self, numbers_of(shape), bias_one{layer_of(shape), bias, x});
}

/* --- Activations --- */

template <activation function> static __device__ __forceinline__ float value_of(float x, float *slope, float *kept) {
    if (function == ACTIVATION_SOFTPLUS) {
        const float y = v_softplus(x, slope);
        *kept = *slope;
        return y;
    }
    if (function == ACTIVATION_TANH) {
        const float y = v_tanh(x);
        *slope = v_fnma(y, y, 1);
        *kept = y;
        return y;
    }
    if (function == ACTIVATION_ELU) {
        const float y = v_elu(x, slope);
        *kept = *slope;
        return y;
    }
    *kept = x;
    return v_swish(x, slope);
}

/* Return s' and s'' from the stored value. */
template <activation function> static __device__ __forceinline__ float slopes_of(float kept, float *bend) {
    if (function == ACTIVATION_SOFTPLUS) {
        *bend = v_fnma(kept, kept, kept);
        return kept;
    }
    if (function == ACTIVATION_TANH) {
        const float slope = v_fnma(kept, kept, 1);
        *bend = v_mul(v_mul(-2, kept), slope);
        return slope;
    }
    if (function == ACTIVATION_ELU) {
        *bend = v_elu_bend(kept);
        return kept;
    }
    return v_swish_slopes(kept, bend);
}

template <activation function> struct activate_one {
    layer of;
    size_t half; /* numbers before the tangents */
    bool keep;
    const float *bias;
    float *h, *y;
    __device__ void operator()(size_t i) const {
        float slope, kept;
        const float value = value_of<function>(h[i] + bias[of.bias(i)], &slope, &kept);
        y[i] = value;
        y[half + i] = slope * h[half + i];
        if (keep) h[i] = kept;
    }
};
template <activation function>
static void activate(const backend_ops *self, const dual_shape *s, const real *bias, bool keep, real *h, real *y) {
    const size_t half = numbers_of(s);
    images_each(self, half, activate_one<function>{layer_of(s), half, keep, bias, h, y});
}
static void dual_activate(const backend_ops *self, const dual_shape *s, const real *bias, bool keep, real *h, real *y) {
#define AS(function, name)                                                                                             \
    case function: activate<function>(self, s, bias, keep, h, y); break;
    switch (s->function) { ACTIVATIONS(AS) }
#undef AS
}

template <activation function> struct backward_one {
    size_t half;
    const float *h;
    float *ybar;
    __device__ void operator()(size_t i) const {
        float bend;
        const float slope = slopes_of<function>(h[i], &bend), tangent = ybar[half + i];
        const float through = (bend * h[half + i]) * tangent;
        ybar[i] = fmaf(slope, ybar[i], through);
        ybar[half + i] = slope * tangent;
    }
};
static void dual_backward(const backend_ops *self, const dual_shape *s, const real *h, real *ybar, real *bias_bar) {
    const size_t half = numbers_of(s);
#define AS(function, name)                                                                                             \
    case function: images_each(self, half, backward_one<function>{half, h, ybar}); break;
    switch (s->function) { ACTIVATIONS(AS) }
#undef AS
    bias_backward(self, s, ybar, bias_bar);
}

/* --- Products --- */

/* One block for each image, one thread for each of the PARTIAL_SUMS partial sums of each product, in the CPU's
 * order. */
enum { PRODUCTS = 3, PRODUCT_THREADS = 64 /* PRODUCTS PARTIAL_SUMS, rounded up to whole warps */ };

struct products_job {
    size_t D;
    const float *f, *e, *product;
    float *results[PRODUCTS]; /* divergence, kinetic, jacobian: (n) each, or NULL */
};

static __global__ void __launch_bounds__(PRODUCT_THREADS) products_kernel(products_job job) {
    __shared__ double sums[PRODUCT_THREADS];
    const unsigned which = threadIdx.x / PARTIAL_SUMS, lane = threadIdx.x % PARTIAL_SUMS;
    const size_t first = blockIdx.x * job.D;
    const bool wanted = which < PRODUCTS && job.results[which];
    const float *left = which == 0 ? job.e : which == 1 ? job.f : job.product;
    const float *right = which == 1 ? job.f : job.product;
    double sum = 0;
    for (size_t i = lane; wanted && i < job.D; i += PARTIAL_SUMS)
        sum += (double)left[first + i] * (double)right[first + i];
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (!wanted || lane > 0) return;
    double *row_sums = sums + threadIdx.x;
    for (unsigned half = PARTIAL_SUMS / 2; half > 0; half /= 2)
        for (unsigned i = 0; i < half; i++) row_sums[i] += row_sums[i + half];
    job.results[which][blockIdx.x] = (float)row_sums[0];
}

static void image_products(const backend_ops *self, size_t n, size_t D, const real *f, const real *e,
                           const real *product, real *divergence, real *kinetic, real *jacobian) {
    images_launch(self, products_kernel, n, PRODUCT_THREADS,
                  products_job{D, f, e, product, {divergence, kinetic, jacobian}});
}

struct products_backward_one {
    size_t D;
    const float *f, *e, *product, *divergence, *kinetic, *jacobian;
    float *fbar, *product_bar;
    __device__ void operator()(size_t d) const {
        const size_t i = d / D;
        const float by_e = divergence ? divergence[i] : 0;
        const float by_f = kinetic ? 2 * kinetic[i] : 0, by_product = jacobian ? 2 * jacobian[i] : 0;
        fbar[d] += by_f * f[d];
        product_bar[d] += by_e * e[d] + by_product * product[d];
    }
};
static void image_products_backward(const backend_ops *self, size_t n, size_t D, const real *f, const real *e,
                                    const real *product, const real *divergence, const real *kinetic,
                                    const real *jacobian, real *fbar, real *product_bar) {
    images_each(self, n * D, products_backward_one{D, f, e, product, divergence, kinetic, jacobian, fbar, product_bar});
}

/* --- The context --- */

/* The inputs of bias vector k in the context: its pixel, and the pixel at a tap. */
struct sight {
    context_shape s;

    __device__ bool each_pixel() const { return s.vectors == s.height * s.width; }
    /* Compute the position plus one; return whether it is inside the image. */
    __device__ bool read(size_t k, size_t tap, size_t *u, size_t *v) const {
        const size_t row = each_pixel() ? k / s.width : k / 3 == 0 ? 0 : k / 3 == 1 ? 1 : s.height - 1;
        const size_t column = each_pixel() ? k % s.width : k % 3 == 0 ? 0 : k % 3 == 1 ? 1 : s.width - 1;
        *u = row + tap / 3;
        *v = column + tap % 3;
        return *u >= 1 && *u <= s.height && *v >= 1 && *v <= s.width;
    }
    __device__ size_t entry(size_t a, size_t u, size_t v) const {
        return s.shared ? a : (a * s.height + u - 1) * s.width + v - 1;
    }
    __device__ size_t weight(size_t o, size_t a, size_t tap) const {
        return (o * s.inputs + s.first + a) * CONV_TAPS + tap;
    }
};

struct context_one {
    sight at;
    const float *weight, *c;
    float *biases;
    __device__ void operator()(size_t i) const {
        const size_t o = i % at.s.out, k = i / at.s.out;
        float sum = biases[i];
        for (size_t tap = 0, u, v; tap < CONV_TAPS; tap++)
            for (size_t a = 0; at.read(k, tap, &u, &v) && a < at.s.extra; a++) {
                const float value = c[at.entry(a, u, v)];
                if (value != 0) sum += weight[at.weight(o, a, tap)] * value;
            }
        biases[i] = sum;
    }
};
static void context_bias(const backend_ops *self, const context_shape *shape, const real *weight, const real *c,
                         real *biases) {
    if (shape->extra == 0) return;
    images_each(self, shape->vectors * shape->out, context_one{sight{*shape}, weight, c, biases});
}

struct context_weight {
    sight at;
    const float *c, *bias_bar;
    float *weight_bar;
    __device__ void operator()(size_t i) const {
        const size_t o = i % at.s.out, tap = i / at.s.out % CONV_TAPS, a = i / at.s.out / CONV_TAPS;
        float *to = weight_bar + at.weight(o, a, tap);
        float sum = *to;
        for (size_t k = 0, u, v; k < at.s.vectors; k++) {
            const float value = at.read(k, tap, &u, &v) ? c[at.entry(a, u, v)] : 0;
            if (value != 0) sum += bias_bar[k * at.s.out + o] * value;
        }
        *to = sum;
    }
};

/* The cotangent of an entry that all pixels of a channel share: a sum over vectors, taps and outputs. */
struct context_channel {
    sight at;
    const float *weight, *bias_bar;
    float *cbar;
    __device__ double term(size_t a, size_t i) const {
        const size_t o = i % at.s.out, tap = i / at.s.out % CONV_TAPS, k = i / at.s.out / CONV_TAPS;
        size_t u, v;
        if (!at.read(k, tap, &u, &v)) return 0;
        return (double)bias_bar[k * at.s.out + o] * (double)weight[at.weight(o, a, tap)];
    }
    __device__ void end(size_t a, double sum) const { cbar[a] = (float)((double)cbar[a] + sum); }
};

/* The cotangent of pixel (i, j), which tap (u, v) reads from pixel (i + 1 - u, j + 1 - v), in order of the taps. */
struct context_pixel {
    sight at;
    const float *weight, *bias_bar;
    float *cbar;
    __device__ void operator()(size_t entry) const {
        const size_t width = at.s.width, a = entry / (at.s.height * width);
        const size_t row = entry / width % at.s.height + 1, column = entry % width + 1;
        float bar = cbar[entry];
        for (size_t tap = CONV_TAPS; tap-- > 0;) {
            const size_t u = tap / 3, v = tap % 3;
            if (row < u || row - u >= at.s.height || column < v || column - v >= width) continue;
            const float *from = bias_bar + ((row - u) * width + column - v) * at.s.out;
            float sum = 0;
            for (size_t o = 0; o < at.s.out; o++) sum += from[o] * weight[at.weight(o, a, tap)];
            bar += sum;
        }
        cbar[entry] = bar;
    }
};

static void context_bias_backward(const backend_ops *self, const context_shape *shape, const real *weight,
                                  const real *c, const real *bias_bar, real *weight_bar, real *cbar) {
    const sight at = {*shape};
    images_each(self, shape->extra * CONV_TAPS * shape->out, context_weight{at, c, bias_bar, weight_bar});
    if (shape->shared)
        images_sum(self, shape->extra, CONV_TAPS * shape->out * shape->vectors,
                   context_channel{at, weight, bias_bar, cbar});
    else images_each(self, shape->extra * shape->height * shape->width, context_pixel{at, weight, bias_bar, cbar});
}

void images_field(backend_ops *table) {
    table->dual_activate = dual_activate;
    table->dual_backward = dual_backward;
    table->bias_add = bias_add;
    table->bias_backward = bias_backward;
    table->image_products = image_products;
    table->image_products_backward = image_products_backward;
    table->context_bias = context_bias;
    table->context_bias_backward = context_bias_backward;
}
