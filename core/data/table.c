/* table.c - points from a file. */
#include "data/table.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>
#include <zlib.h>

#include "base/file.h"
#include "data/table_formats.h"

typedef status table_parser(const char *path, const unsigned char *bytes, size_t size, table *out, error_info *err);

static bool ends_with(const char *path, size_t length, const char *ending) {
    const size_t tail = strlen(ending);
    return length > tail && memcmp(path + length - tail, ending, tail) == 0;
}

/* Return the parser for the path's ending, or NULL; *stem <- the length of the path without it. */
static table_parser *parser_of(const char *path, size_t *stem) {
    static const struct {
        const char *ending;
        table_parser *parse;
    } formats[] = {{".npy", npy_parse}, {".csv", csv_parse}, {".tsv", csv_parse}};
    size_t length = strlen(path);
    if (ends_with(path, length, ".gz")) length -= strlen(".gz");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!ends_with(path, length, formats[i].ending)) continue;
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

static void take_checksum(const void *bytes, size_t size, char sha256[65]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes, size);
    SHA256_End(&context, sha256);
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
        take_checksum(numbers, rows * columns * sizeof *numbers, points->sha256);
        *out = points;
    } else {
        table_destroy(&points);
    }
    return outcome;
}

/* *out <- the decompressed bytes and a 0 after them; the caller frees it. */
static status unpack(const char *path, const unsigned char *bytes, size_t size, unsigned char **out, size_t *out_size,
                     error_info *err) {
    enum { GZIP = 16 + MAX_WBITS };
    unsigned char *unpacked = NULL;
    size_t capacity = 0;
    if (size > UINT_MAX)
        return error_set(err, STATUS_FORMAT, "\"%s\": expected less than 4 GB, found %zu bytes", path, size);
    z_stream stream = {.next_in = (unsigned char *)bytes, .avail_in = (unsigned)size}; /* zlib only reads it */
    int state = inflateInit2(&stream, GZIP) == Z_OK ? Z_OK : Z_MEM_ERROR;
    while (state == Z_OK) {
        const size_t more = capacity ? capacity : 65536;
        unsigned char *grown = more < UINT_MAX ? realloc(unpacked, capacity + more + 1) : NULL;
        if (grown == NULL) {
            state = Z_MEM_ERROR;
            break;
        }
        unpacked = grown;
        stream.next_out = unpacked + capacity;
        stream.avail_out = (unsigned)more;
        state = inflate(&stream, Z_NO_FLUSH);
        capacity += more;
        if (state == Z_OK && stream.avail_out > 0) state = Z_DATA_ERROR; /* the file ends early */
    }
    *out_size = capacity - stream.avail_out;
    const bool whole = state == Z_STREAM_END && stream.avail_in == 0;
    (void)inflateEnd(&stream);
    if (whole) {
        unpacked[*out_size] = 0;
        *out = unpacked;
        return STATUS_OK;
    }
    free(unpacked);
    if (state == Z_MEM_ERROR) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    return error_set(err, STATUS_FORMAT,
                     "\"%s\": expected one file compressed by gzip, found damaged data after %zu decompressed bytes",
                     path, *out_size);
}

status table_read_numbers(const char *path, table **out, error_info *err) {
    size_t stem;
    table_parser *parse = parser_of(path, &stem);
    if (parse == NULL)
        return error_set(err, STATUS_INVALID,
                         "\"%s\": expected a path ending in .npy, .csv or .tsv, or in these and .gz", path);
    table *points = calloc(1, sizeof *points);
    if (points == NULL) return error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path);
    unsigned char *bytes = NULL;
    size_t size = 0;
    status outcome = file_read(path, &bytes, &size, err);
    unsigned char *unpacked = NULL;
    size_t unpacked_size = size;
    if (outcome == STATUS_OK && ends_with(path, strlen(path), ".gz"))
        outcome = unpack(path, bytes, size, &unpacked, &unpacked_size, err);
    if (outcome == STATUS_OK) outcome = parse(path, unpacked ? unpacked : bytes, unpacked_size, points, err);
    free(unpacked);
    if (outcome == STATUS_OK) outcome = check_finite(path, points, err);
    if (outcome == STATUS_OK) {
        take_checksum(bytes, size, points->sha256);
        *out = points;
    } else {
        table_destroy(&points);
    }
    free(bytes);
    return outcome;
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
