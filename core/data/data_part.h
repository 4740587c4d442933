/* data_part.h - the used columns of a table, and the held-out parts of a table or of images. */
#ifndef AFFJORD_DATA_DATA_PART_H
#define AFFJORD_DATA_DATA_PART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* The used columns of a table, by the names of its header or by numbers from 1. */
typedef struct table_columns {
    const char *const *use; /* (use_count), the columns, in this order; none: all columns */
    const char *const *ignore; /* (ignore_count), the columns that are not used */
    size_t use_count, ignore_count; /* how many */
} table_columns;

/* A held-out part: all of another file, or rows or images of the data, chosen by RANDOM_SPLIT with seed 0. All zero:
 * the default part. */
typedef struct data_part {
    const char *path; /* of the file, or NULL */
    double share; /* of the data: below 1 a fraction, otherwise a number */
} data_part;

/* Read the text of a setting: a number of rows or images, a fraction of them, or a path; "" for the default part.
 * out->path is the text. Errors: STATUS_INVALID, with the setting first. */
status data_part_read(const char *setting, const char *text, data_part *out, error_info *err);

/* Return whether the text is a path. */
bool data_part_is_path(const char *text);

/* held_out (2) <- how many of `total` rows or images are in the validation and in the test part; 0 for a part that is a
 * file. By default, a tenth (at least one) validates and none tests. Errors: STATUS_INVALID, with the setting first, if
 * no row is left to train on. */
status data_part_sizes(const char *path, size_t total, const data_part *validation, const data_part *test,
                       size_t held_out[2], error_info *err);

/* order (total + files[0] + files[1]) <- the indices of the validation, test and training rows. Each part is shuffled;
 * the order depends only on the numbers of rows. Of the first `total` rows, held_out (2) are validation and test rows.
 * After them come the files (2) rows of the validation and test files. Errors: STATUS_MEMORY. */
status data_part_order(size_t total, const size_t held_out[2], const size_t files[2], size_t *order);

AFFJORD_API_END

#endif
