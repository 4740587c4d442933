/* conv.h - convolutions of 3 x 3, stride 1, padded by one pixel of zeros.
 *
 *   y[n, i, j, o] = sum_{u, v, c} w[o, c, u, v] x[n, i + u - 1, j + v - 1, c]
 *
 * Images are channel-last, x (images, height, width, in): so is the state of
 * every image flow, from where its data are loaded to where they are stored,
 * and no convolution reorders them. A bias is not added here: it goes with the
 * activation, which has to pass over y anyway. Weights are kept as PyTorch's
 * Conv2d keeps them, (out, in, 3, 3), and packed once for many calls.
 *
 * Nothing is allocated after creation. One object is for one thread at a time;
 * packed weights may be shared. Each call runs on its calling thread alone, so
 * sums have one order however many threads share out the images. */
#ifndef AFFJORD_BACKEND_CONV_H
#define AFFJORD_BACKEND_CONV_H

#include "backend/backend.h"
#include "base/arena.h"

typedef struct conv_ops {
    void (*destroy)(conv *self); /* what the arena doesn't hold */
    void (*pack)(conv *self, const real *weight, real *forward, real *reverse);
    void (*forward)(conv *self, const real *forward, const real *x, real *y);
    void (*data_reverse)(conv *self, const real *reverse, const real *ybar, real *xbar);
    void (*weight_reverse)(conv *self, const real *x, const real *ybar, real *gradient);
    void (*unpack)(conv *self, const real *gradient, real *weightbar);
} conv_ops;

/* An implementation begins with it. */
struct conv {
    const conv_ops *ops;
    conv_shape shape;
    size_t forward_reals, reverse_reals, gradient_reals, scratch_reals;
    real *scratch; /* of the device's memory; of the arena's, or lent */
    arena memory; /* holds the object itself too */
};

/* A convolution of one shape, owned by the caller. Below fp32, every input of the calls below, weights, images and
 * cotangents, is rounded first, by the device (conv_rounded.c); a gradient is still added up in fp32. Errors: STATUS_INVALID for an empty shape or one that the library
 * refuses, STATUS_MEMORY. */
status conv_create(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out);

/* The same without workspace. Before the first call it is lent conv_scratch_reals of it, aligned to 64 bytes: one block
 * for all convolutions of a thread, which then stays in its cache. */
status conv_create_bare(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out);
size_t conv_scratch_reals(const conv *self);
void conv_lend(conv *self, real *scratch);

void conv_destroy(conv **self);

/* Reals of packed weights, for conv_forward and for conv_data_reverse, and of the packed gradient. They are the same
 * for all objects with the same channels and method. */
size_t conv_forward_reals(const conv *self);
size_t conv_reverse_reals(const conv *self);
size_t conv_gradient_reals(const conv *self);

/* Bytes that it holds, without the library's code. */
size_t conv_bytes(const conv *self);

/* forward, reverse <- packed weight (out, in, 3, 3); both aligned to 64 bytes; either may be NULL. */
void conv_pack(conv *self, const real *weight, real *forward, real *reverse);

/* y (images, height, width, out) <- convolution of x (images, height, width, in), both aligned to 64 bytes, as below.*/
void conv_forward(conv *self, const real *forward, const real *x, real *y);

/* xbar (images, height, width, in) <- cotangent of x for the cotangent ybar of y. */
void conv_data_reverse(conv *self, const real *reverse, const real *ybar, real *xbar);

/* gradient (packed) += cotangent of the weight. */
void conv_weight_reverse(conv *self, const real *x, const real *ybar, real *gradient);

/* weightbar (out, in, 3, 3) <- packed gradient. */
void conv_unpack(conv *self, const real *gradient, real *weightbar);

#endif
