/* csv_write.h - write tables as text. table.h reads them. */
#ifndef AFFJORD_DATA_CSV_WRITE_H
#define AFFJORD_DATA_CSV_WRITE_H

#include "data/npy.h"

/* Write values (rows, columns) as text, one line for each row, numbers separated by commas. The number of digits
 * reproduces the bits when read: 9 for NPY_F32, 17 for NPY_F64. The locale has no effect. Errors, with the path:
 * STATUS_IO, STATUS_MEMORY. */
status csv_write(const char *path, npy_type type, const void *values, size_t rows, size_t columns, error_info *err);

#endif
