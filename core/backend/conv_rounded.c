/* conv_rounded.c - convolutions whose inputs are rounded first, on any device.
 *
 * Inputs are rounded into separate arrays by the rule of rounding.h, then passed to the backend's convolution. A tensor
 * core, which reads only these bits, therefore truncates nothing. Products of rounded numbers are exact in a float;
 * only the sums round. The gradients are those of the convolution of the rounded inputs; the rounding itself counts as
 * the identity, and its cotangents are rounded too. */
#include "backend/conv_rounded.h"

#include "backend/memory.h"

typedef struct rounded_conv {
    conv base;
    const backend_ops *backend;
    conv_math math;
    conv *exact; /* the backend's convolution, in the arena */
    real *weight; /* (out, in, 3, 3) */
    real *x; /* (images, height, width, in) */
    real *ybar; /* (images, height, width, out) */
} rounded_conv;

static size_t pixels_of(conv_shape s) {
    return s.images * s.height * s.width;
}

/* to (n) <- from, rounded; return `to`. */
static const real *rounded(const rounded_conv *self, size_t n, const real *from, real *to) {
    self->backend->round(self->backend, n, self->math, from, to);
    return to;
}
static const real *rounded_x(const rounded_conv *self, const real *x) {
    return rounded(self, pixels_of(self->base.shape) * self->base.shape.in, x, self->x);
}
static const real *rounded_ybar(const rounded_conv *self, const real *ybar) {
    return rounded(self, pixels_of(self->base.shape) * self->base.shape.out, ybar, self->ybar);
}

static void rounded_pack(conv *base, const real *weight, real *forward, real *backward) {
    const rounded_conv *self = (rounded_conv *)base;
    const size_t weights = CONV_TAPS * base->shape.in * base->shape.out;
    conv_lend(self->exact, base->scratch);
    conv_pack(self->exact, rounded(self, weights, weight, self->weight), forward, backward);
}

static void rounded_forward(conv *base, const real *forward, const real *x, real *y) {
    const rounded_conv *self = (rounded_conv *)base;
    conv_lend(self->exact, base->scratch);
    conv_forward(self->exact, forward, rounded_x(self, x), y);
}

static void rounded_backward_data(conv *base, const real *backward, const real *ybar, real *xbar) {
    const rounded_conv *self = (rounded_conv *)base;
    conv_lend(self->exact, base->scratch);
    conv_backward_data(self->exact, backward, rounded_ybar(self, ybar), xbar);
}

static void rounded_backward_weight(conv *base, const real *x, const real *ybar, real *gradient) {
    const rounded_conv *self = (rounded_conv *)base;
    conv_lend(self->exact, base->scratch);
    conv_backward_weight(self->exact, rounded_x(self, x), rounded_ybar(self, ybar), gradient);
}

static void rounded_unpack(conv *base, const real *gradient, real *weightbar) {
    conv_unpack(((rounded_conv *)base)->exact, gradient, weightbar);
}

static void rounded_destroy(conv *base) {
    (void)base; /* everything is in the arena */
}

static const conv_ops rounded_ops = {
    .destroy = rounded_destroy,
    .pack = rounded_pack,
    .forward = rounded_forward,
    .backward_data = rounded_backward_data,
    .backward_weight = rounded_backward_weight,
    .unpack = rounded_unpack,
};

static void destroy_exact(const void *owner, void *exact) {
    (void)owner;
    conv *self = exact;
    conv_destroy(&self);
}

static status build(rounded_conv *self, conv_method method) {
    conv *base = &self->base, *exact = NULL;
    const conv_shape s = base->shape;
    TRY(self->backend->conv_create(self->backend, s, method, self->math, &exact));
    const status noted = arena_adopt(&base->memory, exact, conv_bytes(exact), destroy_exact, NULL);
    if (noted != STATUS_OK) {
        conv_destroy(&exact);
        return noted;
    }
    self->exact = exact;
    base->forward_reals = conv_forward_reals(exact);
    base->backward_reals = conv_backward_reals(exact);
    base->gradient_reals = conv_gradient_reals(exact);
    base->scratch_reals = conv_scratch_reals(exact);
    TRY(BACKEND_NEW(self->backend, &base->memory, CONV_TAPS * s.in * s.out, &self->weight));
    TRY(BACKEND_NEW(self->backend, &base->memory, pixels_of(s) * s.in, &self->x));
    return BACKEND_NEW(self->backend, &base->memory, pixels_of(s) * s.out, &self->ybar);
}

status conv_rounded_create(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math,
                           conv **out) {
    arena memory = {0};
    rounded_conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    self->base = (conv){.ops = &rounded_ops, .shape = shape, .memory = memory};
    self->backend = backend;
    self->math = math;
    conv *base = &self->base;
    const status built = build(self, method);
    if (built != STATUS_OK) {
        conv_destroy(&base);
        return built;
    }
    *out = base;
    return STATUS_OK;
}
