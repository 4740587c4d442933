/* conv_best.c - oneDNN's convolutions, but our own where there are few channels on one side.
 *
 * From many channels to at most four, oneDNN computes sixteen. That concerns the last convolution of an image field
 * and, on the way back, the first. */
#include <string.h>

#include "backend/cpu/conv_kinds.h"

typedef struct best_conv {
    conv base;
    conv *library; /* owned */
    const cpu_level_ops *level;
    bool few_in, few_out;
    real *scratch;
} best_conv;

static narrow_shape narrow_of(const best_conv *self) {
    const conv_shape s = self->base.shape;
    return (narrow_shape){.images = s.images,
                          .height = s.height,
                          .width = s.width,
                          .wide = self->few_out ? s.in : s.out,
                          .few = self->few_out ? s.out : s.in};
}

/* Ours are (few, 3, 3, wide); on the way back turned by half a circle. */
static void best_pack(conv *base, const real *weight, real *forward, real *reverse) {
    const best_conv *self = (best_conv *)base;
    const size_t in = base->shape.in, out = base->shape.out;
    conv_pack(self->library, weight, self->few_out ? NULL : forward, self->few_in ? NULL : reverse);
    for (size_t o = 0; o < out; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t tap = 0; tap < CONV_TAPS; tap++) {
                const real w = weight[(o * in + c) * CONV_TAPS + tap];
                if (self->few_out && forward) forward[(o * CONV_TAPS + tap) * in + c] = w;
                if (self->few_in && reverse) reverse[(c * CONV_TAPS + CONV_TAPS - 1 - tap) * out + o] = w;
            }
}

static void best_forward(conv *base, const real *forward, const real *x, real *y) {
    const best_conv *self = (best_conv *)base;
    const narrow_shape shape = narrow_of(self);
    if (self->few_out) self->level->narrow_convolve(&shape, forward, x, y, self->scratch);
    else conv_forward(self->library, forward, x, y);
}

static void best_data_reverse(conv *base, const real *reverse, const real *ybar, real *xbar) {
    const best_conv *self = (best_conv *)base;
    const narrow_shape shape = narrow_of(self);
    if (self->few_in) self->level->narrow_convolve(&shape, reverse, ybar, xbar, self->scratch);
    else conv_data_reverse(self->library, reverse, ybar, xbar);
}

static void best_weight_reverse(conv *base, const real *x, const real *ybar, real *gradient) {
    const best_conv *self = (best_conv *)base;
    const narrow_shape shape = narrow_of(self);
    if (self->few_out) self->level->narrow_outer(&shape, x, ybar, gradient);
    else conv_weight_reverse(self->library, x, ybar, gradient);
}

static void best_unpack(conv *base, const real *gradient, real *weightbar) {
    const best_conv *self = (best_conv *)base;
    const size_t in = base->shape.in, out = base->shape.out;
    if (!self->few_out) {
        conv_unpack(self->library, gradient, weightbar);
        return;
    }
    for (size_t o = 0; o < out; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t tap = 0; tap < CONV_TAPS; tap++)
                weightbar[(o * in + c) * CONV_TAPS + tap] = gradient[(o * CONV_TAPS + tap) * in + c];
}

static void best_destroy(conv *base) {
    conv_destroy(&((best_conv *)base)->library);
}

static const conv_ops best_ops = {
    .destroy = best_destroy,
    .pack = best_pack,
    .forward = best_forward,
    .data_reverse = best_data_reverse,
    .weight_reverse = best_weight_reverse,
    .unpack = best_unpack,
};

static status build(best_conv *self) {
    conv *base = &self->base;
    const conv_shape s = base->shape;
    TRY(conv_create_cpu(&self->level->table, s, CONV_LIBRARY, MATH_FP32, &self->library));
    const size_t weights = CONV_TAPS * s.in * s.out;
    base->forward_reals = self->few_out ? weights : conv_forward_reals(self->library);
    base->reverse_reals = self->few_in ? weights : conv_reverse_reals(self->library);
    base->gradient_reals = self->few_out ? weights : conv_gradient_reals(self->library);
    const narrow_shape shape = narrow_of(self);
    return ARENA_NEW(&base->memory, narrow_scratch(&shape), &self->scratch);
}

status conv_best_create(conv_shape shape, const cpu_level_ops *level, conv **out) {
    const bool few_out = shape.out <= NARROW_MAX && shape.in % LANES == 0;
    const bool few_in = !few_out && shape.in <= NARROW_MAX && shape.out % LANES == 0;
    if (!few_out && !few_in) return conv_create_cpu(&level->table, shape, CONV_LIBRARY, MATH_FP32, out);
    arena memory = {0};
    best_conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    self->base = (conv){.ops = &best_ops, .shape = shape, .memory = memory};
    self->level = level;
    self->few_in = few_in;
    self->few_out = few_out;
    conv *base = &self->base;
    const status built = build(self);
    if (built != STATUS_OK) {
        conv_destroy(&base);
        return built;
    }
    *out = base;
    return STATUS_OK;
}
