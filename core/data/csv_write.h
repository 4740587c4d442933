/* csv_write.h - tables as text, written. (Reading is in table.h.) */
#ifndef AFFJORD_DATA_CSV_WRITE_H
#define AFFJORD_DATA_CSV_WRITE_H

#include "data/npy.h"

/* Write values (rows, columns) as npy_write does, but as text: a row is a line, its numbers parted by commas and
 * written with the digits that give back the same bits, 9 for NPY_F32 and 17 for NPY_F64, in any locale. Errors name the
 * path: STATUS_IO, STATUS_MEMORY. */
status csv_write(const char *path, npy_type type, const void *values, size_t rows, size_t columns, failure *why);

#endif
