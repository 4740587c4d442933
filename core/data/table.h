/* table.h - points read from a file. */
#ifndef AFFJORD_DATA_TABLE_H
#define AFFJORD_DATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/real.h"
#include "base/status.h"

AFFJORD_API_BEGIN

typedef struct table {
    size_t rows, columns;
    real *values; /* (rows, columns) */
    char sha256[65]; /* of the file's bytes, in hexadecimal */
    char *names; /* of the columns, each ended by a 0, one behind the other; NULL where the file has none */
    double *numbers; /* (rows, columns), as they are written: table_read_numbers */
} table;

/* Read a table whose path ends in .npy or .csv (the formats are in
 * docs/reference/data.md); all values are finite and there is at least one. Errors name
 * the path and what was expected: STATUS_INVALID for another ending, STATUS_IO,
 * STATUS_FORMAT, STATUS_MEMORY. The caller owns *out. */
status table_read(const char *path, table **out, failure *why);

/* The same, with `numbers` instead of `values`, which are NULL: a float has seven digits, and a file may have more. */
status table_read_numbers(const char *path, table **out, failure *why);

void table_destroy(table **points);

/* The name of a column, from 0; NULL where the file has none. Valid as long as the table. */
const char *table_name(const table *points, size_t column);

/* Whether the path ends as those of tables do. */
bool table_is_path(const char *path);

AFFJORD_API_END

#endif
