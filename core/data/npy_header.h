/* npy_header.h - the beginning of NumPy's array files. */
#ifndef AFFJORD_DATA_NPY_HEADER_H
#define AFFJORD_DATA_NPY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    NPY_DESCR_MAX = 16,
    NPY_DIMENSIONS_MAX = 8,
    NPY_HEADER_MAX = 65536 + 12 /* numbers begin within these bytes, except after a header of version 2 */
};

/* A kind of number: 'f' with 2, 4 or 8 bytes, 'i' and 'u' with 1, 2, 4 or 8, 'b' with 1. */
typedef struct npy_kind {
    char letter;
    bool swapped; /* big-endian */
    size_t bytes;
} npy_kind;

typedef struct npy_header {
    char descr[NPY_DESCR_MAX]; /* the kind, as the file has it */
    npy_kind kind;
    bool fortran_order;
    size_t rank;
    uint64_t shape[NPY_DIMENSIONS_MAX]; /* (rank) */
    size_t start; /* offset of the numbers */
} npy_header;

/* Read the header of a file from its first `size` bytes. Does not check that all numbers are present. Errors:
 * STATUS_FORMAT, with the path. */
status npy_header_read(const char *path, const unsigned char *bytes, size_t size, npy_header *out, error_info *err);

#endif
