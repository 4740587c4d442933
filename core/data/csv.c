/* csv.c - tables as text: one line for each point, numbers separated by commas or blanks. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "data/csv_doubt.h"
#include "data/csv_names.h"
#include "data/table_columns.h"
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

/* Return the end of the field that starts here: behind the closing quote of a quoted one. */
static const char *field_end(const char *at) {
    if (*at == '"') {
        const char *close = at + 1;
        while (*close != 0 && *close != '"' && *close != '\n') close++;
        if (*close == '"') return close + 1;
    }
    while (*at != 0 && *at != ',' && *at != '\n' && *at != '\r' && !is_blank(*at)) at++;
    return at;
}

/* Return the end of a word, which is behind its blanks in a line with commas. */
static const char *word_end(const csv *text) {
    const char *end = field_end(text->at), *line_end = text->at;
    while (line_end < text->end && *line_end != '\n' && *line_end != '\r') line_end++;
    if (*text->at == '"' || memchr(text->line_start, ',', (size_t)(line_end - text->line_start)) == NULL) return end;
    while (end < line_end && *end != ',') end++;
    return end;
}

/* Read the number of a field, with or without quotes. */
static bool read_number(const char *start, const char *end, double *value) {
    const bool quoted = end - start > 2 && *start == '"' && end[-1] == '"';
    return number_read(start + quoted, end - quoted, value);
}

/* Return whether each field of a line is a number, plain or in quotes. */
static bool line_is_numbers(csv text) {
    double value;
    for (;;) {
        skip_blanks(&text);
        if (at_line_end(&text)) return true;
        const char *end = field_end(text.at);
        if (!read_number(text.at, end, &value)) return false;
        text.at = *end == ',' ? end + 1 : end;
    }
}

/* Return whether a line has names: no plain number, and missing values only beside a word that is a name. A line with a
 * number and another word is an error. */
static bool line_is_names(csv text) {
    double value;
    for (;;) {
        skip_blanks(&text);
        if (at_line_end(&text)) return true;
        const char *end = field_end(text.at);
        if (number_read(text.at, end, &value)) return false;
        text.at = *end == ',' || end == text.at ? end + 1 : end;
    }
}

static csv_names names_of(csv text) {
    csv_names names = {.start = text.at, .line = text.line, .comment = *text.at == '#'};
    while (!at_line_end(&text)) text.at++;
    names.end = text.at;
    while (names.comment && names.start < names.end && (*names.start == '#' || is_blank(*names.start))) names.start++;
    while (names.end > names.start && is_blank(names.end[-1])) names.end--;
    return names;
}

static status fail_field(const csv *text, size_t row, error_info *err) {
    const char *end = field_end(text->at);
    const size_t line = text->line, column = column_of(text, text->at);
    const char *hint = "";
    if (end == text->at)
        return error_set(err, STATUS_FORMAT, "%s:%zu:%zu: expected a number, found %s", text->path, line, column,
                         *text->at == 0 && text->at < text->end ? "a zero byte" : "nothing");
    const int shown = (int)(end - text->at > 40 ? 40 : end - text->at);
    if (csv_is_missing(text->at, end))
        return error_set(err, STATUS_FORMAT,
                         "%s:%zu:%zu: row %zu: expected a finite number, found %.*s; leave out rows that lack a number",
                         text->path, line, column, row, shown, text->at);
    if (memchr(text->at, ';', (size_t)(end - text->at)))
        hint = "; numbers are separated by commas or by blanks, and have decimal points";
    else if (row == 1)
        hint = "; a first line of names has no number in it, and data.ignore leaves out columns of words";
    return error_set(err, STATUS_FORMAT, "%s:%zu:%zu: expected a number, found '%.*s'%s", text->path, line, column,
                     shown, text->at, hint);
}

