/* photo.h - JPEG pictures, decoded and made small. */
#ifndef AFFJORD_DATA_PHOTO_H
#define AFFJORD_DATA_PHOTO_H

#include <stddef.h>

#include "base/status.h"

/* Longest side that is decoded, and longest file in bytes. */
enum { PHOTO_SIDE_MAX = 4096, PHOTO_FILE_MAX = 1 << 24 };

/* Start with {0}; one may be decoded into again and again. */
typedef struct photo {
    size_t width, height;
    unsigned char *rgb; /* (height, width, 3) */
    size_t capacity; /* bytes at rgb */
} photo;

/* Decode a JPEG file's bytes. `path` names it in messages. The result does not
 * depend on the machine (libjpeg-turbo's exact integer inverse DCT, and its
 * "fancy" upsampling of colours). Errors: STATUS_FORMAT with the offset at which
 * data is missing or damaged, or if the size is not between `smallest` and
 * PHOTO_SIDE_MAX on both sides; STATUS_MEMORY. */
status photo_decode(const char *path, const unsigned char *bytes, size_t size, size_t smallest, photo *out,
                    failure *why);
void photo_release(photo *picture);

/* planes (3, side, side) <- the picture, its shorter side resized to `side`, and
 * the middle cut out of the longer one. `side` is no more than the shorter side.
 * Resized is as Pillow does with its BILINEAR filter: every new pixel is a mean
 * of old ones with weights that fall linearly from its centre to zero at one new
 * pixel's distance, so that every old pixel counts; along rows first, rounded
 * to bytes, then along columns. Errors: STATUS_MEMORY. */
status photo_thumbnail(const photo *picture, size_t side, unsigned char *planes);

#endif
