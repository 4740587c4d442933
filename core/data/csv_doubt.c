/* csv_doubt.c - detect text tables with more than one interpretation. */
#include "data/csv_doubt.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 24 }; /* bytes of a field in a message */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Return the number of digits from here on. */
static size_t digits(const char *at, const char *end) {
    size_t count = 0;
    while (at + count < end && is_digit(at[count])) count++;
    return count;
}

static const char *behind_sign(const csv_field *field) {
    return field->start + (field->start < field->end && (*field->start == '-' || *field->start == '+'));
}

/* Return whether the field is an integer, without a point or an exponent. */
static bool is_whole(const csv_field *field) {
    const char *start = behind_sign(field);
    return start < field->end && start + digits(start, field->end) == field->end;
}

/* Return whether two fields could be one number: 1 and 234.5 may be 1,234.5 or 1 234.5; 1.234 and 5 may be 1.234,5. */
static bool could_join(const csv_field *before, const csv_field *field) {
    const char *head = behind_sign(before);
    const size_t first = digits(head, before->end), tail = digits(field->start, field->end);
    if (!field->tight || first < 1 || first > 3 || *head == '0' || !is_digit(*field->start)) return false;
    const bool ends = field->start + tail == field->end;
    if (head + first == before->end) return tail == 3 && (ends || field->start[tail] == '.');
    return head[first] == '.' && digits(head + first + 1, before->end) == 3 && head + first + 4 == before->end && ends;
}

/* Return whether a field could be decimals only. Tables do not contain -0 or digits after a leading zero, as in 3,05,
 * as numbers. */
static bool could_be_decimals(const csv_field *before, const csv_field *field) {
    if (!field->comma || !field->tight || !is_whole(before) || !is_digit(*field->start) || !is_whole(field))
        return false;
    const bool minus_zero = before->end - before->start == 2 && memcmp(before->start, "-0", 2) == 0;
    return minus_zero || (field->end - field->start > 1 && *field->start == '0');
}

static bool same_text(const csv_field *a, const csv_field *b) {
    return a->end - a->start == b->end - b->start && memcmp(a->start, b->start, (size_t)(a->end - a->start)) == 0;
}

/* Return whether the field is exactly this small integer. */
static bool is_count(const csv_field *field, size_t number) {
    size_t value = 0;
    const size_t length = digits(field->start, field->end);
    if (length < 1 || length > 9 || field->start + length != field->end || (length > 1 && *field->start == '0'))
        return false;
    for (size_t i = 0; i < length; i++) value = 10 * value + (size_t)(field->start[i] - '0');
    return value == number;
}

static status begin(csv_doubt *self, size_t line, const csv_field *fields, size_t count, error_info *err) {
    *self = (csv_doubt){.columns = count,
                        .first_line = line,
                        .joins = calloc(count, sizeof(bool)),
                        .whole = calloc(count, sizeof(bool)),
                        .first_whole = true,
                        .first_counts = true};
    if (!self->joins || !self->whole)
        return error_set(err, STATUS_MEMORY, "no memory to read a table of %zu columns", count);
    for (size_t i = 0; i < count; i++) {
        self->first_counts &= is_count(&fields[i], i);
        self->first_whole &= is_whole(&fields[i]);
        self->joins[i] = i > 0;
        if (i < 2) self->first[i] = fields[i];
    }
    /* Names are distinct. With too many columns to compare all pairs, only names that count 0, 1, 2, ... are
     * detected. */
    for (size_t i = 0; self->first_whole && !self->first_counts && i < count; i++)
        for (size_t j = 0; j < i && self->first_whole; j++)
            self->first_whole = i < 1000 && !same_text(&fields[i], &fields[j]);
    return STATUS_OK;
}

status csv_doubt_row(csv_doubt *self, size_t line, const csv_field *fields, size_t count, error_info *err) {
    if (self->rows == 0) TRY(begin(self, line, fields, count, err));
    for (size_t i = 0; i < count; i++) {
        if (self->rows > 0) self->whole[i] |= is_whole(&fields[i]);
        if (i == 0) continue;
        self->joins[i] &= could_join(&fields[i - 1], &fields[i]);
        if (self->comma_line > 0 || !could_be_decimals(&fields[i - 1], &fields[i])) continue;
        memcpy(self->comma, &fields[i - 1], sizeof self->comma);
        self->comma_line = line;
    }
    self->rows++;
    return STATUS_OK;
}

static int shown(const csv_field *field) {
    return (int)(field->end - field->start > SHOWN_MAX ? SHOWN_MAX : field->end - field->start);
}

/* Refuse a first line of integers above columns that have none. */
static status check_names(const csv_doubt *self, const char *path, error_info *err) {
    size_t without = 0;
    for (size_t i = 0; i < self->columns; i++) without += !self->whole[i];
    if (!self->first_whole || self->rows < 2 || without < (self->first_counts ? 1 : self->columns)) return STATUS_OK;
    return error_set(
        err, STATUS_FORMAT,
        "%s:%zu:1: either names or a point: this line has whole numbers, from %.*s%s%.*s on, over columns without "
        "any; give the columns names with letters, or write the point with decimals, such as %.*s.0",
        path, self->first_line, shown(&self->first[0]), self->first[0].start, self->columns > 1 ? " and " : "",
        self->columns > 1 ? shown(&self->first[1]) : 0, self->columns > 1 ? self->first[1].start : "",
        shown(&self->first[0]), self->first[0].start);
}

status csv_doubt_settle(const csv_doubt *self, const char *path, error_info *err) {
    static const char remedy[] = "write one number as 1234.5, or name all columns in the first line";
    TRY(check_names(self, path, err));
    if (self->comma_line > 0)
        return error_set(err, STATUS_FORMAT,
                         "%s:%zu: \"%.*s,%.*s\" is either one number with a decimal comma or two columns; %s", path,
                         self->comma_line, shown(&self->comma[0]), self->comma[0].start, shown(&self->comma[1]),
                         self->comma[1].start, remedy);
    for (size_t i = 1; i < self->columns; i++)
        if (self->joins[i])
            return error_set(
                err, STATUS_FORMAT,
                "%s:%zu: columns %zu and %zu are either two columns or, in every line, one number with its "
                "thousands apart; %s",
                path, self->first_line, i, i + 1, remedy);
    return STATUS_OK;
}

void csv_doubt_release(csv_doubt *self) {
    free(self->joins);
    free(self->whole);
    *self = (csv_doubt){.rows = 0};
}
