/* conv.h - 3 x 3 convolutions, stride 1, with zero padding of one pixel.
 *
 *   y[n, i, j, o] = sum_{u, v, c} w[o, c, u, v] x[n, i + u - 1, j + v - 1, c]
 *
 * Images are channel-last, x (images, height, width, in). The state of every image flow has this layout throughout, so
 * no convolution reorders it. The activation adds the bias, because it reads y anyway. Weights have the layout of
 * PyTorch's Conv2d, (out, in, 3, 3), and are packed once for many calls.
 *
 * Nothing is allocated after creation. One object serves one thread at a time; packed weights may be shared. Each call
 * runs on its calling thread only, so sums have one order for any number of threads. */
#ifndef AFFJORD_BACKEND_CONV_H
#define AFFJORD_BACKEND_CONV_H

#include "backend/backend.h"
#include "base/arena.h"

typedef struct conv_ops {
    void (*destroy)(conv *self); /* frees what the arena does not own */
    void (*pack)(conv *self, const real *weight, real *forward, real *backward);
    void (*forward)(conv *self, const real *forward, const real *x, real *y);
    void (*backward_data)(conv *self, const real *backward, const real *ybar, real *xbar);
    void (*backward_weight)(conv *self, const real *x, const real *ybar, real *gradient);
    void (*unpack)(conv *self, const real *gradient, real *weightbar);
} conv_ops;

/* An implementation begins with it. */
struct conv {
    const conv_ops *ops;
    conv_shape shape;
    size_t forward_reals, backward_reals, gradient_reals, scratch_reals;
    real *scratch; /* in device memory; owned by the arena, or lent */
    arena memory; /* holds this object too */
};

/* Create a convolution of one shape; the caller owns it. Below fp32, the device first rounds every input of the calls
 * below: weights, images and cotangents (conv_rounded.c). Gradients are summed in fp32. Errors: STATUS_INVALID for an
 * empty shape or one that the library refuses, STATUS_MEMORY. */
status conv_create(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out);

/* Create a convolution without workspace. Before the first call, lend it conv_scratch_reals reals, aligned to 64 bytes.
 * One block serves all convolutions of a thread and stays in its cache. Errors: those of conv_create. */
status conv_create_bare(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out);
size_t conv_scratch_reals(const conv *self);
void conv_lend(conv *self, real *scratch);

void conv_destroy(conv **self);

/* Return the sizes in reals of packed weights for conv_forward and for conv_backward_data, and of the packed gradient.
 * They are equal for all objects with the same channels and method. */
size_t conv_forward_reals(const conv *self);
size_t conv_backward_reals(const conv *self);
size_t conv_gradient_reals(const conv *self);

/* Return the bytes of the object, without the library's code. */
size_t conv_bytes(const conv *self);

/* forward, reverse <- packed weight (out, in, 3, 3); both aligned to 64 bytes; either may be NULL. */
void conv_pack(conv *self, const real *weight, real *forward, real *backward);

/* y (images, height, width, out) <- the convolution of x (images, height, width, in). Arrays of this and the following
 * calls are aligned to 64 bytes. */
void conv_forward(conv *self, const real *forward, const real *x, real *y);

/* xbar (images, height, width, in) <- cotangent of x for the cotangent ybar of y. */
void conv_backward_data(conv *self, const real *backward, const real *ybar, real *xbar);

/* gradient (packed) += cotangent of the weight. */
void conv_backward_weight(conv *self, const real *x, const real *ybar, real *gradient);

/* weightbar (out, in, 3, 3) <- packed gradient. */
void conv_unpack(conv *self, const real *gradient, real *weightbar);

#endif
