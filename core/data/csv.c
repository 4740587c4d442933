/* csv.c - tables as text: a line a point, numbers between commas or blanks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/table_formats.h"

typedef struct csv {
    const char *path;
    const char *at, *end; /* *end is 0 */
    const char *line_start;
    size_t line; /* from 1 */
} csv;

static size_t column_of(const csv *text, const char *place) {
    return (size_t)(place - text->line_start) + 1;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static void skip_blanks(csv *text) {
    while (is_blank(*text->at)) text->at++;
}

static bool at_line_end(const csv *text) {
    return text->at == text->end || *text->at == '\n' || (text->at[0] == '\r' && text->at[1] == '\n');
}

static void next_line(csv *text) {
    while (text->at < text->end && *text->at != '\n') text->at++;
    if (text->at < text->end) text->at++;
    text->line_start = text->at;
    text->line++;
}

/* Where the field that starts here ends. */
static const char *field_end(const char *at) {
    while (*at != 0 && *at != ',' && *at != '\n' && *at != '\r' && !is_blank(*at)) at++;
    return at;
}

/* The number that fills the field. strtod is correctly rounded, so its bits are the same everywhere. */
static bool field_number(const char *start, const char *end, double *value) {
    if (start == end) return false;
    char *stop;
    *value = strtod(start, &stop);
    return stop == end;
}

/* A line is a header if it has no number at all; one with a number and something else is a mistake. */
static bool line_is_header(csv text) {
    double value;
    for (;;) {
        skip_blanks(&text);
        if (at_line_end(&text)) return true;
        const char *end = field_end(text.at);
        if (field_number(text.at, end, &value)) return false;
        text.at = *end == ',' || end == text.at ? end + 1 : end;
    }
}

static status fail_field(const csv *text, failure *why) {
    const char *end = field_end(text->at);
    size_t line = text->line, column = column_of(text, text->at);
    if (*text->at == 0 && text->at < text->end) {
        return fail(why, STATUS_FORMAT, "%s:%zu:%zu: expected a number, found a zero byte", text->path, line, column);
    }
    if (end == text->at) {
        return fail(why, STATUS_FORMAT, "%s:%zu:%zu: expected a number, found nothing", text->path, line, column);
    }
    int shown = (int)(end - text->at > 40 ? 40 : end - text->at);
    return fail(why, STATUS_FORMAT, "%s:%zu:%zu: expected a number, found '%.*s'", text->path, line, column, shown,
                text->at);
}

typedef struct numbers {
    size_t count, capacity;
    real *values;
} numbers;

/* A number too large for a real is infinite as well. */
static status check_finite(const csv *text, double value, size_t row, failure *why) {
    if (isfinite((real)value)) return STATUS_OK;
    return fail(why, STATUS_FORMAT, "%s:%zu:%zu: row %zu: expected a finite number, found %g", text->path, text->line,
                column_of(text, text->at), row, value);
}

static status numbers_append(numbers *list, double value, const csv *text, failure *why) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 1024 : 2 * list->capacity;
        real *values = realloc(list->values, capacity * sizeof *values);
        if (values == NULL) return fail(why, STATUS_MEMORY, "no memory for the points of \"%s\"", text->path);
        list->values = values;
        list->capacity = capacity;
    }
    list->values[list->count++] = (real)value;
    return STATUS_OK;
}

/* The numbers of one line, at least one; *count of them. */
static status parse_line(csv *text, size_t row, numbers *list, size_t *count, failure *why) {
    *count = 0;
    for (;;) {
        double value;
        skip_blanks(text);
        const char *end = field_end(text->at);
        if (!field_number(text->at, end, &value)) return fail_field(text, why);
        TRY(check_finite(text, value, row, why));
        TRY(numbers_append(list, value, text, why));
        ++*count;
        text->at = end;
        skip_blanks(text);
        if (at_line_end(text)) return STATUS_OK;
        if (*text->at == ',') text->at++;
    }
}

static status parse_all(csv *text, numbers *list, size_t *rows, size_t *columns, failure *why) {
    bool first = true;
    size_t first_line = 0;
    while (text->at < text->end) {
        skip_blanks(text);
        if (at_line_end(text)) {
            next_line(text);
            continue;
        }
        if (first && line_is_header(*text)) {
            first = false;
            next_line(text);
            continue;
        }
        first = false;
        size_t count;
        TRY(parse_line(text, *rows + 1, list, &count, why));
        if (*rows == 0) {
            *columns = count;
            first_line = text->line;
        }
        if (count != *columns) {
            return fail(why, STATUS_FORMAT, "%s:%zu:%zu: expected %zu numbers, as in line %zu, found %zu", text->path,
                        text->line, column_of(text, text->at), *columns, first_line, count);
        }
        ++*rows;
        next_line(text);
    }
    if (*rows == 0) return fail(why, STATUS_FORMAT, "%s:%zu:1: expected a line of numbers", text->path, text->line);
    return STATUS_OK;
}

status csv_parse(const char *path, const unsigned char *bytes, size_t size, table *out, failure *why) {
    const char *start = (const char *)bytes;
    const char *end = start + size;
    if (size >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0) start += 3; /* a byte order mark of UTF-8 */
    csv text = {.path = path, .at = start, .end = end, .line_start = start, .line = 1};
    numbers list = {0};
    size_t rows = 0, columns = 0;
    status outcome = parse_all(&text, &list, &rows, &columns, why);
    if (outcome != STATUS_OK) {
        free(list.values);
        return outcome;
    }
    out->rows = rows;
    out->columns = columns;
    out->values = list.values;
    return STATUS_OK;
}
