/* idx.h - byte arrays in the format of the MNIST database. */
#ifndef AFFJORD_DATA_IDX_H
#define AFFJORD_DATA_IDX_H

#include <stddef.h>

#include "base/status.h"
#include "data/gzip_reader.h"

enum { IDX_RANK_MAX = 3 };

/* An open file, positioned behind its header. */
typedef struct idx {
    gzip_reader *file;
    size_t rank;
    size_t shape[IDX_RANK_MAX]; /* 1 beyond the rank */
    size_t size; /* product of the shape: bytes after the header */
} idx;

/* Open folder/name or folder/name.gz, an array of `rank` dimensions. `shape` (rank) is the required shape; 0 accepts
 * any size. The file's length is compared with its header before anything is allocated. After success call idx_close.
 * Errors, with file, offset and the expected value: STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status idx_open(const char *folder, const char *name, size_t rank, const size_t *shape, idx *out, error_info *err);
void idx_close(idx *array);

/* bytes (size) <- the array; sha256 <- that of the whole unpacked file. Errors: those of idx_open. */
status idx_read(idx *array, unsigned char *bytes, char sha256[65], error_info *err);

#endif
