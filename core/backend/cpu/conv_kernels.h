/* conv_kernels.h - data types and workspace of the 3 x 3 convolution kernels: conv_few_channels.inc, direct.inc,
 * winograd.inc. */
#ifndef AFFJORD_BACKEND_CPU_CONV_KERNELS_H
#define AFFJORD_BACKEND_CPU_CONV_KERNELS_H

#include "backend/backend.h"

/* A stack of images, channel-last. */
typedef struct image_stack {
    size_t images, height, width;
} image_stack;

static inline size_t round_to_vectors(size_t n) {
    return (n + PARTIAL_SUMS - 1) / PARTIAL_SUMS * PARTIAL_SUMS;
}

enum {
    FEW_CHANNELS_MAX = 4, /* most channels of conv_few_channels.inc */
    WINOGRAD_TILE = 4, /* output pixels of a tile in each dimension */
    WINOGRAD_SIDE = WINOGRAD_TILE + 2, /* input pixels of a tile in each dimension */
    WINOGRAD_PLACES = WINOGRAD_SIDE * WINOGRAD_SIDE
};

/* Return the scratch reals for a row's partial sums and their reductions, for `few` channels. */
static inline size_t few_channels_scratch(const image_stack *s, size_t few) {
    return round_to_vectors(s->width * few) * (PARTIAL_SUMS + 1);
}

/* Workspace of one convolution. */
typedef struct winograd_scratch {
    size_t together; /* tiles of one matrix product */
    real *left, *right; /* (36, together, channels): inputs and results of the products */
    real *weight; /* (36, in, out), planes at winograd_weight_stride: the gradient of a transformed weight */
} winograd_scratch;

/* Return the number of tiles whose inputs and results fit the second-level cache: 42 for 64 channels, a multiple of the
 * register tile's rows (14 or 6), but at most the number of all tiles. */
static inline size_t winograd_together(size_t channels, size_t all) {
    const size_t tiles = 42 * (channels < 64 ? 64 / channels : 1);
    return tiles < all ? tiles : all;
}

/* Return the distance in reals between consecutive planes: their size plus a cache line. With a distance of a power of
 * two, 36 streams would share few sets of the cache. */
static inline size_t winograd_plane_stride(size_t together, size_t channels) {
    return together * round_to_vectors(channels) + PARTIAL_SUMS;
}

/* The same for the planes (in, out) of a transformed weight. */
static inline size_t winograd_weight_stride(size_t in, size_t out) {
    return in * round_to_vectors(out) + PARTIAL_SUMS;
}

/* Return the number of tiles along a dimension, and of all images. */
static inline size_t winograd_tiles(size_t size) {
    return (size + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
}
static inline size_t winograd_all(const image_stack *s) {
    return s->images * winograd_tiles(s->height) * winograd_tiles(s->width);
}

#endif
