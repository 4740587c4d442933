/* table.c - points from a file. */
#include "data/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "data/array_file.h"
#include "data/npz.h"
#include "data/table_columns.h"
#include "data/table_formats.h"

/* Return the parser for the path's ending, or NULL; *stem <- the length of the path without it. */
static table_parser *parser_of(const char *path, size_t *stem) {
    static const struct {
        const char *ending;
        table_parser *parse;
    } formats[] = {{".npy", npy_parse}, {".csv", csv_parse}, {".tsv", csv_parse}};
    size_t length = strlen(path);
    const char *archive = npz_end(path);
    if (archive != NULL) {
        *stem = (size_t)(archive - path) - strlen(".npz");
        return npy_parse;
    }
    if (array_file_ends(path, length, ".gz")) length -= strlen(".gz");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!array_file_ends(path, length, formats[i].ending)) continue;
        *stem = length - strlen(formats[i].ending);
        return formats[i].parse;
    }
    return NULL;
}

size_t table_stem(const char *path) {
    size_t stem;
    return parser_of(path, &stem) ? stem : 0;
}

bool table_is_path(const char *path) {
    return table_stem(path) > 0;
}

/* Numbers too large for a real count as infinite. */
static status check_finite(const char *path, const table *points, error_info *err) {
    for (size_t row = 0; row < points->rows; row++) {
        for (size_t column = 0; column < points->columns; column++) {
            if (isfinite((real)points->numbers[row * points->columns + column])) continue;
            return error_set(err, STATUS_FORMAT,
                             "\"%s\": row %zu, column %zu (both from 1): expected a finite number, found %g", path,
                             row + 1, column + 1, points->numbers[row * points->columns + column]);
        }
    }
    return STATUS_OK;
}

status table_from(const char *name, double *numbers, size_t rows, size_t columns, table **out, error_info *err) {
    table *points = calloc(1, sizeof *points);
    if (points == NULL) {
        free(numbers);
        return error_set(err, STATUS_MEMORY, "no memory for \"%s\"", name);
    }
    *points = (table){.rows = rows, .columns = columns, .numbers = numbers};
    status outcome = rows > 0 && columns > 0
                         ? check_finite(name, points, err)
                         : error_set(err, STATUS_FORMAT, "\"%s\": expected points, found none", name);
    if (outcome == STATUS_OK) {
        array_file_hash(numbers, rows * columns * sizeof *numbers, points->sha256);
        *out = points;
    } else {
        table_destroy(&points);
    }
    return outcome;
}

/* sha256 <- the checksum of the lines "table SHA-256" and "columns NUMBER ..."; unchanged for all columns in their
 * order. */
static void hash_columns(const size_t *keep, size_t count, size_t columns, char sha256[65]) {
    SHA256_CTX context;
    char text[96];
    bool all = count == columns;
    for (size_t i = 0; i < count; i++) all &= keep[i] == i;
    if (all) return;
    SHA256_Init(&context);
    SHA256_Update(&context, (unsigned char *)text, (size_t)snprintf(text, sizeof text, "table %s\ncolumns", sha256));
    for (size_t i = 0; i < count; i++)
        SHA256_Update(&context, (unsigned char *)text, (size_t)snprintf(text, sizeof text, " %zu", keep[i] + 1));
    SHA256_Update(&context, (unsigned char *)"\n", 1);
    SHA256_End(&context, sha256);
}

/* Reduce the table to the wanted columns. */
static status keep_columns(const char *path, const table_columns *wanted, table *points, error_info *err) {
    size_t count = 0, *keep = calloc(points->columns, sizeof *keep);
    if (keep == NULL) return error_set(err, STATUS_MEMORY, "no memory for the columns of \"%s\"", path);
    status outcome = table_columns_find(wanted, path, points, keep, &count, err);
    if (outcome == STATUS_OK) hash_columns(keep, count, points->columns, points->sha256);
    if (outcome == STATUS_OK) outcome = table_columns_keep(keep, count, path, points, err);
    free(keep);
    return outcome;
}

status table_read_columns(const char *path, const table_columns *columns, table **out, error_info *err) {
    size_t stem, size = 0;
    table_parser *parse = parser_of(path, &stem);
    if (parse == NULL)
        return error_set(err, STATUS_INVALID,
                         "\"%s\": expected a path ending in .npy, .npz, .csv or .tsv, or in .npy, .csv or .tsv and .gz",
                         path);
    table *points = calloc(1, sizeof *points);
    if (points == NULL) return error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path);
    unsigned char *bytes = NULL;
    status outcome = array_file_read(path, &bytes, &size, points->sha256, err);
    char sha256[65];
    memcpy(sha256, points->sha256, sizeof sha256);
    if (outcome == STATUS_OK) outcome = parse(path, bytes, size, columns, points, err);
    memcpy(points->sha256, sha256, sizeof sha256);
    if (outcome == STATUS_OK && table_columns_given(columns)) outcome = keep_columns(path, columns, points, err);
    if (outcome == STATUS_OK) outcome = check_finite(path, points, err);
    if (outcome == STATUS_OK) *out = points;
    else table_destroy(&points);
    free(bytes);
    return outcome;
}

status table_read_numbers(const char *path, table **out, error_info *err) {
    return table_read_columns(path, NULL, out, err);
}

status table_read(const char *path, table **out, error_info *err) {
    table *points;
    TRY(table_read_numbers(path, &points, err));
    const size_t count = points->rows * points->columns;
    points->values = malloc(count * sizeof *points->values);
    if (points->values == NULL) {
        table_destroy(&points);
        return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
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
