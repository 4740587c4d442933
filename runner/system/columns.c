/* columns.c - rows of text in columns that are as wide as their widest cell. */
#include "system/columns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

status columns_begin(columns *self, error_info *err) {
    *self = (columns){.text = NULL};
    self->rows = open_memstream(&self->text, &self->size);
    return self->rows ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
}

typedef struct column {
    const char *before; /* the literal text in front of its cell */
    int before_length, width;
    bool left;
} column;

static size_t read_format(const char *format, column list[COLUMNS_MAX]) {
    size_t count = 0;
    while (*format && count < COLUMNS_MAX) {
        column *one = &list[count++];
        one->before = format;
        one->before_length = (int)strcspn(format, "%");
        format += one->before_length + 1;
        one->left = *format == '-';
        char *end;
        one->width = (int)strtol(format + one->left, &end, 10);
        format = end + 1; /* the s */
    }
    return count;
}

/* The length of the cell that begins at `cell`. */
static int cell_length(const char *cell, const char *line_end, bool last) {
    const char *tab = last ? NULL : memchr(cell, '\t', (size_t)(line_end - cell));
    return (int)((tab ? tab : line_end) - cell);
}

static void widen(const char *line, const char *line_end, column *list, size_t count) {
    if (!memchr(line, '\t', (size_t)(line_end - line))) return;
    for (size_t i = 0; i + 1 < count && line <= line_end; i++) {
        const int length = cell_length(line, line_end, false);
        if (length > list[i].width) list[i].width = length;
        line += length + 1;
    }
}

static void write_row(const char *line, const char *line_end, const column *list, size_t count, FILE *stream) {
    if (!memchr(line, '\t', (size_t)(line_end - line))) {
        fprintf(stream, "%.*s\n", (int)(line_end - line), line);
        return;
    }
    while (line_end > line && line_end[-1] == '\t') line_end--; /* no blanks at the end of a line */
    for (size_t i = 0; i < count && line <= line_end; i++) {
        const int length = cell_length(line, line_end, i + 1 == count);
        const int width = !list[i].left ? list[i].width : line + length < line_end ? -list[i].width : 0;
        fprintf(stream, "%.*s%*.*s", list[i].before_length, list[i].before, width, length, line);
        line += length + 1;
    }
    fputc('\n', stream);
}

status columns_end(columns *self, status outcome, const char *format, FILE *stream, error_info *err) {
    column list[COLUMNS_MAX];
    const size_t count = read_format(format, list);
    if (fclose(self->rows) != 0 && outcome == STATUS_OK) outcome = error_set(err, STATUS_MEMORY, "out of memory");
    for (int pass = 0; pass < 2 && outcome == STATUS_OK; pass++)
        for (const char *line = self->text, *end; line < self->text + self->size; line = end + 1) {
            end = memchr(line, '\n', (size_t)(self->text + self->size - line));
            if (!end) end = self->text + self->size;
            if (pass == 0) widen(line, end, list, count);
            else write_row(line, end, list, count, stream);
        }
    free(self->text);
    return outcome;
}
