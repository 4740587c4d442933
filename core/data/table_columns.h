/* table_columns.h - which columns of a table are used. */
#ifndef AFFJORD_DATA_TABLE_COLUMNS_H
#define AFFJORD_DATA_TABLE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/table.h"

/* Return whether this is other than all columns; `wanted` may be NULL. */
bool table_columns_given(const table_columns *wanted);

/* keep (columns) <- the numbers, from 0, of the columns wanted, in their order; *count <- how many. The table has
 * `columns` and `names`. Errors: STATUS_INVALID, with the setting first and the names that the table has, for a name
 * or number that it has not, that it has twice or that is wanted twice, and if none is left. */
status table_columns_find(const table_columns *wanted, const char *path, const table *points, size_t *keep,
                          size_t *count, error_info *err);

/* Reduce the table's numbers and names to these columns. Errors: STATUS_MEMORY. */
status table_columns_keep(const size_t *keep, size_t count, const char *path, table *points, error_info *err);

#endif
