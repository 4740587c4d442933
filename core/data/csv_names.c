/* csv_names.c - the names of the columns, from the first line of a text table. */
#include "data/csv_names.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool csv_is_missing(const char *start, const char *end) {
    static const char *const words[] = {"NA",  "N/A", "NaN", "nan",      "NAN",      "null", "NULL", "None",
                                        "inf", "Inf", "INF", "infinity", "Infinity", "-",    "?",    "."};
    if (start < end && (*start == '-' || *start == '+') && end - start > 1) start++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == (size_t)(end - start) && memcmp(words[i], start, (size_t)(end - start)) == 0)
            return true;
    return false;
}

/* Return the separator of the names: the first candidate that the line contains. Names separated by blanks contain
 * none. */
static char separator_of(const csv_names *names) {
    const size_t length = (size_t)(names->end - names->start);
    for (const char *candidate = ",;\t"; *candidate; candidate++)
        if (memchr(names->start, *candidate, length)) return *candidate;
    return ' ';
}

/* Find the next name from *at on, without surrounding blanks and quotes; *at moves behind its separator, and is NULL
 * after the last name. */
static void next_name(const char **at, const char *line_end, char separator, const char **start, const char **end) {
    const char *stop = *at;
    while (stop < line_end && *stop != separator) stop++;
    *start = *at;
    *end = stop;
    while (separator == ' ' && stop < line_end && is_blank(*stop)) stop++;
    *at = stop == line_end ? NULL : stop + (separator != ' ');
    while (*start < *end && is_blank(**start)) ++*start;
    while (*end > *start && is_blank((*end)[-1])) --*end;
    if (*end - *start >= 2 && **start == '"' && (*end)[-1] == '"') ++*start, --*end;
}

static bool is_unnamed(const char *start, const char *end) {
    static const char pandas[] = "Unnamed: ";
    return start == end || (end - start >= 9 && memcmp(start, pandas, 9) == 0);
}

static status fail_count(const csv_names *names, const char *path, size_t columns, size_t count, error_info *err) {
    const char *reading = "name every column once";
    if (columns == count + 1)
        reading =
            "the first column is either an index, as pandas and R write it, or one without a name; leave the index "
            "out (to_csv(..., index=False)), or name every column";
    else if (columns > count)
        reading =
            "commas or blanks inside numbers are either decimal commas or thousands, or there are columns without a "
            "name; write 1234.5, or name every column";
    return error_set(err, STATUS_FORMAT,
                     "%s:%zu:1: expected as many names as columns, found %zu names over %zu columns: %s", path,
                     names->line, count, columns, reading);
}

status csv_names_read(const csv_names *names, const char *path, size_t columns, char **out, error_info *err) {
    const char separator = separator_of(names), *start, *end;
    size_t count = 0, missing = 0, unnamed = 0;
    for (const char *at = names->start; at; count++) {
        next_name(&at, names->end, separator, &start, &end);
        missing += csv_is_missing(start, end);
        if (unnamed == 0 && is_unnamed(start, end)) unnamed = count + 1;
    }
    *out = NULL;
    if (names->comment && (count != columns || unnamed > 0)) return STATUS_OK;
    if (missing == count)
        return error_set(
            err, STATUS_FORMAT,
            "%s:%zu:1: either a point whose numbers are missing or names of columns; leave the line out, or give "
            "the columns other names",
            path, names->line);
    if (unnamed == 1 && count == columns)
        return error_set(
            err, STATUS_FORMAT,
            "%s:%zu:1: the first column has no name: it is either an index, as pandas and R write it, or a "
            "coordinate; leave the index out (to_csv(..., index=False)), or name the column",
            path, names->line);
    if (count != columns) return fail_count(names, path, columns, count, err);
    if (unnamed > 0)
        return error_set(err, STATUS_FORMAT, "%s:%zu:1: column %zu has no name: expected one for every column", path,
                         names->line, unnamed);
    char *block = malloc((size_t)(names->end - names->start) + columns + 1), *into = block;
    if (!block) return error_set(err, STATUS_MEMORY, "no memory for the names of \"%s\"", path);
    for (const char *at = names->start; at;) {
        next_name(&at, names->end, separator, &start, &end);
        memcpy(into, start, (size_t)(end - start));
        into += end - start;
        *into++ = '\0';
    }
    *out = block;
    return STATUS_OK;
}
