/* array_file.h - the bytes of a table or array: of a file, of one that gzip has packed, or of an array in an archive. */
#ifndef AFFJORD_DATA_ARRAY_FILE_H
#define AFFJORD_DATA_ARRAY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* *bytes <- the *size unpacked bytes of a file, of one ending in .gz, or of FILE.npz:NAME, and a 0 after them; the caller
 * frees them. sha256 <- that of the file as it is, but of an array of an archive that of its bytes. Errors, with the path:
 * those of file_read and npz_read; STATUS_FORMAT for a damaged .gz. */
status array_file_read(const char *path, unsigned char **bytes, size_t *size, char sha256[65], error_info *err);

/* Return the number of dimensions of the array in a file that ends in .npy, .npy.gz, .npz or .npz:NAME; 0 if it has none
 * that can be read, whose reason array_file_read or the parser then gives. */
size_t array_file_rank(const char *path);

/* Return whether the path has the ending, with more before it. */
bool array_file_ends(const char *path, size_t length, const char *ending);

/* sha256 <- the checksum, in hexadecimal. */
void array_file_hash(const void *bytes, size_t size, char sha256[65]);

#endif
