/* npz.h - one array of NumPy's archives. */
#ifndef AFFJORD_DATA_NPZ_H
#define AFFJORD_DATA_NPZ_H

#include <stddef.h>

#include "base/status.h"

/* Return the position behind ".npz" in FILE.npz or FILE.npz:NAME; NULL for other paths. */
const char *npz_end(const char *path);

/* *bytes <- the *size bytes of the array FILE.npz:NAME, those of a .npy file; without NAME, of the only one. The caller
 * frees them. Errors, with the path: those of zip_reader_read; STATUS_INVALID, with the archive's names, for an unknown
 * NAME, or without NAME for several arrays; STATUS_FORMAT for an archive without arrays. */
status npz_read(const char *path, unsigned char **bytes, size_t *size, error_info *err);

/* bytes (*got) <- the first bytes of the array, at most `most`. Errors: those of npz_read. */
status npz_head(const char *path, unsigned char *bytes, size_t most, size_t *got);

#endif
