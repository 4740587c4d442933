/* table.h - points from a file. */
#ifndef AFFJORD_DATA_TABLE_H
#define AFFJORD_DATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/real.h"
#include "base/status.h"
#include "data/data_part.h"

AFFJORD_API_BEGIN

/* A table of numbers. */
typedef struct table {
    size_t rows, columns; /* its shape */
    real *values; /* (rows, columns) */
    char sha256[65]; /* of the file's bytes, in hexadecimal; of an array of an archive, of its unpacked bytes */
    char *names; /* of the columns, each terminated by 0, one after the other; NULL if the file has none */
    double *numbers; /* (rows, columns), at the file's precision: only from table_read_numbers */
} table;

/* Read a table whose path ends in .npy, .npz, .csv or .tsv, or in .npy, .csv or .tsv and .gz (docs/reference/data.md
 * defines the formats). FILE.npz:NAME is one array of several. All values are finite; there is at least one. The caller
 * owns *out. Errors, with the path and the expected value: STATUS_INVALID for another ending or a missing array,
 * STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status table_read(const char *path, table **out, error_info *err);

/* Read a table into `numbers` instead of `values`, which is NULL. A float has seven digits; a file may have more.
 * Errors: those of table_read. */
status table_read_numbers(const char *path, table **out, error_info *err);

/* Read only some columns; the others may contain anything, in a text also words. `columns` may be NULL for all. Errors:
 * also STATUS_INVALID, with data.columns or data.ignore first, for a missing column. */
status table_read_columns(const char *path, const table_columns *columns, table **out, error_info *err);

/* Make a table of numbers (rows, columns), allocated by malloc. The table owns them, also after an error; its checksum
 * is that of the numbers. `name` is for messages. Errors: STATUS_FORMAT for no numbers or a non-finite one;
 * STATUS_MEMORY. */
status table_from(const char *name, double *numbers, size_t rows, size_t columns, table **out, error_info *err);

/* Free the table and set *points to NULL; *points may be NULL. */
void table_destroy(table **points);

/* Return the name of a column, from 0; NULL if the file has none. It is valid as long as the table. */
const char *table_name(const table *points, size_t column);

/* Return whether the path ends like that of a table. */
bool table_is_path(const char *path);

/* Return the length of the path without that ending, and without the name of an array; 0 for other paths. */
size_t table_stem(const char *path);

AFFJORD_API_END

#endif
