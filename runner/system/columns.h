/* columns.h - rows of text in columns that are as wide as their widest cell. */
#ifndef AFFJORD_RUNNER_COLUMNS_H
#define AFFJORD_RUNNER_COLUMNS_H

#include <stdio.h>

#include "base/status.h"

enum { COLUMNS_MAX = 16 };

typedef struct columns {
    FILE *rows; /* write here: cells end with a tab, the last one of a row with a newline */
    char *text;
    size_t size;
} columns;

/* Open self->rows. The caller ends it with columns_end. Errors: memory. */
status columns_begin(columns *self, error_info *err);

/* If `outcome`, that of making the rows, is STATUS_OK, write them to `stream`. Release them. `format` is that of printf with %s alone, as "%-16s %6s  %s"; its widths
 * are the least ones, and it has at most COLUMNS_MAX columns. The last cell of a row may contain tabs; a line without
 * tabs is written as it is. Errors: `outcome`; memory. */
status columns_end(columns *self, status outcome, const char *format, FILE *stream, error_info *err);

#endif
