/* columns.c - properties of a table's columns that decide whether a flow can learn their density. */
#include "data/columns.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Bounds of the deviation beyond which a column gets a warning. Flows with the default settings failed at 30. */
static const double scale_max = 10, scale_min = 0.05;
/* Relative to the deviation: larger steps between representable numbers are visible in a density. */
static const double step_max = 1e-5;
/* Relative to the deviation: columns that differ by less lie on one line. */
static const double same_line = 1e-6;

enum { LINE_ROWS_MIN = 4 }; /* fewer rows often lie on a line by chance */

static int compare_numbers(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double number_at(const table *points, size_t row, size_t at) {
    return points->numbers[row * points->columns + at];
}

static void measure(const table *points, size_t at, column *out) {
    double sum = 0, squares = 0;
    bool zero = true, one = true;
    *out = (column){.minimum = number_at(points, 0, at), .maximum = number_at(points, 0, at)};
    for (size_t row = 0; row < points->rows; row++) {
        const double value = number_at(points, row, at);
        sum += value;
        if (value < out->minimum) out->minimum = value;
        if (value > out->maximum) out->maximum = value;
        zero &= value == (double)row;
        one &= value == (double)(row + 1);
    }
    out->counts = points->rows > 2 && (zero || one);
    out->mean = out->minimum == out->maximum ? out->minimum : sum / (double)points->rows;
    for (size_t row = 0; row < points->rows; row++) {
        const double rest = number_at(points, row, at) - out->mean;
        squares += rest * rest;
    }
    out->deviation = sqrt(squares / (double)points->rows);
}

static void count_distinct(const table *points, size_t at, double *room, column *out) {
    const size_t rows = points->rows < COLUMNS_ROWS_MAX ? points->rows : COLUMNS_ROWS_MAX;
    for (size_t row = 0; row < rows; row++) room[row] = number_at(points, row, at);
    qsort(room, rows, sizeof *room, compare_numbers);
    for (size_t i = 0; i < rows; i++) {
        out->distinct += i == 0 || room[i] != room[i - 1];
        out->distinct_real += i == 0 || (real)room[i] != (real)room[i - 1];
    }
}

/* Return whether b is a multiple of a plus an offset: in standard units the two are equal up to sign. */
static bool same_up_to_scale(const table *points, const column *all, size_t a, size_t b) {
    bool plus = true, minus = true;
    if (points->rows < LINE_ROWS_MIN || all[a].minimum == all[a].maximum || all[b].minimum == all[b].maximum)
        return false;
    for (size_t row = 0; row < points->rows && (plus || minus); row++) {
        const double u = (number_at(points, row, a) - all[a].mean) / all[a].deviation;
        const double v = (number_at(points, row, b) - all[b].mean) / all[b].deviation;
        plus &= fabs(u - v) <= same_line;
        minus &= fabs(u + v) <= same_line;
    }
    return plus || minus;
}

status columns_measure(const table *points, column *out, error_info *err) {
    double *room = calloc(points->rows < COLUMNS_ROWS_MAX ? points->rows : COLUMNS_ROWS_MAX, sizeof *room);
    if (!room) return error_set(err, STATUS_MEMORY, "no memory to look at columns");
    for (size_t b = 0; b < points->columns; b++) {
        measure(points, b, &out[b]);
        if (b >= COLUMNS_LOOKED_MAX) continue;
        count_distinct(points, b, room, &out[b]);
        for (size_t a = 0; a < b && out[b].like == 0; a++)
            if (same_up_to_scale(points, out, a, b)) out[b].like = a + 1;
    }
    free(room);
    return STATUS_OK;
}

bool column_is_offset(const column *one) {
    const double reach = sqrt(one->mean * one->mean + one->deviation * one->deviation);
    return one->minimum != one->maximum && (reach > scale_max || one->deviation < scale_min);
}

bool column_is_coarse(const column *one) {
    const double largest = fmax(fabs(one->minimum), fabs(one->maximum));
    const double epsilon = sizeof(real) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON;
    return one->distinct_real < one->distinct && largest * epsilon > step_max * one->deviation;
}
