/* image_shapes.h - the shapes of what the operations on images work on.
 *
 * Images are channel-last, (images, height, width, channels); pixels = height width. */
#ifndef AFFJORD_BACKEND_IMAGE_SHAPES_H
#define AFFJORD_BACKEND_IMAGE_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/conv_method.h"

enum { CONV_TAPS = 9 /* of a 3 x 3 convolution */ };

/* A 3 x 3 convolution, stride 1 and zero padding 1, and an object that computes it (conv.h). */
typedef struct conv_shape {
    size_t images, height, width;
    size_t in, out; /* channels */
} conv_shape;

typedef struct conv conv;

/* The activations of a field's layers: log(1 + exp(x)), tanh x, x / (1 + exp(-x)), and x or exp(x) - 1 below zero. */
typedef enum activation { ACTIVATION_SOFTPLUS, ACTIVATION_TANH, ACTIVATION_SWISH, ACTIVATION_ELU } activation;

/* A hidden layer on dual numbers, channel-last: (2, images, pixels, channels), the values of all images, then their
 * tangents. Pixel p has bias vector bias_of[p] of K; NULL for one that all share. */
typedef struct dual_shape {
    activation function;
    size_t images, pixels, channels;
    size_t vectors; /* K */
    const uint32_t *bias_of; /* (pixels), in the device's memory */
} dual_shape;

/* What a convolution sees of the context, which is the same for all images: `extra` channels, whose share of the result
 * is therefore a bias, one vector for each pixel. Its weight is (out, inputs, 3, 3). */
typedef struct context_shape {
    size_t height, width;
    size_t out, inputs;
    size_t first, extra; /* which of the inputs are the context's */
    bool shared; /* c (extra): all pixels of a channel have one value; otherwise c (extra, height, width) */
    size_t vectors; /* K: a vector for each pixel, or nine: row and column at the first, a middle, the last place */
} context_shape;

/* Images are channel-last (h, w, c); the augmented state is channel-first (c, h, w). */
typedef enum squeeze_layout { SQUEEZE_CHANNEL_LAST, SQUEEZE_CHANNEL_FIRST } squeeze_layout;

/* A squeeze takes (h, w, c) to (h/2, w/2, 4c): the number at row i, column j, channel k goes to row i/2, column j/2,
 * channel 4 k + 2 (i mod 2) + j mod 2. h and w are even. */
typedef struct squeeze_shape {
    size_t channels, height, width; /* before */
    squeeze_layout layout;
} squeeze_shape;

#endif