/* The state of the parser. */
typedef struct reading {
    csv text;
    size_t rows, columns, first_line;
    size_t count, capacity; /* of numbers */
    double *numbers;
    size_t field_capacity;
    csv_field *fields; /* of the line */
    char separator; /* of the whole table: a comma, or a blank for any number of blanks; 0 until the first one */
    size_t separator_line;
    csv_names names;
    bool names_are_numbers; /* in quotes */
    char *named; /* `columns` terminated names, or NULL */
    csv_doubt doubt;
    bool words_allowed; /* only unused columns may have words; they are determined at the end */
    size_t word_count;
    struct word *words; /* (word_count), at most one for each column */
} reading;

/* The first field of a column that is not a finite number. */
typedef struct word {
    csv text;
    size_t row, column; /* from 1; from 0 */
} word;

/* Read the field that starts here. Numbers too large for a real count as infinite. */
static status read_field(const csv *text, size_t row, double *value, error_info *err) {
    if (!read_number(text->at, field_end(text->at), value)) return fail_field(text, row, err);
    if (isfinite((real)*value)) return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "%s:%zu:%zu: row %zu: expected a finite number, found %g", text->path,
                     text->line, column_of(text, text->at), row, *value);
}

static status grow(void **block, size_t *capacity, size_t item, const char *path, error_info *err) {
    const size_t wanted = *capacity == 0 ? 1024 : 2 * *capacity;
    void *more = wanted <= SIZE_MAX / item ? realloc(*block, wanted * item) : NULL;
    if (more == NULL) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    *block = more;
    *capacity = wanted;
    return STATUS_OK;
}

static status append(reading *self, size_t column, csv_field field, double value, error_info *err) {
    if (self->count == self->capacity)
        TRY(grow((void **)&self->numbers, &self->capacity, sizeof *self->numbers, self->text.path, err));
    if (column == self->field_capacity)
        TRY(grow((void **)&self->fields, &self->field_capacity, sizeof *self->fields, self->text.path, err));
    self->numbers[self->count++] = value;
    self->fields[column] = field;
    return STATUS_OK;
}

/* Record a field without a finite number; its column may be unused. */
static status note_word(reading *self, size_t column, error_info *err) {
    for (size_t i = 0; i < self->word_count; i++)
        if (self->words[i].column == column) return STATUS_OK;
    word *words = realloc(self->words, (self->word_count + 1) * sizeof *words);
    if (words == NULL) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", self->text.path);
    self->words = words;
    self->words[self->word_count++] = (word){.text = self->text, .row = self->rows + 1, .column = column};
    return STATUS_OK;
}

/* Return an error for a word in a used column. */
static status check_words(const reading *self, const table_columns *wanted, const table *points, error_info *err) {
    size_t count = 0, *keep = calloc(points->columns, sizeof *keep);
    double value;
    if (keep == NULL) return error_set(err, STATUS_MEMORY, "no memory for the columns of \"%s\"", self->text.path);
    status outcome = table_columns_find(wanted, self->text.path, points, keep, &count, err);
    for (size_t i = 0; i < self->word_count; i++)
        for (size_t k = 0; k < count && outcome == STATUS_OK; k++)
            if (keep[k] == self->words[i].column)
                outcome = read_field(&self->words[i].text, self->words[i].row, &value, err);
    free(keep);
    return outcome;
}

/* A table has one separator. If both a comma and blanks appear between numbers, the comma may be part of a number. */
static status check_separator(reading *self, char found, error_info *err) {
    const csv *text = &self->text;
    if (self->separator == 0) {
        self->separator = found;
        self->separator_line = text->line;
    }
    if (found == self->separator) return STATUS_OK;
    csv line = *text;
    while (!at_line_end(&line)) line.at++;
    const size_t length = (size_t)(line.at - line.line_start);
    return error_set(
        err, STATUS_FORMAT,
        "%s:%zu:%zu: \"%.*s\": a comma is either inside a number (a decimal comma, or between thousands) or between "
        "two columns, as there are both commas and blanks between numbers (line %zu has %s); write numbers as "
        "1234.5, and commas between all columns or blanks between all",
        text->path, text->line, column_of(text, text->at), (int)(length > 40 ? 40 : length), text->line_start,
        self->separator_line, self->separator == ',' ? "commas" : "blanks");
}

