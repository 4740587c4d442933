/* table.c - points from a file. */
#include "data/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "base/file.h"
#include "data/table_formats.h"

typedef status table_parser(const char *path, const unsigned char *bytes, size_t size, table *out, failure *why);

/* Return the parser for the path's ending, or NULL. */
static table_parser *parser_of(const char *path) {
    size_t length = strlen(path);
    if (length < 4) return NULL;
    if (strcmp(path + length - 4, ".npy") == 0) return npy_parse;
    if (strcmp(path + length - 4, ".csv") == 0) return csv_parse;
    return NULL;
}

bool table_is_path(const char *path) {
    return parser_of(path) != NULL;
}

/* Numbers too large for a real count as infinite. */
static status check_finite(const char *path, const table *points, failure *why) {
    for (size_t row = 0; row < points->rows; row++) {
        for (size_t column = 0; column < points->columns; column++) {
            if (isfinite((real)points->numbers[row * points->columns + column])) continue;
            return fail(why, STATUS_FORMAT,
                        "\"%s\": row %zu, column %zu (both from 1): expected a finite number, found %g", path, row + 1,
                        column + 1, points->numbers[row * points->columns + column]);
        }
    }
    return STATUS_OK;
}

static void take_checksum(const void *bytes, size_t size, char sha256[65]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes, size);
    SHA256_End(&context, sha256);
}

status table_from(const char *name, double *numbers, size_t rows, size_t columns, table **out, failure *why) {
    table *points = calloc(1, sizeof *points);
    if (points == NULL) {
        free(numbers);
        return fail(why, STATUS_MEMORY, "no memory for \"%s\"", name);
    }
    *points = (table){.rows = rows, .columns = columns, .numbers = numbers};
    status outcome = rows > 0 && columns > 0 ? check_finite(name, points, why)
                                             : fail(why, STATUS_FORMAT, "\"%s\": expected points, found none", name);
    if (outcome == STATUS_OK) {
        take_checksum(numbers, rows * columns * sizeof *numbers, points->sha256);
        *out = points;
    } else {
        table_destroy(&points);
    }
    return outcome;
}

status table_read_numbers(const char *path, table **out, failure *why) {
    table_parser *parse = parser_of(path);
    if (parse == NULL) return fail(why, STATUS_INVALID, "\"%s\": expected a path ending in .npy or .csv", path);
    table *points = calloc(1, sizeof *points);
    if (points == NULL) return fail(why, STATUS_MEMORY, "no memory to read \"%s\"", path);
    unsigned char *bytes = NULL;
    size_t size = 0;
    status outcome = file_read(path, &bytes, &size, why);
    if (outcome == STATUS_OK) outcome = parse(path, bytes, size, points, why);
    if (outcome == STATUS_OK) outcome = check_finite(path, points, why);
    if (outcome == STATUS_OK) {
        take_checksum(bytes, size, points->sha256);
        *out = points;
    } else {
        table_destroy(&points);
    }
    free(bytes);
    return outcome;
}

status table_read(const char *path, table **out, failure *why) {
    table *points;
    TRY(table_read_numbers(path, &points, why));
    const size_t count = points->rows * points->columns;
    points->values = malloc(count * sizeof *points->values);
    if (points->values == NULL) {
        table_destroy(&points);
        return fail(why, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    }
    for (size_t i = 0; i < count; i++) points->values[i] = (real)points->numbers[i];
    free(points->numbers);
    points->numbers = NULL;
    *out = points;
    return STATUS_OK;
}

const char *table_name(const table *points, size_t column) {
    const char *name = points->names;
    for (size_t i = 0; name != NULL && i < column; i++) name += strlen(name) + 1;
    return name;
}

void table_destroy(table **points) {
    if (*points == NULL) return;
    free((*points)->values);
    free((*points)->numbers);
    free((*points)->names);
    free(*points);
    *points = NULL;
}
