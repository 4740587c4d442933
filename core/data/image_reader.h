/* image_reader.h - what the readers of image sets share; for core/data alone. */
#ifndef AFFJORD_DATA_IMAGE_READER_H
#define AFFJORD_DATA_IMAGE_READER_H

#include "data/image.h"

/* Fill all of `set` but name and origin from the files in `folder`; `official`:
 * asked for by a plain name. What is allocated belongs to the set, also after a
 * failure. */
typedef status image_reader(const char *folder, bool official, image_set *set, failure *why);

image_reader mnist_read, cifar_read, celeba_read;

/* Set count, channels, height, width, first and size, and allocate the pixels.
 * Errors: STATUS_MEMORY naming the folder. */
status image_allocate(image_set *set, const char *folder, const size_t size[IMAGE_SPLITS], size_t channels,
                      size_t height, size_t width, failure *why);

/* The splits have only these sizes, together no more than was allocated. */
void image_shrink(image_set *set, const size_t size[IMAGE_SPLITS]);

/* Note a file; `published` is its checksum, NULL where none is known, and it
 * must have it if `official`. Errors: STATUS_FORMAT naming the path. */
status image_add_file(image_set *set, const char *path, const char *name, const char *sha256, const char *published,
                      bool official, failure *why);

/* The set's checksum is made from its first `count` files: the SHA-256 of lines
 * "CHECKSUM  NAME", as sha256sum prints them. */
void image_hash_files(image_set *set, size_t count);

#endif
