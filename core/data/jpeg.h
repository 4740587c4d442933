/* jpeg.h - decode and resize JPEG files. */
#ifndef AFFJORD_DATA_JPEG_H
#define AFFJORD_DATA_JPEG_H

#include <stddef.h>

#include "base/status.h"

/* the longest side to decode, and the largest file in bytes */
enum { JPEG_SIDE_MAX = 4096, JPEG_FILE_MAX = 1 << 24 };

/* Initialise with {0}; may be reused for further photos. */
typedef struct photo {
    size_t width, height;
    unsigned char *rgb; /* (height, width, 3) */
    size_t capacity; /* bytes at rgb */
} photo;

/* Decode the bytes of a JPEG file; `path` names it in messages. The result does not depend on the machine:
 * libjpeg-turbo's exact integer inverse DCT and its "fancy" upsampling of colours. Errors: STATUS_FORMAT with the
 * offset of missing or damaged data, or if a side is not between `smallest` and JPEG_SIDE_MAX; STATUS_MEMORY. */
status jpeg_decode(const char *path, const unsigned char *bytes, size_t size, size_t smallest, photo *out,
                   error_info *err);
void jpeg_release(photo *picture);

/* planes (3, side, side) <- the photo, with its shorter side resized to `side` and the middle of the longer one. `side`
 * is at most the shorter side. Resizing equals Pillow's BILINEAR filter: a new pixel is a weighted mean of old ones,
 * with weights that fall linearly from its centre to zero at a distance of one new pixel. Rows are resized first and
 * rounded to bytes, then columns. Errors: STATUS_MEMORY. */
status resize_photo(const photo *picture, size_t side, unsigned char *planes);

#endif
