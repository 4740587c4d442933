/* image_batch.h - what a training sees of a set of images.
 *
 * A split is an endless sequence: epoch e has the positions e N .. (e + 1) N - 1,
 * N being the split's size, and every image once. Position p is the same image
 * with the same noise however the sequence is cut into batches and batches into
 * pieces; batch number i of B images begins at position i B. */
#ifndef AFFJORD_DATA_IMAGE_BATCH_H
#define AFFJORD_DATA_IMAGE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/real.h"
#include "data/image.h"

AFFJORD_API_BEGIN

typedef enum image_layout {
    IMAGE_CHANNEL_FIRST, /* (count, channels, height, width) */
    IMAGE_CHANNEL_LAST /* (count, height, width, channels): the same numbers in another order */
} image_layout;

/* The image at a position, as an index into the set. Training images are
 * shuffled by (seed, epoch), see shuffle.h; the others have their own order in
 * every epoch. The split is not empty. */
size_t image_at(const image_set *set, image_split split, uint64_t seed, uint64_t position);

/* x (count images, layout) <- the images at positions first .. first + count - 1:
 *
 *   x = (byte + u) / 256, u uniform in [0, 1) in steps of 2^-32,
 *
 * drawn afresh for each number by (seed, split, epoch, place in the epoch, number)
 * and rounded towards zero where a real is too short for it, so that 0 <= x < 1 and
 * the byte is floor(256 x) always. With `flip`, each image is mirrored left to
 * right with probability 1/2, by (seed, split, epoch, place). */
void image_batch(const image_set *set, image_split split, uint64_t seed, uint64_t first, size_t count, bool flip,
                 image_layout layout, real *x);

AFFJORD_API_END

#endif
