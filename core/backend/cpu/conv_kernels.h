/* conv_kernels.h - what the kernels of 3 x 3 convolutions work on: narrow.inc, direct.inc, winograd.inc. */
#ifndef AFFJORD_BACKEND_CPU_CONV_KERNELS_H
#define AFFJORD_BACKEND_CPU_CONV_KERNELS_H

#include "backend/backend.h"

/* A stack of images, channel-last. */
typedef struct image_stack {
    size_t images, height, width;
} image_stack;

static inline size_t lanes_up(size_t n) {
    return (n + LANES - 1) / LANES * LANES;
}

enum {
    NARROW_MAX = 4, /* few channels */
    WINOGRAD_TILE = 4, /* output pixels of a tile each way */
    WINOGRAD_SIDE = WINOGRAD_TILE + 2, /* its input pixels */
    WINOGRAD_PLACES = WINOGRAD_SIDE * WINOGRAD_SIDE
};

/* Reals of scratch for a row's partial sums and their folds, of so few channels. */
static inline size_t narrow_scratch(const image_stack *s, size_t few) {
    return lanes_up(s->width * few) * (LANES + 1);
}

/* Workspace of one convolution. */
typedef struct winograd_scratch {
    size_t together; /* tiles of a matrix product */
    real *left, *right; /* (36, together, channels): what is multiplied, what comes out */
    real *weight; /* (36, in, out): the gradient of a transformed weight */
} winograd_scratch;

/* As many tiles as keep both sides of the products in the second cache: 42 for 64 channels, which are whole tiles of
 * registers (of 14 or of 6 rows), and of all images no more than there are. */
static inline size_t winograd_together(size_t channels, size_t all) {
    const size_t tiles = 42 * (channels < 64 ? 64 / channels : 1);
    return tiles < all ? tiles : all;
}

/* Reals from one place to the next: a cache line more than its numbers, as 36 streams that are a power of two apart would
 * share few sets of the cache. */
static inline size_t winograd_apart(size_t together, size_t channels) {
    return together * lanes_up(channels) + LANES;
}

/* Tiles along a dimension, and of all images. */
static inline size_t winograd_tiles(size_t size) {
    return (size + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
}
static inline size_t winograd_all(const image_stack *s) {
    return s->images * winograd_tiles(s->height) * winograd_tiles(s->width);
}

#endif
