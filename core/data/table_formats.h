/* table_formats.h - the parsers of the two table formats, for table.c. */
#ifndef AFFJORD_DATA_TABLE_FORMATS_H
#define AFFJORD_DATA_TABLE_FORMATS_H

#include "data/table.h"

/* Fill rows, columns, numbers and, if present, names (newly allocated) from the `size` bytes of a file, which a 0
 * follows. Numbers may be infinite or NaN. Errors: STATUS_FORMAT, STATUS_MEMORY. */
status csv_parse(const char *path, const unsigned char *bytes, size_t size, table *out, error_info *err);
status npy_parse(const char *path, const unsigned char *bytes, size_t size, table *out, error_info *err);

#endif
