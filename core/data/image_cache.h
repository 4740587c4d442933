/* image_cache.h - a set of images that was made from other files, kept in one.
 *
 * The file is a text of 512 bytes, padded with blanks, and then the pixels:
 *
 *   affjord images 1
 *   shape COUNT CHANNELS HEIGHT WIDTH
 *   splits TRAINING VALIDATION TEST
 *   source SHA-256 of what it was made from
 *   pixels SHA-256 of the lines "shape" and "splits" and the pixels */
#ifndef AFFJORD_DATA_IMAGE_CACHE_H
#define AFFJORD_DATA_IMAGE_CACHE_H

#include "base/file.h"
#include "data/image.h"

/* Fill sizes, pixels and checksum from folder/name if it was made from `source`
 * (a SHA-256); NULL takes any. Sizes are compared with the file's before memory
 * is taken. Errors: STATUS_IO; STATUS_FORMAT if it is damaged or was made from
 * something else; STATUS_MEMORY. */
status image_cache_read(const char *folder, const char *name, const char *source, image_set *set, failure *why);

/* Set the set's checksum to what the file's last line has. */
void image_cache_hash(image_set *set);

/* Write a set, its checksum set, to a file begun with file_replace_begin, which
 * the caller ends. Errors: STATUS_IO. */
status image_cache_write(file_replacement *file, const char *source, const image_set *set, failure *why);

#endif
