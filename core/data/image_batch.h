/* image_batch.h - batches of images: order, dequantization, flips.
 *
 * A split is an endless sequence: with N images, epoch e has the positions e N .. (e + 1) N - 1 and contains every
 * image once. A position has the same image and noise for every batch size and division into pieces. Batch i of B
 * images begins at position i B. */
#ifndef AFFJORD_DATA_IMAGE_BATCH_H
#define AFFJORD_DATA_IMAGE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/real.h"
#include "data/image.h"

AFFJORD_API_BEGIN

/* The order of the numbers of a batch. */
typedef enum image_layout {
    IMAGE_CHANNEL_FIRST, /* (count, channels, height, width) */
    IMAGE_CHANNEL_LAST /* (count, height, width, channels): the same numbers, permuted */
} image_layout;

/* Return the index in the set of the image at a position. Training images are shuffled by (seed, epoch), see shuffle.h;
 * other splits keep their order in every epoch. The split must not be empty. */
size_t image_at(const image_set *set, image_split split, uint64_t seed, uint64_t position);

/* x (count images, layout) <- the images at positions first .. first + count - 1:
 *
 *   x = (byte + u) / 256, u uniform in [0, 1) in steps of 2^-32,
 *
 * u is drawn for each number by (seed, split, epoch, position in the epoch, number). x is rounded towards zero to a
 * real, so that always 0 <= x < 1 and floor(256 x) is the byte. With `flip`, each image is mirrored left to right with
 * probability 1/2, by (seed, split, epoch, position). */
void image_batch(const image_set *set, image_split split, uint64_t seed, uint64_t first, size_t count, bool flip,
                 image_layout layout, real *x);

AFFJORD_API_END

#endif
