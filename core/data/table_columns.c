/* table_columns.c - select columns of a table. */
#include "data/table_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 500 }; /* bytes of a list of names in a message */

bool table_columns_given(const table_columns *wanted) {
    return wanted != NULL && wanted->use_count + wanted->ignore_count > 0;
}

/* list <- the table's names, as far as they fit. */
static void list_names(const table *points, char list[LISTED_MAX]) {
    size_t used = 0;
    *list = 0;
    for (size_t i = 0; points->names && i < points->columns; i++) {
        const char *name = table_name(points, i);
        if (used + strlen(name) + sizeof ", ..." > LISTED_MAX) {
            snprintf(list + used, LISTED_MAX - used, ", ...");
            return;
        }
        used += (size_t)snprintf(list + used, LISTED_MAX - used, "%s%s", i > 0 ? ", " : "", name);
    }
}

static status fail_unknown(const char *setting, const char *item, const char *path, const table *points,
                           error_info *err) {
    char list[LISTED_MAX];
    list_names(points, list);
    return error_set(err, STATUS_INVALID,
                     "%s: no column \"%.60s\" in \"%.300s\"; expected %s%s%sa number from 1 to %zu", setting, item,
                     path, points->names ? "one of " : "", list, points->names ? ", or " : "", points->columns);
}

/* Read a number from 1 to `most` of a column, without a sign. */
static bool read_column(const char *item, size_t most, size_t *column) {
    size_t value = 0;
    for (const char *at = item; *at; at++) {
        if (*at < '0' || *at > '9') return false;
        value = 10 * value + (size_t)(*at - '0');
        if (value > most) return false;
    }
    *column = value - 1;
    return value > 0;
}

/* Names take precedence over numbers: the columns of a table may be named 1, 2, 3. */
static status find_column(const char *setting, const char *item, const char *path, const table *points, size_t *column,
                          error_info *err) {
    size_t found = 0;
    for (size_t i = points->columns; points->names && i-- > 0;) {
        if (strcmp(table_name(points, i), item) != 0) continue;
        *column = i;
        found++;
    }
    if (found > 1)
        return error_set(err, STATUS_INVALID,
                         "%s: \"%.300s\" has %zu columns \"%.60s\"; expected their numbers, from 1 to %zu", setting,
                         path, found, item, points->columns);
    if (found == 1 || read_column(item, points->columns, column)) return STATUS_OK;
    return fail_unknown(setting, item, path, points, err);
}

static bool is_among(size_t column, const size_t *columns, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (columns[i] == column) return true;
    return false;
}

static status fail_twice(const char *setting, const char *item, size_t column, error_info *err) {
    return error_set(err, STATUS_INVALID, "%s: \"%.60s\" is column %zu, which is listed before; expected each once",
                     setting, item, column + 1);
}

status table_columns_find(const table_columns *wanted, const char *path, const table *points, size_t *keep,
                          size_t *count, error_info *err) {
    size_t column, kept = 0;
    for (size_t i = 0; i < wanted->use_count; i++) {
        TRY(find_column("data.columns", wanted->use[i], path, points, &column, err));
        if (is_among(column, keep, kept)) return fail_twice("data.columns", wanted->use[i], column, err);
        keep[kept++] = column;
    }
    for (; wanted->use_count == 0 && kept < points->columns; kept++) keep[kept] = kept;
    for (size_t i = 0; i < wanted->ignore_count; i++) {
        TRY(find_column("data.ignore", wanted->ignore[i], path, points, &column, err));
        size_t at = 0;
        while (at < kept && keep[at] != column) at++;
        if (at == kept) return fail_twice("data.ignore", wanted->ignore[i], column, err);
        memmove(keep + at, keep + at + 1, (--kept - at) * sizeof *keep);
    }
    if (kept == 0)
        return error_set(err, STATUS_INVALID,
                         "data.ignore: \"%.300s\" has no other columns; expected at least one left", path);
    *count = kept;
    return STATUS_OK;
}

/* *out <- the names of these columns; NULL without names. */
static status keep_names(const size_t *keep, size_t count, const char *path, const table *points, char **out,
                         error_info *err) {
    size_t length = 0;
    *out = NULL;
    if (points->names == NULL) return STATUS_OK;
    for (size_t i = 0; i < count; i++) length += strlen(table_name(points, keep[i])) + 1;
    char *names = malloc(length), *into = names;
    if (names == NULL) return error_set(err, STATUS_MEMORY, "no memory for the names of \"%s\"", path);
    for (size_t i = 0; i < count; i++) into = stpcpy(into, table_name(points, keep[i])) + 1;
    *out = names;
    return STATUS_OK;
}

status table_columns_keep(const size_t *keep, size_t count, const char *path, table *points, error_info *err) {
    char *names;
    double *numbers = calloc(points->rows * count, sizeof *numbers);
    if (numbers == NULL) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    const status named = keep_names(keep, count, path, points, &names, err);
    if (named != STATUS_OK) {
        free(numbers);
        return named;
    }
    for (size_t row = 0; row < points->rows; row++)
        for (size_t i = 0; i < count; i++) numbers[row * count + i] = points->numbers[row * points->columns + keep[i]];
    free(points->numbers);
    free(points->names);
    points->numbers = numbers;
    points->names = names;
    points->columns = count;
    return STATUS_OK;
}
