/* table_report.c - a report on a table of points, with warnings about columns that a flow cannot learn. */
#include "settings/table_report.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "data/columns.h"

enum { WARNINGS_MAX = 8, FEW = 10, FEW_ROWS_MIN = 100, TEXT_MAX = 600 };

typedef struct reporting {
    FILE *stream;
    const dataset *data;
    const table *points;
    const column *columns;
    size_t warnings;
} reporting;

__attribute__((format(printf, 2, 3))) static void print_line(const reporting *self, const char *format, ...) {
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    number_print_list(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs(text, self->stream);
}

static void print_name(const reporting *self, size_t i) {
    const char *name = table_name(self->points, i);
    if (name) print_line(self, "%.60s", name);
    else print_line(self, "column %zu", i + 1);
}

/* Digits that distinguish the ends of a range, and a few more. */
static int range_digits(const column *one) {
    const double largest = fmax(fabs(one->minimum), fabs(one->maximum)), ratio = largest / one->deviation;
    return isfinite(ratio) && ratio > 1 ? (int)fmin(15, 4 + log10(ratio)) : 4;
}

static void print_columns(const reporting *self, bool standardised, size_t columns_max) {
    const size_t count = self->points->columns, shown = count < columns_max ? count : columns_max;
    const size_t test = dataset_size(self->data, SPLIT_TEST);
    print_line(self, "%s: %zu rows, %zu of them held out", dataset_name(self->data), self->points->rows,
               dataset_size(self->data, SPLIT_VALIDATION));
    if (test > 0) print_line(self, " for validation and %zu for test", test);
    print_line(self, "; %zu column%s:", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < shown; i++) {
        const column *one = &self->columns[i];
        print_line(self, columns_max == SIZE_MAX ? "\n    " : i > 0 ? "; " : " ");
        print_name(self, i);
        const int digits = range_digits(one);
        print_line(self, " %.*g to %.*g, deviation %.3g", digits, one->minimum, digits, one->maximum, one->deviation);
    }
    if (shown < count) print_line(self, "; and %zu more", count - shown);
    print_line(self, standardised ? "; standardised for training\n" : "\n");
}

/* Start a line; return false at the limit of lines. */
static bool warn(reporting *self, size_t i) {
    if (self->warnings++ >= WARNINGS_MAX) return false;
    print_line(self, "%s: warning: ", dataset_name(self->data));
    print_name(self, i);
    return true;
}

static void warn_of_column(reporting *self, size_t i, bool standardised) {
    const column *one = &self->columns[i];
    const size_t looked = self->points->rows < COLUMNS_ROWS_MAX ? self->points->rows : COLUMNS_ROWS_MAX;
    if (one->minimum == one->maximum) {
        if (warn(self, i))
            print_line(self, " is constant, %g: points on a plane have no density; leave it out\n", one->minimum);
        return;
    }
    if (one->like > 0 && warn(self, i)) {
        print_line(self, " is ");
        print_name(self, one->like - 1);
        print_line(self, " again, up to a factor and an offset: points on a plane have no density; leave it out\n");
    }
    if (one->counts && warn(self, i)) print_line(self, " counts the rows: leave it out if it is an index\n");
    if (i < COLUMNS_LOOKED_MAX && one->distinct <= FEW && looked >= FEW_ROWS_MIN && warn(self, i))
        print_line(self, " has only %zu different numbers: a density on them can grow without bound\n", one->distinct);
    if (standardised) return;
    if (column_is_coarse(one)) {
        if (warn(self, i))
            print_line(self,
                       " has %zu different numbers, of which float32 keeps %zu apart: the steps are large beside the "
                       "deviation; "
                       "data.standardise = yes, or subtract an offset before\n",
                       one->distinct, one->distinct_real);
    } else if (column_is_offset(one) && warn(self, i)) {
        print_line(self,
                   " has mean %.3g and deviation %.3g, and a flow from N(0, I) is best near 0 and 1: it may come to no "
                   "density; "
                   "data.standardise = yes\n",
                   one->mean, one->deviation);
    }
}

static void report(reporting *self, bool standardised, size_t columns_max) {
    const size_t count = self->points->columns;
    print_columns(self, standardised, columns_max);
    for (size_t i = 0; i < count; i++) warn_of_column(self, i, standardised);
    if (self->warnings > WARNINGS_MAX)
        print_line(self, "%s: and %zu more warnings\n", dataset_name(self->data), self->warnings - WARNINGS_MAX);
}

status table_report(const dataset *data, bool standardised, size_t columns_max, char **out, error_info *err) {
    const table *points = dataset_table(data);
    char *text = NULL;
    size_t size;
    *out = NULL;
    if (!points) return STATUS_OK;
    column *columns = calloc(points->columns, sizeof *columns);
    FILE *stream = columns ? open_memstream(&text, &size) : NULL;
    status outcome = stream ? columns_measure(points, columns, err) : error_set(err, STATUS_MEMORY, "out of memory");
    reporting self = {.stream = stream, .data = data, .points = points, .columns = columns};
    if (outcome == STATUS_OK) report(&self, standardised, columns_max);
    if (stream && fclose(stream) != 0 && outcome == STATUS_OK) outcome = error_set(err, STATUS_MEMORY, "out of memory");
    free(columns);
    if (outcome == STATUS_OK) *out = text;
    else free(text);
    return outcome;
}
