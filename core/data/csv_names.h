/* csv_names.h - the first line of a table as text, where it names the columns. */
#ifndef AFFJORD_DATA_CSV_NAMES_H
#define AFFJORD_DATA_CSV_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* The line's text, without blanks around. All zero where there is none. */
typedef struct csv_names {
    const char *start, *end;
    size_t line;
    bool comment; /* a # was before it: names if there are as many as columns, otherwise a remark */
} csv_names;

/* Whether a field stands for a number that is missing: NA, nan, null, inf and the like. */
bool csv_is_missing(const char *start, const char *end);

/* *out <- the `columns` names, each ended by a 0, one behind the other in one block that the caller frees; NULL for a
 * remark. Errors: STATUS_FORMAT where they are not as many as columns, or might have been meant otherwise;
 * STATUS_MEMORY. */
status csv_names_take(const csv_names *names, const char *path, size_t columns, char **out, failure *why);

#endif
