/* csv_doubt.h - detect text tables with more than one interpretation.
 *
 * The text does not determine whether "1,5" is one number with a decimal comma or two columns, nor whether a first line
 * "0,1" is a point or two names. The parser uses one interpretation and passes each line here. A table with another
 * consistent interpretation is refused; the message states both. Names of the columns fix their number and remove the
 * ambiguity. */
#ifndef AFFJORD_DATA_CSV_DOUBT_H
#define AFFJORD_DATA_CSV_DOUBT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* A number as text. */
typedef struct csv_field {
    const char *start, *end;
    bool tight; /* a single comma or blank separates it from the field before */
    bool comma; /* that separator is a comma */
} csv_field;

/* Initialise with zeros. */
typedef struct csv_doubt {
    size_t rows, columns, first_line;
    /* (columns): in all rows, this field and the one before could be one number with a thousands separator. */
    bool *joins;
    bool *whole; /* (columns): some row after the first has an integer here */
    bool first_whole, first_counts; /* the first row has only distinct integers; it is 0, 1, 2, ... */
    csv_field first[2]; /* its first fields */
    csv_field comma[2]; /* the first two that a decimal comma may separate, in row comma_line */
    size_t comma_line;
} csv_doubt;

/* Add a row with as many fields as those before. The fields' text must outlive *self. Errors: STATUS_MEMORY. */
status csv_doubt_row(csv_doubt *self, size_t line, const csv_field *fields, size_t count, error_info *err);

/* Decide on a table without names. `line_start` converts positions to columns of the text. Errors: STATUS_FORMAT. */
status csv_doubt_settle(const csv_doubt *self, const char *path, error_info *err);

void csv_doubt_release(csv_doubt *self);

#endif
