/* columns.h - what the columns of a table are like, and whether a flow can learn their density. */
#ifndef AFFJORD_DATA_COLUMNS_H
#define AFFJORD_DATA_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "data/table.h"

enum {
    COLUMNS_LOOKED_MAX = 64, /* columns that are compared with each other: as many as a flow takes */
    COLUMNS_ROWS_MAX = 65536 /* first rows whose different numbers are counted */
};

typedef struct column {
    double minimum, maximum, mean, deviation; /* of all rows; the deviation of n, not n - 1 */
    size_t distinct; /* different numbers in the first rows, and how many of them a real keeps apart */
    size_t distinct_real;
    size_t like; /* number, from 1, of the first column that this one is a multiple of, with an offset; 0 for none */
    bool counts; /* 0, 1, 2, ... or 1, 2, 3, ... row by row */
} column;

/* out (columns) <- those of a table that has `numbers`. Errors: STATUS_MEMORY. */
status columns_measure(const table *points, column *out, failure *why);

/* The deviation is so much too large or too small, or the mean so far away, that a flow from N(0, I) has to work for it. */
bool column_is_far(const column *one);

/* A real makes different numbers equal that are not near each other by chance: its steps are large beside the deviation. */
bool column_is_coarse(const column *one);

#endif
