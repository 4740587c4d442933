/* columns.h - properties of a table's columns that decide whether a flow can learn their density. */
#ifndef AFFJORD_DATA_COLUMNS_H
#define AFFJORD_DATA_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "data/table.h"

enum {
    COLUMNS_LOOKED_MAX = 64, /* columns that are compared with each other: the largest dimension of a flow */
    COLUMNS_ROWS_MAX = 65536 /* distinct numbers are counted in this many first rows */
};

typedef struct column {
    double minimum, maximum, mean, deviation; /* of all rows; the deviation of n, not n - 1 */
    size_t distinct; /* distinct numbers in the first rows, and how many of them remain distinct as reals */
    size_t distinct_real;
    size_t like; /* the first column, from 1, of which this one is an affine function; 0: none */
    bool counts; /* 0, 1, 2, ... or 1, 2, 3, ... row by row */
} column;

/* out (columns) <- the properties of a table that has `numbers`. Errors: STATUS_MEMORY. */
status columns_measure(const table *points, column *out, error_info *err);

/* Return whether the deviation is too large or small, or the mean too large, for a flow from N(0, I) to learn
 * quickly. */
bool column_is_offset(const column *one);

/* Return whether rounding to a real merges distinct numbers systematically: its steps are large relative to the
 * deviation. */
bool column_is_coarse(const column *one);

#endif
