/* csv_names.h - the names of the columns, from the first line of a text table. */
#ifndef AFFJORD_DATA_CSV_NAMES_H
#define AFFJORD_DATA_CSV_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* The text of the line without surrounding blanks. All zero if there is none. */
typedef struct csv_names {
    const char *start, *end;
    size_t line;
    bool comment; /* the line began with #: names if their number is that of the columns, otherwise a comment */
} csv_names;

/* Return whether a field stands for a missing number: NA, nan, null, inf and similar words. */
bool csv_is_missing(const char *start, const char *end);

/* *out <- the `columns` names, each terminated by 0, in one block that the caller frees; NULL for a comment. Errors:
 * STATUS_FORMAT if their number differs from that of the columns, or the line has another interpretation;
 * STATUS_MEMORY. */
status csv_names_read(const csv_names *names, const char *path, size_t columns, char **out, error_info *err);

#endif
