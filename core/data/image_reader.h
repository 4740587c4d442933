/* image_reader.h - functions that the readers of image sets share; for core/data only. */
#ifndef AFFJORD_DATA_IMAGE_READER_H
#define AFFJORD_DATA_IMAGE_READER_H

#include "data/image.h"

/* Fill all fields of `set` except name and origin from the files in `folder`. `official`: the user gave a plain name,
 * so the published set is required. The set owns what is allocated, also after an error. */
typedef status image_reader(const char *folder, bool official, image_set *set, error_info *err);

image_reader mnist_read, cifar_read, celeba_read;

/* Set count, channels, height, width, first and size, and allocate the pixels. Errors: STATUS_MEMORY with the
 * folder. */
status image_allocate(image_set *set, const char *folder, const size_t size[IMAGE_SPLITS], size_t channels,
                      size_t height, size_t width, error_info *err);

/* Reduce the splits to these sizes, in total at most the allocated number. */
void image_shrink(image_set *set, const size_t size[IMAGE_SPLITS]);

/* Add a file to the set's list. `published` is its published checksum, or NULL; with `official`, the file must have it.
 * Errors: STATUS_FORMAT with the path. */
status image_add_file(image_set *set, const char *path, const char *name, const char *sha256, const char *published,
                      bool official, error_info *err);

/* Set the set's checksum to the SHA-256 of one line "CHECKSUM  NAME" for each of its first `count` files, as sha256sum
 * prints them. */
void image_hash_files(image_set *set, size_t count);

#endif
