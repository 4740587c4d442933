/* image_support.h - write small sets of images in the published formats. */
#ifndef AFFJORD_TESTS_IMAGE_SUPPORT_H
#define AFFJORD_TESTS_IMAGE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/image.h"

/* A folder of data for the test, "" before; every set is written under it. */
extern char data_folder[64];
void data_begin(void);
void data_end(void);

/* path <- data_folder/name; its folders are created. */
void data_path(const char *name, char path[128]);

/* Write data_folder/name, plain or compressed by gzip. */
void data_write(const char *name, const void *bytes, size_t size, bool gzip);

/* Return the *size bytes of an IDX file with these sizes, followed by `numbers`; the caller frees them. */
unsigned char *idx_bytes(size_t rank, const uint32_t *shape, const unsigned char *numbers, size_t count, size_t *size);

/* The bytes of a JPEG file, to be freed: a slope of colours that depends on `number`. */
unsigned char *jpeg_bytes(size_t number, size_t width, size_t height, unsigned long *size);

/* Open a set of data_folder: check that it succeeds, or that it fails with this status and a message that has all of
 * these words. */
image_set *open_set(const char *name);
void expect_refused(const char *name, status expected, const char *words, const char *more_words);

/* A set in memory, as if read: its byte i is pixels[i]. */
image_set *make_set(const size_t size[IMAGE_SPLITS], size_t channels, size_t height, size_t width,
                    const unsigned char *pixels);

#endif
