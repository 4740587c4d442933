/* csv_doubt.h - what in a table as text may have been meant otherwise.
 *
 * A text does not say whether "1,5" is one number with a decimal comma or two columns, nor whether a first line "0,1" is
 * a point or the names of two columns. The reader takes each line in one sense and shows it here; what would have another
 * sense all through the table is refused, with both. Names of the columns settle it, as they say how many there are. */
#ifndef AFFJORD_DATA_CSV_DOUBT_H
#define AFFJORD_DATA_CSV_DOUBT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* A number as it stands in the text. */
typedef struct csv_field {
    const char *start, *end;
    bool tight; /* only a comma, or only one blank, is between it and the field before */
    bool comma; /* and that is a comma */
} csv_field;

/* All zero for a table that begins. */
typedef struct csv_doubt {
    size_t rows, columns, first_line;
    bool *joins; /* (columns): in all rows, this field and the one before could be one number with thousands apart */
    bool *whole; /* (columns): some row behind the first has a whole number here */
    bool first_whole, first_counts; /* the first row: only different whole numbers; 0, 1, 2, ... */
    csv_field first[2]; /* its first fields, and */
    csv_field comma[2]; /* the first two that a decimal comma may be between, of row comma_line */
    size_t comma_line;
} csv_doubt;

/* One more row, of as many fields as those before. The fields' text outlives *self. Errors: STATUS_MEMORY. */
status csv_doubt_row(csv_doubt *self, size_t line, const csv_field *fields, size_t count, failure *why);

/* What there is to say of a table without names. `line_start` finds columns of the text. Errors: STATUS_FORMAT. */
status csv_doubt_settle(const csv_doubt *self, const char *path, failure *why);

void csv_doubt_release(csv_doubt *self);

#endif
