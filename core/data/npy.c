/* npy.c - tables in NumPy's array files. */
#include "data/npy.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/npy_header.h"
#include "data/table_formats.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied between files and memory as they are");

static double half(uint64_t bits) {
    const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                        : exponent == 0 ? ldexp(fraction, -24)
                                        : ldexp(1024 + fraction, (int)exponent - 25);
    return bits >> 15 ? -size : size;
}

static double number_at(const npy_kind *kind, const unsigned char *bytes) {
    uint64_t bits = 0;
    for (size_t i = 0; i < kind->bytes; i++)
        bits |= (uint64_t)bytes[kind->swapped ? kind->bytes - 1 - i : i] << (8 * i);
    if (kind->letter == 'f' && kind->bytes == 2) return half(bits);
    if (kind->letter == 'f' && kind->bytes == 4) {
        const uint32_t narrow = (uint32_t)bits;
        float value;
        memcpy(&value, &narrow, sizeof value);
        return (double)value;
    }
    if (kind->letter == 'f') {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    const unsigned unused = (unsigned)(64 - 8 * kind->bytes);
    if (kind->letter == 'i') return (double)((int64_t)(bits << unused) >> unused); /* the sign is carried along */
    return (double)bits;
}

/* A vector is a table of one column. */
static uint64_t columns_of(const npy_header *header) {
    return header->rank == 1 ? 1 : header->shape[1];
}

static status check_header(const char *path, const npy_header *header, size_t available, error_info *err) {
    if (header->rank < 1 || header->rank > 2)
        return error_set(
            err, STATUS_FORMAT,
            "\"%s\": expected an array of 2 dimensions (points, coordinates), or of 1 for one column, found %zu", path,
            header->rank);
    const uint64_t rows = header->shape[0], columns = columns_of(header);
    if (rows == 0 || columns == 0) {
        return error_set(err, STATUS_FORMAT, "\"%s\": expected at least one point, found shape (%llu, %llu)", path,
                         (unsigned long long)rows, (unsigned long long)columns);
    }
    if (rows > available / header->kind.bytes / columns || rows * columns * header->kind.bytes != available) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": shape (%llu, %llu) of '%s' does not fit the %zu bytes that follow the header", path,
                         (unsigned long long)rows, (unsigned long long)columns, header->descr, available);
    }
    return STATUS_OK;
}

status npy_parse(const char *path, const unsigned char *bytes, size_t size, const table_columns *wanted, table *out,
                 error_info *err) {
    (void)wanted; /* an array has no words */
    npy_header header;
    TRY(npy_header_read(path, bytes, size, &header, err));
    TRY(check_header(path, &header, size - header.start, err));
    const size_t rows = (size_t)header.shape[0], columns = (size_t)columns_of(&header), count = rows * columns;
    double *numbers = count <= SIZE_MAX / sizeof *numbers ? malloc(count * sizeof *numbers) : NULL;
    if (numbers == NULL) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    for (size_t i = 0; i < count; i++) {
        const size_t row = i / columns, column = i % columns;
        const size_t place = header.fortran_order ? column * rows + row : i;
        numbers[i] = number_at(&header.kind, bytes + header.start + place * header.kind.bytes);
    }
    out->rows = rows;
    out->columns = columns;
    out->numbers = numbers;
    return STATUS_OK;
}

status npy_write(const char *path, npy_type type, const void *values, size_t rows, size_t columns, error_info *err) {
    char shape[64];
    if (columns == 0) {
        snprintf(shape, sizeof shape, "(%zu,)", rows);
    } else {
        snprintf(shape, sizeof shape, "(%zu, %zu)", rows, columns);
    }
    /* 128 bytes hold the longest possible header. */
    char head[129];
    int used = snprintf(head, sizeof head, "\x93NUMPY%c%c%c%c{'descr': '%s', 'fortran_order': False, 'shape': %s, }", 1,
                        0, 128 - 10, 0, type == NPY_F32 ? "<f4" : "<f8", shape);
    memset(head + used, ' ', 127 - (size_t)used);
    head[127] = '\n';
    size_t item = type == NPY_F32 ? sizeof(float) : sizeof(double);
    file_replacement file;
    TRY(file_replace_begin(path, &file, err));
    status outcome = file_replace_write(&file, head, 128, err);
    if (outcome == STATUS_OK) {
        outcome = file_replace_write(&file, values, rows * (columns == 0 ? 1 : columns) * item, err);
    }
    return file_replace_end(&file, outcome, err);
}
