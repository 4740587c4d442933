/* npy.c - NumPy's array files.
 *
 * The file has 6 bytes of magic, 2 of version, the length of the header (little endian, 2 bytes in version 1, 4 in
 * version 2), the header and the numbers. The header is a Python dictionary with exactly the keys 'descr',
 * 'fortran_order' and 'shape', padded with blanks so that the numbers start at a multiple of 64. */
#include "data/npy.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/table_formats.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied between files and memory as they are");

static const char magic[] = "\x93NUMPY";

enum { MAGIC_SIZE = 6, TEXT_MAX = 16, DIMENSIONS_MAX = 8 };

/* The rest of a header, and the values found so far. */
typedef struct npy_header {
    const char *at, *end;
    char descr[TEXT_MAX];
    bool fortran_order;
    size_t rank;
    uint64_t shape[DIMENSIONS_MAX];
} npy_header;

static void skip_space(npy_header *header) {
    while (header->at < header->end && (*header->at == ' ' || *header->at == '\n')) header->at++;
}

static bool take(npy_header *header, char wanted) {
    skip_space(header);
    if (header->at == header->end || *header->at != wanted) return false;
    header->at++;
    return true;
}

/* Read a quoted string without escapes, truncated to the longest known value. */
static bool take_string(npy_header *header, char text[TEXT_MAX]) {
    char quote = '\'';
    if (!take(header, quote)) {
        quote = '"';
        if (!take(header, quote)) return false;
    }
    size_t length = 0;
    while (header->at < header->end && *header->at != quote) {
        if (length + 1 < TEXT_MAX) text[length++] = *header->at;
        header->at++;
    }
    text[length] = 0;
    return take(header, quote);
}

static bool take_word(npy_header *header, const char *word) {
    size_t length = strlen(word);
    skip_space(header);
    if ((size_t)(header->end - header->at) < length || memcmp(header->at, word, length) != 0) return false;
    header->at += length;
    return true;
}

static bool take_bool(npy_header *header, bool *value) {
    *value = take_word(header, "True");
    return *value || take_word(header, "False");
}

static bool take_count(npy_header *header, uint64_t *value) {
    skip_space(header);
    bool any = false;
    *value = 0;
    for (; header->at < header->end && *header->at >= '0' && *header->at <= '9'; header->at++) {
        unsigned digit = (unsigned)(*header->at - '0');
        if (*value > (UINT64_MAX - digit) / 10) return false;
        *value = 10 * *value + digit;
        any = true;
    }
    return any;
}

static bool take_shape(npy_header *header) {
    header->rank = 0;
    if (!take(header, '(')) return false;
    while (!take(header, ')')) {
        if (header->rank == DIMENSIONS_MAX || !take_count(header, &header->shape[header->rank])) return false;
        header->rank++;
        if (!take(header, ',')) return take(header, ')');
    }
    return true;
}

static bool take_header(npy_header *header) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {false, false, false};
    if (!take(header, '{')) return false;
    while (!take(header, '}')) {
        char key[TEXT_MAX];
        if (!take_string(header, key) || !take(header, ':')) return false;
        size_t which = 0;
        while (which < 3 && strcmp(key, keys[which]) != 0) which++;
        if (which == 3 || seen[which]) return false;
        seen[which] = true;
        if (which == 0 && !take_string(header, header->descr)) return false;
        if (which == 1 && !take_bool(header, &header->fortran_order)) return false;
        if (which == 2 && !take_shape(header)) return false;
        if (!take(header, ',')) {
            if (!take(header, '}')) return false;
            break;
        }
    }
    skip_space(header);
    return header->at == header->end && seen[0] && seen[1] && seen[2];
}

static uint64_t little_endian(const unsigned char *bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = count; i > 0; i--) value = value << 8 | bytes[i - 1];
    return value;
}

/* Find the header and the numbers; *start <- the offset of the numbers. */
static status locate(const char *path, const unsigned char *bytes, size_t size, npy_header *header, size_t *start,
                     error_info *err) {
    if (size < MAGIC_SIZE + 2 || memcmp(bytes, magic, MAGIC_SIZE) != 0) {
        return error_set(err, STATUS_FORMAT, "\"%s\": not a .npy file: expected it to begin with NumPy's magic bytes",
                         path);
    }
    unsigned major = bytes[MAGIC_SIZE];
    if (major != 1 && major != 2) {
        return error_set(err, STATUS_FORMAT, "\"%s\": expected version 1 or 2 of the .npy format, found %u", path,
                         major);
    }
    size_t length_size = major == 1 ? 2 : 4;
    size_t text = MAGIC_SIZE + 2 + length_size;
    uint64_t length = size < text ? UINT64_MAX : little_endian(bytes + MAGIC_SIZE + 2, length_size);
    if (size < text || length > size - text) {
        return error_set(err, STATUS_FORMAT, "\"%s\": its header is longer than the file of %zu bytes", path, size);
    }
    *header = (npy_header){.at = (const char *)bytes + text, .end = (const char *)bytes + text + length};
    *start = text + (size_t)length;
    return STATUS_OK;
}

/* --- Numbers --- */

/* A kind of number: 'f' with 2, 4 or 8 bytes, 'i' and 'u' with 1, 2, 4 or 8, 'b' with 1. */
typedef struct npy_kind {
    char letter;
    bool swapped; /* big-endian */
    size_t bytes;
} npy_kind;

static bool read_kind(const char *descr, npy_kind *out) {
    if (strlen(descr) != 3 || !strchr("<>|=", descr[0]) || descr[2] < '1' || descr[2] > '8') return false;
    *out = (npy_kind){.letter = descr[1], .swapped = descr[0] == '>', .bytes = (size_t)(descr[2] - '0')};
    const bool power = (out->bytes & (out->bytes - 1)) == 0;
    switch (out->letter) {
    case 'f': return power && out->bytes >= 2;
    case 'i':
    case 'u': return power;
    case 'b': return out->bytes == 1;
    default: return false;
    }
}

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

static status check_header(const char *path, npy_header *header, size_t available, npy_kind *kind, error_info *err) {
    if (!take_header(header)) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": expected a header of just 'descr', 'fortran_order' and 'shape' as NumPy writes it",
                         path);
    }
    if (!read_kind(header->descr, kind))
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": expected floating-point numbers or integers of up to 8 bytes, found '%s'", path,
                         header->descr);
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
    if (rows > available / kind->bytes / columns || rows * columns * kind->bytes != available) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": shape (%llu, %llu) of '%s' does not fit the %zu bytes that follow the header", path,
                         (unsigned long long)rows, (unsigned long long)columns, header->descr, available);
    }
    return STATUS_OK;
}

status npy_parse(const char *path, const unsigned char *bytes, size_t size, table *out, error_info *err) {
    npy_header header = {0};
    npy_kind kind;
    size_t start = 0;
    TRY(locate(path, bytes, size, &header, &start, err));
    TRY(check_header(path, &header, size - start, &kind, err));
    const size_t rows = (size_t)header.shape[0], columns = (size_t)columns_of(&header), count = rows * columns;
    double *numbers = count <= SIZE_MAX / sizeof *numbers ? malloc(count * sizeof *numbers) : NULL;
    if (numbers == NULL) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    for (size_t i = 0; i < count; i++) {
        const size_t row = i / columns, column = i % columns;
        const size_t place = header.fortran_order ? column * rows + row : i;
        numbers[i] = number_at(&kind, bytes + start + place * kind.bytes);
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
    int used = snprintf(head, sizeof head, "%s%c%c%c%c{'descr': '%s', 'fortran_order': False, 'shape': %s, }", magic, 1,
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
