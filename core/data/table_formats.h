/* table_formats.h - the readers of the two formats of tables, for table.c. */
#ifndef AFFJORD_DATA_TABLE_FORMATS_H
#define AFFJORD_DATA_TABLE_FORMATS_H

#include "data/table.h"

/* Fill rows, columns, numbers and, where there are some, names (fresh allocations) from the `size` bytes of a file and a 0 after them. Numbers may
 * still be infinite or NaN. Errors: STATUS_FORMAT, STATUS_MEMORY. */
status csv_parse(const char *path, const unsigned char *bytes, size_t size, table *out, failure *why);
status npy_parse(const char *path, const unsigned char *bytes, size_t size, table *out, failure *why);

#endif
