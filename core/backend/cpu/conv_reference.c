/* conv_reference.c - convolutions in plain loops, and the selection of a method. */

#include <string.h>

#include "backend/cpu/conv_kinds.h"

/* Return the outputs whose tap (offset 0, 1, 2 of a dimension) is inside the image: first .. end - 1 of n. */
static size_t first_inside(size_t offset) {
    return offset == 0 ? 1 : 0;
}
static size_t end_inside(size_t offset, size_t n) {
    return offset == 2 ? n - 1 : n;
}

/* Pack weights (3, 3, in, out); for the backward pass to the data (3, 3, out, in), rotated by 180 degrees. */
static void reference_pack(conv *self, const real *weight, real *forward, real *backward) {
    const size_t in = self->shape.in, out = self->shape.out;
    for (size_t o = 0; o < out; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t tap = 0; tap < CONV_TAPS; tap++) {
                const real w = weight[(o * in + c) * CONV_TAPS + tap];
                if (forward) forward[(tap * in + c) * out + o] = w;
                if (backward) backward[((CONV_TAPS - 1 - tap) * out + o) * in + c] = w;
            }
}

static void reference_unpack(conv *self, const real *gradient, real *weightbar) {
    const size_t in = self->shape.in, out = self->shape.out;
    for (size_t o = 0; o < out; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t tap = 0; tap < CONV_TAPS; tap++)
                weightbar[(o * in + c) * CONV_TAPS + tap] = gradient[(tap * in + c) * out + o];
}

/* y (.., out) <- the convolution of x (.., in) by w (3, 3, in, out). */
static void plain_apply(conv_shape s, size_t in, size_t out, const real *w, const real *x, real *y) {
    memset(y, 0, s.images * s.height * s.width * out * sizeof *y);
    for (size_t n = 0; n < s.images; n++)
        for (size_t tap = 0; tap < CONV_TAPS; tap++) {
            const size_t u = tap / 3, v = tap % 3;
            for (size_t i = first_inside(u); i < end_inside(u, s.height); i++)
                for (size_t j = first_inside(v); j < end_inside(v, s.width); j++) {
                    const real *from = x + ((n * s.height + i + u - 1) * s.width + j + v - 1) * in;
                    real *to = y + ((n * s.height + i) * s.width + j) * out;
                    for (size_t c = 0; c < in; c++)
                        for (size_t o = 0; o < out; o++) to[o] += w[(tap * in + c) * out + o] * from[c];
                }
        }
}

static void reference_forward(conv *self, const real *forward, const real *x, real *y) {
    plain_apply(self->shape, self->shape.in, self->shape.out, forward, x, y);
}

static void plain_backward_data(conv *self, const real *backward, const real *ybar, real *xbar) {
    plain_apply(self->shape, self->shape.out, self->shape.in, backward, ybar, xbar);
}

static void plain_backward_weight(conv *self, const real *x, const real *ybar, real *gradient) {
    const conv_shape s = self->shape;
    for (size_t n = 0; n < s.images; n++)
        for (size_t tap = 0; tap < CONV_TAPS; tap++) {
            const size_t u = tap / 3, v = tap % 3;
            for (size_t i = first_inside(u); i < end_inside(u, s.height); i++)
                for (size_t j = first_inside(v); j < end_inside(v, s.width); j++) {
                    const real *from = x + ((n * s.height + i + u - 1) * s.width + j + v - 1) * s.in;
                    const real *to = ybar + ((n * s.height + i) * s.width + j) * s.out;
                    for (size_t c = 0; c < s.in; c++)
                        for (size_t o = 0; o < s.out; o++) gradient[(tap * s.in + c) * s.out + o] += from[c] * to[o];
                }
        }
}

static void reference_destroy(conv *self) {
    (void)self; /* everything is in the arena */
}

static const conv_ops reference_ops = {
    .destroy = reference_destroy,
    .pack = reference_pack,
    .forward = reference_forward,
    .backward_data = plain_backward_data,
    .backward_weight = plain_backward_weight,
    .unpack = reference_unpack,
};

status conv_reference_create(conv_shape shape, conv **out) {
    arena memory = {0};
    conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    const size_t weights = CONV_TAPS * shape.in * shape.out;
    *self = (conv){.ops = &reference_ops,
                   .shape = shape,
                   .forward_reals = weights,
                   .backward_reals = weights,
                   .gradient_reals = weights,
                   .memory = memory};
    *out = self;
    return STATUS_OK;
}

status conv_create_cpu(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out) {
    (void)math;
    if (method == CONV_REFERENCE) return conv_reference_create(shape, out);
    return conv_own_create(shape, (const cpu_level_ops *)backend, out);
}
