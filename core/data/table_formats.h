/* table_formats.h - the parsers of the two table formats, for table.c. */
#ifndef AFFJORD_DATA_TABLE_FORMATS_H
#define AFFJORD_DATA_TABLE_FORMATS_H

#include "data/table.h"

/* Fill rows, columns, numbers and, if present, names (newly allocated) from the `size` bytes of a file, which a 0
 * follows. Numbers may be infinite or NaN. In a text, columns that are not `wanted` (may be NULL for all) may hold
 * words, which become NaN. Errors: STATUS_FORMAT, STATUS_MEMORY; those of table_columns_find. */
typedef status table_parser(const char *path, const unsigned char *bytes, size_t size, const table_columns *wanted,
                            table *out, error_info *err);
table_parser csv_parse, npy_parse;

#endif
