/* photo.h - decode JPEG and PNG files, and bring the pictures to one size. */
#ifndef AFFJORD_DATA_PHOTO_H
#define AFFJORD_DATA_PHOTO_H

#include <stddef.h>

#include "base/status.h"
#include "data/image.h"

/* the longest side to decode, and the largest file in bytes */
enum { PHOTO_SIDE_MAX = 4096, PHOTO_FILE_MAX = 1 << 24 };

/* Initialise with {0}; may be reused for further photos. */
typedef struct photo {
    size_t width, height, channels; /* 1: grey, 3: red, green, blue */
    unsigned char *pixels; /* (height, width, channels) */
    size_t capacity; /* bytes at pixels */
} photo;

/* The required form of a decoded picture. */
typedef struct photo_request {
    size_t height, width; /* at least */
    size_t channels; /* 1, for grey pictures only, or 3 */
} photo_request;

/* out->height, width and channels <- those that the header of a JPEG or PNG file states; the first bytes determine the
 * format. `path` names the file in messages. A palette counts as colours. Errors: STATUS_FORMAT, with the offset, for
 * another format, a side above PHOTO_SIDE_MAX, and pictures that are not supported (CMYK). */
status photo_describe(const char *path, const unsigned char *bytes, size_t size, photo *out, error_info *err);

/* Decode the file. Grey becomes three equal channels if three are requested. 16 bits are rounded to 8, palettes are
 * replaced by their colours; gamma and colour profiles are ignored. The result does not depend on the machine: for
 * JPEG, libjpeg-turbo's exact integer inverse DCT and its "fancy" upsampling of colours. Errors: STATUS_FORMAT, with
 * the path, for missing or damaged data, a side below the request, pixels that are not opaque; STATUS_MEMORY. */
status photo_decode(const char *path, const unsigned char *bytes, size_t size, const photo_request *wanted, photo *out,
                    error_info *err);
void photo_release(photo *picture);

/* planes (channels, height, width) <- the photo in this size, which is at most its own. Resizing equals Pillow's
 * BILINEAR filter: a new pixel is a weighted mean of old ones, with weights that fall linearly from its centre to zero
 * at a distance of one new pixel. Rows are resized first and rounded to bytes, then columns. Errors: STATUS_MEMORY. */
status photo_resize(const photo *picture, size_t height, size_t width, image_fit fit, unsigned char *planes);

/* --- The formats; for photo.c --- */

/* Allocate the pixels of out->width x out->height x out->channels. Errors: STATUS_FORMAT for a side below the request
 * or above PHOTO_SIDE_MAX, found at `offset`; STATUS_MEMORY. */
status photo_make_room(const char *path, size_t offset, const photo_request *wanted, photo *out, error_info *err);

/* Decode one format; with `wanted` NULL, read only the header. */
typedef status photo_decoder(const char *path, const unsigned char *bytes, size_t size, const photo_request *wanted,
                             photo *out, error_info *err);
photo_decoder jpeg_decode, png_decode;

#endif
