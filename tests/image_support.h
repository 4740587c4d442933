/* image_support.h - small sets of images, written by tests as published ones are. */
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

/* path <- data_folder/name; parts of it that are folders are made. */
void data_path(const char *name, char path[128]);

/* Write data_folder/name, as it is or by gzip. */
void data_write(const char *name, const void *bytes, size_t size, bool gzip);

/* The bytes of an IDX file with these sizes, whatever numbers follow; *size of them, to be freed. */
unsigned char *idx_bytes(size_t rank, const uint32_t *shape, const unsigned char *numbers, size_t count, size_t *size);

/* The bytes of a JPEG file, to be freed: a slope of colours that depends on `number`. */
unsigned char *jpeg_bytes(size_t number, size_t width, size_t height, unsigned long *size);

/* Open a set of data_folder; it must be there, or it must fail so and say all of these words. */
image_set *open_set(const char *name);
void expect_refused(const char *name, status expected, const char *words, const char *more_words);

/* A set in memory, as if read: its byte i is pixels[i]. */
image_set *make_set(const size_t size[IMAGE_SPLITS], size_t channels, size_t height, size_t width,
                    const unsigned char *pixels);

#endif
