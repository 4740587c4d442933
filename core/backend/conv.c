/* conv.c - dispatch to the convolution of a backend. */
#include "backend/conv.h"

#include "backend/conv_rounded.h"
#include "backend/memory.h"

status conv_create_bare(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out) {
    if (!shape.images || !shape.height || !shape.width || !shape.in || !shape.out) return STATUS_INVALID;
    if (math != MATH_FP32) return conv_rounded_create(backend, shape, method, math, out);
    return backend->conv_create(backend, shape, method, math, out);
}

status conv_create(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out) {
    conv *self;
    TRY(conv_create_bare(backend, shape, method, math, &self));
    const status taken =
        self->scratch_reals ? BACKEND_NEW(backend, &self->memory, self->scratch_reals, &self->scratch) : STATUS_OK;
    if (taken != STATUS_OK) {
        conv_destroy(&self);
        return taken;
    }
    *out = self;
    return STATUS_OK;
}

void conv_destroy(conv **self) {
    if (!*self) return;
    (*self)->ops->destroy(*self);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

size_t conv_forward_reals(const conv *self) {
    return self->forward_reals;
}
size_t conv_backward_reals(const conv *self) {
    return self->backward_reals;
}
size_t conv_gradient_reals(const conv *self) {
    return self->gradient_reals;
}

size_t conv_scratch_reals(const conv *self) {
    return self->scratch_reals;
}
void conv_lend(conv *self, real *scratch) {
    self->scratch = scratch;
}

size_t conv_bytes(const conv *self) {
    return self->memory.bytes;
}

void conv_pack(conv *self, const real *weight, real *forward, real *backward) {
    self->ops->pack(self, weight, forward, backward);
}
void conv_forward(conv *self, const real *forward, const real *x, real *y) {
    self->ops->forward(self, forward, x, y);
}
void conv_backward_data(conv *self, const real *backward, const real *ybar, real *xbar) {
    self->ops->backward_data(self, backward, ybar, xbar);
}
void conv_backward_weight(conv *self, const real *x, const real *ybar, real *gradient) {
    self->ops->backward_weight(self, x, ybar, gradient);
}
void conv_unpack(conv *self, const real *gradient, real *weightbar) {
    self->ops->unpack(self, gradient, weightbar);
}
