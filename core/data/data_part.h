/* data_part.h - which columns of a table are used, and what of a table or of images is held out from training. */
#ifndef AFFJORD_DATA_DATA_PART_H
#define AFFJORD_DATA_DATA_PART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* Which columns of a table are used, by the names of its header or by numbers from 1. */
typedef struct table_columns {
    const char *const *use; /* (use_count), in this order; all if there are none */
    const char *const *ignore; /* (ignore_count), which are left out */
    size_t use_count, ignore_count; /* how many */
} table_columns;

/* A part that is held out: all of another file, or some of the data themselves, chosen by RANDOM_SPLIT with seed 0. All
 * zero: the usual part. */
typedef struct data_part {
    const char *path; /* of the file, or NULL */
    double share; /* of the data: below 1 a fraction, otherwise a number */
} data_part;

/* Read the text of a setting: a number of rows or images, a fraction of them, or a path; "" for the usual part. out->path is
 * the text. Errors: STATUS_INVALID, with the setting first. */
status data_part_read(const char *setting, const char *text, data_part *out, error_info *err);

/* Return whether the text is a path. */
bool data_part_is_path(const char *text);

/* held (2) <- how many of `total` rows or images are in the validation and the test part, of those that are no files'.
 * The usual parts are a tenth, at least one, and none. Errors: STATUS_INVALID, with the setting first, if no row is left
 * to train on. */
status data_part_sizes(const char *path, size_t total, const data_part *validation, const data_part *test,
                       size_t held[2], error_info *err);

/* order (total + files[0] + files[1]) <- the validation rows, the test rows and those trained on, each part shuffled in an
 * order that depends only on the numbers of rows. `held` of the `total` rows are in the first two parts; `files` rows
 * follow the others from files of their own. Errors: STATUS_MEMORY. */
status data_part_order(size_t total, const size_t held[2], const size_t files[2], size_t *order);

AFFJORD_API_END

#endif
