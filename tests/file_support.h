/* file_support.h - write small files in the formats of other programs: arrays, archives, PNG pictures. */
#ifndef AFFJORD_TESTS_FILE_SUPPORT_H
#define AFFJORD_TESTS_FILE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of a .npy file of version 1, to be freed; `shape` as in "(2, 3)". */
unsigned char *array_bytes(const char *descr, bool fortran, const char *shape, const void *numbers, size_t size,
                           size_t *all);

/* A file of an archive. */
typedef struct zip_content {
    const char *name;
    const void *bytes;
    size_t size;
} zip_content;

/* Write a zip archive with these files, stored or deflated. */
void zip_write(const char *path, const zip_content *files, size_t count, bool deflated);

/* The bytes of a PNG file, to be freed. `pixels` (height, width, channels), of 16 bits big-endian; 1 channel is grey, 2
 * grey with alpha, 3 RGB, 4 RGB with alpha. With a palette of 2 colours, pixels are 0 or 1. */
typedef struct png_spec {
    size_t width, height, channels, bits;
    bool interlaced, palette;
    const unsigned char *pixels;
} png_spec;
unsigned char *png_bytes(const png_spec *spec, size_t *size);

#endif
