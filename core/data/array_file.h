/* array_file.h - read the bytes of a table or array from a file, a .gz file or an array in an .npz archive. */
#ifndef AFFJORD_DATA_ARRAY_FILE_H
#define AFFJORD_DATA_ARRAY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* *bytes <- the *size unpacked bytes of a file, a .gz file or FILE.npz:NAME, and a 0 after them; the caller frees them.
 * sha256 <- the checksum of the file as stored; for an array of an archive, of the array's bytes. Errors, with the
 * path: those of file_read and npz_read; STATUS_FORMAT for a damaged .gz. */
status array_file_read(const char *path, unsigned char **bytes, size_t *size, char sha256[65], error_info *err);

/* Return the number of dimensions of the array in a file that ends in .npy, .npy.gz, .npz or .npz:NAME; 0 if its header
 * cannot be read. array_file_read or the parser then reports the reason. */
size_t array_file_rank(const char *path);

/* Return whether the first `length` bytes of the path are at least one byte and the ending. */
bool array_file_ends(const char *path, size_t length, const char *ending);

/* sha256 <- the checksum of the bytes, in hexadecimal. */
void array_file_hash(const void *bytes, size_t size, char sha256[65]);

#endif
