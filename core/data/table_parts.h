/* table_parts.h - the parts and columns of a table as one table; for dataset.c. */
#ifndef AFFJORD_DATA_TABLE_PARTS_H
#define AFFJORD_DATA_TABLE_PARTS_H

#include "data/dataset.h"
#include "data/table.h"

/* Return the first setting that the spec has besides the name, such as "data.columns"; NULL for none. */
const char *dataset_spec_given(const dataset_spec *spec);

/* *out <- the rows of the file, then those of the validation and test files, with the wanted columns. held_out (2) <-
 * how many rows of the first file are in each part; files (2) <- rows of the other files. If columns or parts are not
 * the default, the checksum is that of the lines
 *
 *   table SHA-256
 *   validation ROWS|SHA-256
 *   test ROWS|SHA-256
 *
 * Errors: those of dataset_open_parts. */
status table_parts_read(const dataset_spec *spec, table **out, size_t held_out[2], size_t files[2], error_info *err);

#endif
