/* image_cache.h - one file for a set of images that was made from other files.
 *
 * The file has a text of 512 bytes, padded with blanks, then the pixels:
 *
 *   affjord images 1
 *   shape COUNT CHANNELS HEIGHT WIDTH
 *   splits TRAINING VALIDATION TEST
 *   source SHA-256 of the original files
 *   pixels SHA-256 of the lines "shape" and "splits" and the pixels
 */
#ifndef AFFJORD_DATA_IMAGE_CACHE_H
#define AFFJORD_DATA_IMAGE_CACHE_H

#include "base/file.h"
#include "data/image.h"

/* Read sizes, pixels and checksum from folder/name if it was made from `source` (a SHA-256); NULL accepts any source.
 * Sizes are compared with the file's before allocation. Errors: STATUS_IO; STATUS_FORMAT if it is damaged or was made
 * from other files; STATUS_MEMORY. */
status image_cache_read(const char *folder, const char *name, const char *source, image_set *set, error_info *err);

/* Set the set's checksum to that of the file's last line. */
void image_cache_hash(image_set *set);

/* Write a set with its checksum to a file from file_replace_begin; the caller ends the replacement. Errors:
 * STATUS_IO. */
status image_cache_write(file_replacement *file, const char *source, const image_set *set, error_info *err);

#endif
