/* npy.h - write NumPy's array files. table.h reads them. */
#ifndef AFFJORD_DATA_NPY_H
#define AFFJORD_DATA_NPY_H

#include <stddef.h>

#include "base/export.h"
#include "base/real.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* The type of an array: float or double. */
typedef enum npy_type { NPY_F32, NPY_F64 } npy_type;

/* The type of a real in this build. */
#ifdef AFFJORD_DOUBLE
#define NPY_REAL NPY_F64
#else
#define NPY_REAL NPY_F32
#endif

/* Write values (rows, columns) of the given type, little endian and row by row, as a whole or not at all. With 0
 * columns, the array has one dimension, (rows). Errors, with the path: STATUS_IO, STATUS_MEMORY. */
status npy_write(const char *path, npy_type type, const void *values, size_t rows, size_t columns, error_info *err);

AFFJORD_API_END

#endif
