/* table_columns.h - select columns of a table. */
#ifndef AFFJORD_DATA_TABLE_COLUMNS_H
#define AFFJORD_DATA_TABLE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/table.h"

/* Return whether `wanted` selects columns; false for NULL and for all columns. */
bool table_columns_given(const table_columns *wanted);

/* keep (columns) <- the indices, from 0, of the wanted columns, in their order; *count <- their number. Of `points`,
 * only `columns` and `names` are read. Errors: STATUS_INVALID, with the setting and the table's names, for a missing,
 * ambiguous or repeated name or number, and if no column is left. */
status table_columns_find(const table_columns *wanted, const char *path, const table *points, size_t *keep,
                          size_t *count, error_info *err);

/* Reduce the table's numbers and names to these columns. Errors: STATUS_MEMORY. */
status table_columns_keep(const size_t *keep, size_t count, const char *path, table *points, error_info *err);

#endif
