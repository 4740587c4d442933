/* table_parts.h - the parts and columns of a table as one table; for dataset.c. */
#ifndef AFFJORD_DATA_TABLE_PARTS_H
#define AFFJORD_DATA_TABLE_PARTS_H

#include "data/dataset.h"
#include "data/table.h"

/* Return the setting of the first thing that is given beside the name, as "data.columns"; NULL for none. */
const char *dataset_spec_given(const dataset_spec *spec);

/* *out <- the rows of the file, then those of the files of validation and test, with the wanted columns. held (2) <- how
 * many rows of the first file are held out for each; files (2) <- rows of the others. If the parts are other than usual,
 * the checksum is that of the lines
 *
 *   table SHA-256
 *   validation ROWS|SHA-256
 *   test ROWS|SHA-256
 *
 * Errors: those of dataset_open_parts. */
status table_parts_read(const dataset_spec *spec, table **out, size_t held[2], size_t files[2], error_info *err);

#endif
