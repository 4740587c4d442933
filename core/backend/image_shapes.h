/* image_shapes.h - shapes for the operations on images.
 *
 * Images are channel-last, (images, height, width, channels); pixels = height width. */
#ifndef AFFJORD_BACKEND_IMAGE_SHAPES_H
#define AFFJORD_BACKEND_IMAGE_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/activation.h"
#include "backend/conv_method.h"
#include "base/real.h"

enum { CONV_TAPS = 9 /* of a 3 x 3 convolution */ };

/* A 3 x 3 convolution, stride 1 and zero padding 1; conv.h computes it. */
typedef struct conv_shape {
    size_t images, height, width;
    size_t in, out; /* channels */
} conv_shape;

typedef struct conv conv;

/* A hidden layer on dual numbers, channel-last: (2, images, pixels, channels), the values of all images, then their
 * tangents. Pixel p has bias vector bias_of[p] of K; NULL if all pixels share one. */
typedef struct dual_shape {
    activation function;
    size_t images, pixels, channels;
    size_t vectors; /* K */
    const uint32_t *bias_of; /* (pixels), in the device's memory */
} dual_shape;

/* The context channels of a convolution. They are equal for all images, so their contribution is a bias that depends on
 * the pixel only. The weight is (out, inputs, 3, 3). */
typedef struct context_shape {
    size_t height, width;
    size_t out, inputs;
    size_t first, extra; /* first context channel among the inputs, and their number */
    bool shared; /* c (extra): one value for all pixels of a channel; otherwise c (extra, height, width) */
    /* K: one vector for each pixel, or nine, for row and column at the first, a middle and the last position. */
    size_t vectors;
} context_shape;

/* Self-attention over the pixels of each image, with `heads` heads of `size` channels. Weights are packed as
 * attention_packed() reals, with C = channels, A = heads size:
 *
 *   in (3, heads, C, size)        of q, k and v: x (.., C) times it
 *   out (A, C)
 *   in_rows (3, heads, size, C)   their transposes, for the backward pass
 *   out_rows (heads, C, size)
 *
 * A gradient has the first two. */
typedef struct attention_shape {
    size_t images, pixels, channels;
    size_t heads, size;
} attention_shape;

enum { ATTENTION_ROWS = 28 /* rows of weights in memory at a time: two tiles of the widest product */ };

static inline size_t attention_weights(const attention_shape *s) {
    return 4 * s->heads * s->size * s->channels;
}
static inline size_t attention_packed(const attention_shape *s) {
    return 2 * attention_weights(s);
}
static inline const real *attention_out(const attention_shape *s, const real *packed) {
    return packed + attention_weights(s) / 4 * 3;
}
static inline const real *attention_in_rows(const attention_shape *s, const real *packed) {
    return packed + attention_weights(s);
}
static inline const real *attention_out_rows(const attention_shape *s, const real *packed) {
    return attention_out(s, packed) + attention_weights(s);
}
/* On the CPU: reals of a row over pixels, and of an operation's scratch. */
static inline size_t attention_row_stride(const attention_shape *s) {
    return (s->pixels + 15) / 16 * 16;
}
static inline size_t attention_scratch(const attention_shape *s) {
    return 18 * s->pixels * s->size + 5 * attention_row_stride(s) * ATTENTION_ROWS + 2 * s->size * ATTENTION_ROWS +
           2 * s->pixels * s->channels + attention_row_stride(s);
}

/* Images are channel-last (h, w, c); the augmented state is channel-first (c, h, w). */
typedef enum squeeze_layout { SQUEEZE_CHANNEL_LAST, SQUEEZE_CHANNEL_FIRST } squeeze_layout;

/* A squeeze maps (h, w, c) to (h/2, w/2, 4c): row i, column j, channel k go to row i/2, column j/2, channel 4 k + 2 (i
 * mod 2) + j mod 2. h and w are even. */
typedef struct squeeze_shape {
    size_t channels, height, width; /* before the squeeze */
    squeeze_layout layout;
} squeeze_shape;

#endif
