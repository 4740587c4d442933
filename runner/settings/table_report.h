/* table_report.h - what was read of a table of points, and what of it a flow cannot learn, in lines for people. */
#ifndef AFFJORD_RUNNER_TABLE_REPORT_H
#define AFFJORD_RUNNER_TABLE_REPORT_H

#include <stdbool.h>

#include "data/dataset.h"

enum { TABLE_REPORT_COLUMNS = 6 }; /* columns that are shown where a line has to do */

/* *out <- a line on rows and columns, of which at most `columns_max` are shown, in lines of their own if they are all
 * wanted (SIZE_MAX); then a line for each warning. The caller frees it; it is NULL for a toy density. `standardised`:
 * units are the model's concern. Errors: STATUS_MEMORY. */
status table_report(const dataset *data, bool standardised, size_t columns_max, char **out, error_info *err);

#endif
