/* data_part.c - the parts of a data set that are held out from training. */
#include "data/data_part.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/random.h"

bool data_part_is_path(const char *text) {
    double share;
    return *text && !number_read(text, text + strlen(text), &share);
}

status data_part_read(const char *setting, const char *text, data_part *out, error_info *err) {
    double share;
    *out = (data_part){.path = data_part_is_path(text) ? text : NULL};
    if (!*text || out->path) return STATUS_OK;
    (void)number_read(text, text + strlen(text), &share);
    if (!(share > 0) || share > UINT32_MAX || (share >= 1 && share != floor(share)))
        return error_set(
            err, STATUS_INVALID,
            "%s: %.60s: expected a number of rows or images from 1, a fraction between 0 and 1, or the path of a "
            "file",
            setting, text);
    out->share = share;
    return STATUS_OK;
}

/* Return the size of one part. */
static size_t size_of(const data_part *part, size_t total, size_t usual) {
    if (part->path) return 0;
    if (part->share == 0) return usual;
    if (part->share >= 1) return (size_t)part->share;
    const size_t count = (size_t)(part->share * (double)total);
    return count > 0 ? count : 1;
}

status data_part_sizes(const char *path, size_t total, const data_part *validation, const data_part *test,
                       size_t held_out[2], error_info *err) {
    held_out[0] = size_of(validation, total, total / 10 > 0 ? total / 10 : 1);
    held_out[1] = size_of(test, total, 0);
    if (held_out[0] < total && held_out[1] < total - held_out[0]) return STATUS_OK;
    return error_set(err, STATUS_INVALID,
                     "%s: \"%.300s\" has %zu rows or images, and %zu + %zu are held out for validation and test; "
                     "expected fewer in all",
                     test->share > 0 ? "data.test" : "data.validation", path, total, held_out[0], held_out[1]);
}

/* --- Order --- */

/* A row and its random sort key. */
typedef struct keyed_row {
    uint64_t key;
    size_t row;
} keyed_row;

static int compare_keys(const void *left, const void *right) {
    const keyed_row *a = left, *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* order (count) <- first, ..., first + count - 1, shuffled. */
static status shuffle(size_t first, size_t count, size_t *order) {
    const random_stream stream = {.seed = 0, .purpose = RANDOM_SPLIT, .iteration = 0};
    keyed_row *keyed = calloc(count, sizeof *keyed);
    if (keyed == NULL) return STATUS_MEMORY;
    for (size_t row = 0; row < count; row++) keyed[row] = (keyed_row){.key = random_bits64(stream, row), .row = row};
    qsort(keyed, count, sizeof *keyed, compare_keys);
    for (size_t i = 0; i < count; i++) order[i] = first + keyed[i].row;
    free(keyed);
    return STATUS_OK;
}

status data_part_order(size_t total, const size_t held_out[2], const size_t files[2], size_t *order) {
    size_t *rows = calloc(total, sizeof *rows), *at = order;
    status outcome = rows == NULL ? STATUS_MEMORY : shuffle(0, total, rows);
    size_t used = 0, first = total;
    for (size_t part = 0; part < 2 && outcome == STATUS_OK; part++) {
        memcpy(at, rows + used, held_out[part] * sizeof *at);
        at += held_out[part];
        used += held_out[part];
        if (files[part] > 0) outcome = shuffle(first, files[part], at);
        at += files[part];
        first += files[part];
    }
    if (outcome == STATUS_OK) memcpy(at, rows + used, (total - used) * sizeof *at);
    free(rows);
    return outcome;
}
