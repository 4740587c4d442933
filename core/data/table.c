/* table.c - points read from a file. */
#include "data/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "base/file.h"
#include "data/table_formats.h"

typedef status table_parser(const char *path, const unsigned char *bytes, size_t size, table *out, failure *why);

/* The parser for the path's ending, or NULL. */
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

/* A number too large for a real is infinite as well. */
static status check_finite(const char *path, const table *points, failure *why) {
    for (size_t row = 0; row < points->rows; row++) {
        for (size_t column = 0; column < points->columns; column++) {
            if (isfinite(points->values[row * points->columns + column])) continue;
            return fail(why, STATUS_FORMAT,
                        "\"%s\": row %zu, column %zu (both from 1): expected a finite number, found %g", path, row + 1,
                        column + 1, (double)points->values[row * points->columns + column]);
        }
    }
    return STATUS_OK;
}

status table_read(const char *path, table **out, failure *why) {
    table_parser *parse = parser_of(path);
    if (parse == NULL) return fail(why, STATUS_INVALID, "\"%s\" does not end in .npy or .csv", path);
    table *points = calloc(1, sizeof *points);
    if (points == NULL) return fail(why, STATUS_MEMORY, "no memory to read \"%s\"", path);
    unsigned char *bytes = NULL;
    size_t size = 0;
    status outcome = file_read(path, &bytes, &size, why);
    if (outcome == STATUS_OK) outcome = parse(path, bytes, size, points, why);
    if (outcome == STATUS_OK) outcome = check_finite(path, points, why);
    if (outcome == STATUS_OK) {
        SHA256_CTX context;
        SHA256_Init(&context);
        SHA256_Update(&context, bytes, size);
        SHA256_End(&context, points->sha256);
        *out = points;
    } else {
        table_destroy(&points);
    }
    free(bytes);
    return outcome;
}

void table_destroy(table **points) {
    if (*points == NULL) return;
    free((*points)->values);
    free(*points);
    *points = NULL;
}