/* Parse the numbers of one line, at least one; *count <- how many. */
static status parse_line(reading *self, size_t *count, error_info *err) {
    csv *text = &self->text;
    csv_field field = {.tight = false};
    skip_blanks(text);
    for (*count = 0;;) {
        double value;
        const char *end = field_end(text->at);
        const status read = read_field(text, self->rows + 1, &value, self->words_allowed ? NULL : err);
        if (read != STATUS_OK) {
            end = word_end(text);
            if (!self->words_allowed) return read;
            if (end == text->at && *end != ',' && !at_line_end(text)) /* a zero byte */
                return fail_field(text, self->rows + 1, err);
            TRY(note_word(self, *count, err));
            value = (double)NAN;
        }
        field.start = text->at;
        field.end = end;
        if (*text->at == '"' && self->names_are_numbers)
            return error_set(
                err, STATUS_FORMAT,
                "%s:%zu:1: either names or a point: this line has numbers in quotes, as line %zu has too; leave the "
                "quotes out, or name the columns with letters",
                text->path, self->names.line, text->line);
        TRY(append(self, (*count)++, field, value, err));
        text->at = end;
        skip_blanks(text);
        if (at_line_end(text)) return STATUS_OK;
        field.comma = *text->at == ',';
        text->at += field.comma;
        TRY(check_separator(self, field.comma ? ',' : ' ', err));
        skip_blanks(text);
        field.tight = text->at == end + 1 && *end != '\t';
    }
}

static status fail_columns(const reading *self, size_t count, error_info *err) {
    const csv *text = &self->text;
    return error_set(err, STATUS_FORMAT, "%s:%zu:%zu: expected %zu numbers, as in line %zu, found %zu%s", text->path,
                     text->line, column_of(text, text->at), self->columns, self->first_line, count,
                     self->separator == ',' ? "; a comma separates columns: write a number as 1234.5" : "");
}

static status parse_row(reading *self, error_info *err) {
    size_t count;
    TRY(parse_line(self, &count, err));
    if (self->rows == 0) {
        self->columns = count;
        self->first_line = self->text.line;
        if (self->names.line > 0) TRY(csv_names_read(&self->names, self->text.path, count, &self->named, err));
    }
    if (count != self->columns) return fail_columns(self, count, err);
    TRY(csv_doubt_row(&self->doubt, self->text.line, self->fields, count, err));
    self->rows++;
    return STATUS_OK;
}

static status parse_all(reading *self, error_info *err) {
    csv *text = &self->text;
    for (bool first = true; text->at < text->end; next_line(text)) {
        skip_blanks(text);
        if (at_line_end(text)) continue;
        const bool comment = *text->at == '#', names = first && line_is_names(*text);
        if (names) {
            self->names = names_of(*text);
            self->names_are_numbers = line_is_numbers(*text);
        }
        if (!names && !comment) TRY(parse_row(self, err));
        first &= comment;
    }
    if (self->rows == 0)
        return error_set(err, STATUS_FORMAT, "%s:%zu:1: expected a line of numbers, between commas or blanks",
                         text->path, text->line);
    return self->named ? STATUS_OK : csv_doubt_settle(&self->doubt, text->path, err);
}

status csv_parse(const char *path, const unsigned char *bytes, size_t size, const table_columns *wanted, table *out,
                 error_info *err) {
    const char *start = (const char *)bytes;
    const char *end = start + size;
    if (size >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0) start += 3; /* UTF-8's byte order mark */
    reading self = {.text = {.path = path, .at = start, .end = end, .line_start = start, .line = 1},
                    .words_allowed = table_columns_given(wanted)};
    status outcome = parse_all(&self, err);
    *out = (table){.rows = self.rows, .columns = self.columns, .numbers = self.numbers, .names = self.named};
    if (outcome == STATUS_OK && self.word_count > 0) outcome = check_words(&self, wanted, out, err);
    free(self.fields);
    free(self.words);
    csv_doubt_release(&self.doubt);
    return outcome; /* the caller frees what the table holds */
}
