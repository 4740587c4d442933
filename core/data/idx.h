/* idx.h - arrays of bytes in the format of the MNIST database. */
#ifndef AFFJORD_DATA_IDX_H
#define AFFJORD_DATA_IDX_H

#include <stddef.h>

#include "base/status.h"
#include "data/packed.h"

enum { IDX_RANK_MAX = 3 };

/* A file whose header has been read, and whose bytes are next. */
typedef struct idx {
    packed *file;
    size_t rank;
    size_t shape[IDX_RANK_MAX]; /* 1 beyond the rank */
    size_t size; /* product of the shape: the bytes that follow the header */
} idx;

/* Open folder/name or folder/name.gz, an array of `rank` dimensions. `shape`
 * (rank) is what the file must hold; a 0 in it takes any size. That the file is
 * as long as its header says is checked here, before anything is allocated.
 * Errors name file, offset and what was expected: STATUS_IO, STATUS_FORMAT,
 * STATUS_MEMORY. After success call idx_close. */
status idx_open(const char *folder, const char *name, size_t rank, const size_t *shape, idx *out, failure *why);
void idx_close(idx *array);

/* bytes (size) <- the array; sha256 <- that of the whole unpacked file. Errors
 * as above. */
status idx_read(idx *array, unsigned char *bytes, char sha256[65], failure *why);

#endif
