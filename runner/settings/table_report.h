/* table_report.h - a report on a table of points, with warnings about columns that a flow cannot learn. */
#ifndef AFFJORD_RUNNER_TABLE_REPORT_H
#define AFFJORD_RUNNER_TABLE_REPORT_H

#include <stdbool.h>

#include "data/dataset.h"

enum { TABLE_REPORT_COLUMNS = 6 }; /* columns shown in a one-line report */

/* *out <- a line about rows and columns, of which at most `columns_max` are shown, or one line for each column
 * (SIZE_MAX); then a line for each warning. The caller frees it; NULL for a toy density. `standardised`: omit warnings
 * about units. Errors: STATUS_MEMORY. */
status table_report(const dataset *data, bool standardised, size_t columns_max, char **out, error_info *err);

#endif
