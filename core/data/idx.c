/* idx.c - byte arrays in the format of the MNIST database.
 *
 * Two zero bytes, one byte for the type (8: unsigned bytes), one for the number of dimensions, the size of each
 * dimension (4 bytes, big endian), then the numbers row by row. */
#include "data/idx.h"

#include <stdint.h>
#include <stdio.h>

enum { UNSIGNED_BYTES = 8, WORD = 4 };

static status check_magic(idx *array, error_info *err) {
    unsigned char found[WORD];
    TRY(gzip_reader_read(array->file, found, sizeof found, "the 4 bytes that begin an IDX file", err));
    if (found[0] == 0 && found[1] == 0 && found[2] == UNSIGNED_BYTES && found[3] == array->rank) return STATUS_OK;
    return error_set(
        err, STATUS_FORMAT,
        "\"%s\": offset 0: expected the bytes 00 00 08 %02zx (IDX, unsigned bytes, dimensions: %zu), found "
        "%02x %02x %02x %02x",
        gzip_reader_path(array->file), array->rank, array->rank, found[0], found[1], found[2], found[3]);
}

static status read_shape(idx *array, const size_t *expected, error_info *err) {
    for (size_t d = 0; d < array->rank; d++) {
        unsigned char word[WORD];
        TRY(gzip_reader_read(array->file, word, sizeof word, "the size of a dimension (4 bytes)", err));
        array->shape[d] = (size_t)word[0] << 24 | (size_t)word[1] << 16 | (size_t)word[2] << 8 | word[3];
        if (array->shape[d] > 0 && (expected[d] == 0 || array->shape[d] == expected[d])) continue;
        char wanted[32];
        snprintf(wanted, sizeof wanted, expected[d] == 0 ? "at least 1" : "%zu", expected[d]);
        return error_set(err, STATUS_FORMAT, "\"%s\": offset %zu: expected %s as the size of dimension %zu, found %zu",
                         gzip_reader_path(array->file), WORD * (d + 1), wanted, d + 1, array->shape[d]);
    }
    return STATUS_OK;
}

/* Each size is below 2^32, so only a product of three can overflow. */
static status check_size(idx *array, error_info *err) {
    const uint64_t plane = (uint64_t)array->shape[1] * array->shape[2], head = WORD * (array->rank + 1);
    if (array->shape[0] > (UINT64_MAX / 2 - head) / plane) {
        return error_set(err, STATUS_FORMAT, "\"%s\": offset %d: %zu x %zu x %zu bytes are more than any file holds",
                         gzip_reader_path(array->file), WORD, array->shape[0], array->shape[1], array->shape[2]);
    }
    array->size = (size_t)(array->shape[0] * plane);
    char reason[128];
    snprintf(reason, sizeof reason, "%zu x %zu x %zu after a header of %llu", array->shape[0], array->shape[1],
             array->shape[2], (unsigned long long)head);
    return gzip_reader_expect(array->file, WORD, head + array->size, reason, err);
}

static status read_header(idx *array, const size_t *expected, error_info *err) {
    TRY(check_magic(array, err));
    TRY(read_shape(array, expected, err));
    return check_size(array, err);
}

status idx_open(const char *folder, const char *name, size_t rank, const size_t *shape, idx *out, error_info *err) {
    idx array = {.rank = rank, .shape = {1, 1, 1}};
    TRY(gzip_reader_open(folder, name, &array.file, err));
    status outcome = read_header(&array, shape, err);
    if (outcome == STATUS_OK) {
        *out = array;
    } else {
        gzip_reader_close(&array.file);
    }
    return outcome;
}

void idx_close(idx *array) {
    gzip_reader_close(&array->file);
}

status idx_read(idx *array, unsigned char *bytes, char sha256[65], error_info *err) {
    char what[64];
    snprintf(what, sizeof what, "%zu items of %zu bytes", array->shape[0], array->shape[1] * array->shape[2]);
    TRY(gzip_reader_read(array->file, bytes, array->size, what, err));
    return gzip_reader_end(array->file, sha256, err);
}
