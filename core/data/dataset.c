/* dataset.c - points from a toy density or a table. */
#include "data/dataset.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/table.h"
#include "data/toy.h"

struct dataset {
    char *name;
    char checksum[65];
    double window[4];
    const toy *density; /* NULL for a table */
    table *points; /* NULL for a toy density */
    size_t *order; /* (points->rows), the table's rows shuffled; the first `validation` are the validation split */
    size_t validation;
    standard *units; /* NULL: points are used without standardisation */
};

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

/* Return 64 random bits from two of the numbers, which have 32 each. */
static uint64_t bits64(const double u[4]) {
    return (uint64_t)(u[0] * 0x1p32) << 32 | (uint64_t)(u[1] * 0x1p32);
}

/* order (rows) <- a random permutation, the same for every seed of a run. */
static status shuffle_rows(size_t rows, size_t *order) {
    keyed_row *keyed = calloc(rows, sizeof *keyed);
    if (keyed == NULL) return STATUS_MEMORY;
    random_stream stream = {.seed = 0, .purpose = RANDOM_SPLIT, .iteration = 0};
    for (size_t row = 0; row < rows; row++) {
        double u[4];
        random_uniform4(stream, row, 0, u);
        keyed[row] = (keyed_row){.key = bits64(u), .row = row};
    }
    qsort(keyed, rows, sizeof *keyed, compare_keys);
    for (size_t i = 0; i < rows; i++) order[i] = keyed[i].row;
    free(keyed);
    return STATUS_OK;
}

/* Fit the window to the first two coordinates of all points, with a margin of a twentieth on each side. */
static void fit_window(const dataset *data, double window[4]) {
    const table *points = data->points;
    for (size_t d = 0; d < 2; d++) {
        double low = -1, high = 1; /* the second coordinate of a one-dimensional table */
        if (d < points->columns) {
            low = INFINITY;
            high = -INFINITY;
            for (size_t row = 0; row < points->rows; row++) {
                double value = points->numbers[row * points->columns + d];
                if (!data->units) value = (double)(real)value; /* the value after rounding to a real */
                low = fmin(low, value);
                high = fmax(high, value);
            }
        }
        double margin = high > low ? 0.05 * (high - low) : 0.5;
        window[2 * d] = low - margin;
        window[2 * d + 1] = high + margin;
    }
}

/* Return the file's name without folder and ending. */
static char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *start = slash == NULL ? path : slash + 1;
    return strndup(start, table_stem(path) - (size_t)(start - path));
}

/* Split the table, which the data set has. */
static status split_table(const char *path, size_t held_out, dataset *data, error_info *err) {
    const table *points = data->points;
    data->order = calloc(points->rows, sizeof *data->order);
    if (data->name == NULL || data->order == NULL || shuffle_rows(points->rows, data->order) != STATUS_OK) {
        return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    }
    data->validation = held_out;
    memcpy(data->checksum, points->sha256, sizeof data->checksum);
    fit_window(data, data->window);
    return STATUS_OK;
}

static status open_table(const char *path, dataset *data, error_info *err) {
    TRY(table_read_numbers(path, &data->points, err));
    const size_t rows = data->points->rows;
    if (rows < 2 || rows > UINT32_MAX)
        return error_set(err, STATUS_FORMAT, "\"%s\": expected between 2 and 2^32 points to split, found %zu", path,
                         rows);
    data->name = base_name(path);
    return split_table(path, rows / 10 > 0 ? rows / 10 : 1, data, err);
}

static status open_toy(const char *name, dataset *data, error_info *err) {
    data->density = toy_find(name);
    if (data->density == NULL) {
        return error_set(
            err, STATUS_INVALID,
            "\"%s\" is not a known data set; did you mean \"%s\"? (a table's path ends in .npy, .csv or .tsv)", name,
            toy_suggest(name));
    }
    data->name = strdup(name);
    if (data->name == NULL) return error_set(err, STATUS_MEMORY, "no memory for data set \"%s\"", name);
    toy_checksum(data->density, data->checksum);
    memcpy(data->window, data->density->window, sizeof data->window);
    return STATUS_OK;
}

status dataset_open(const char *name_or_path, dataset **out, error_info *err) {
    dataset *data = calloc(1, sizeof *data);
    if (data == NULL) return error_set(err, STATUS_MEMORY, "no memory for data set \"%s\"", name_or_path);
    status outcome =
        table_is_path(name_or_path) ? open_table(name_or_path, data, err) : open_toy(name_or_path, data, err);
    if (outcome != STATUS_OK) {
        dataset_close(&data);
        return outcome;
    }
    *out = data;
    return STATUS_OK;
}

status dataset_from(const char *name, double *numbers, size_t rows, size_t columns, size_t held_out, dataset **out,
                    error_info *err) {
    dataset *data = calloc(1, sizeof *data);
    table *points = NULL;
    status outcome = table_from(name, numbers, rows, columns, &points, err);
    if (data == NULL && outcome == STATUS_OK)
        outcome = error_set(err, STATUS_MEMORY, "no memory for data set \"%s\"", name);
    if (data == NULL) table_destroy(&points);
    else data->points = points;
    if (outcome == STATUS_OK && (held_out < 1 || held_out >= rows || rows > UINT32_MAX))
        outcome = error_set(
            err, STATUS_INVALID,
            "\"%s\": %zu of %zu points held out for validation; expected at least 1, and fewer than all of up "
            "to 2^32",
            name, held_out, rows);
    if (outcome == STATUS_OK) {
        data->name = strdup(name);
        outcome = split_table(name, held_out, data, err);
    }
    if (outcome == STATUS_OK) *out = data;
    else if (data != NULL) dataset_close(&data);
    return outcome;
}

void dataset_close(dataset **data) {
    if (*data == NULL) return;
    table_destroy(&(*data)->points);
    free((*data)->units);
    free((*data)->order);
    free((*data)->name);
    free(*data);
    *data = NULL;
}

const char *dataset_name(const dataset *data) {
    return data->name;
}

bool dataset_is_drawn(const dataset *data) {
    return data->density != NULL;
}

size_t dataset_dimension(const dataset *data) {
    return data->density != NULL ? 2 : data->points->columns;
}

const table *dataset_table(const dataset *data) {
    return data->points;
}

size_t dataset_held_out(const dataset *data) {
    return data->validation;
}

const char *dataset_checksum(const dataset *data) {
    return data->checksum;
}

static random_purpose purpose_of(dataset_split split) {
    switch (split) {
    case SPLIT_TRAINING: return RANDOM_TRAINING;
    case SPLIT_VALIDATION: return RANDOM_VALIDATION;
    case SPLIT_TEST: return RANDOM_TEST;
    case SPLIT_TARGET: break;
    }
    return RANDOM_TARGET;
}

/* Return the row of the table for point `index` of a batch. */
static size_t table_row(const dataset *data, dataset_split split, random_stream stream, uint64_t index) {
    size_t rows = data->points->rows;
    if (split == SPLIT_VALIDATION) return data->order[index % data->validation];
    if (split == SPLIT_TARGET) return data->order[index % rows];
    double u[4];
    random_uniform4(stream, index, 0, u);
    /* The high word of 64 random bits times a count below 2^32, whose bias is below 2^-32. */
    size_t training = rows - data->validation;
    uint64_t bits = bits64(u);
    uint64_t row = ((bits >> 32) * training + ((bits & UINT32_MAX) * training >> 32)) >> 32;
    return data->order[data->validation + row];
}

void dataset_batch(const dataset *data, dataset_split split, uint64_t seed, uint64_t iteration, size_t first,
                   size_t count, real *x) {
    random_stream stream = {.seed = seed, .purpose = purpose_of(split), .iteration = iteration};
    size_t dimension = dataset_dimension(data);
    for (size_t i = 0; i < count; i++) {
        if (data->density != NULL) {
            double point[2];
            toy_sample(data->density, stream, first + i, point);
            for (size_t d = 0; d < 2; d++) x[2 * i + d] = (real)point[d];
        } else {
            size_t row = table_row(data, split, stream, first + i);
            standard_take(split == SPLIT_TARGET ? NULL : data->units, dimension,
                          data->points->numbers + row * dimension, 1, x + i * dimension);
        }
    }
}

/* --- Standard units --- */

/* Compute mean and deviation of one column over the training rows. */
static status fit_column(const dataset *data, size_t column, standard *out, error_info *err) {
    const table *points = data->points;
    const size_t rows = points->rows - data->validation;
    const double *numbers = points->numbers + column;
    double sum = 0, squares = 0, mean;
    bool constant = true;
    for (size_t i = 0; i < rows; i++) {
        const double value = numbers[data->order[data->validation + i] * points->columns];
        constant &= value == numbers[data->order[data->validation] * points->columns];
        sum += value;
    }
    mean = sum / (double)rows;
    for (size_t i = 0; i < rows; i++) {
        const double rest = numbers[data->order[data->validation + i] * points->columns] - mean;
        squares += rest * rest;
    }
    out->mean[column] = mean;
    out->deviation[column] = sqrt(squares / (double)rows);
    if (!constant && isnormal(out->deviation[column]) && isfinite(mean)) return STATUS_OK;
    const char *name = table_name(points, column);
    return error_set(
        err, STATUS_INVALID,
        "data.standardise: column %zu%s%.60s%s of \"%.200s\" is %s in the rows that are trained on, and has no "
        "deviation to divide by; leave it out",
        column + 1, name ? " (" : "", name ? name : "", name ? ")" : "", data->name,
        constant ? "constant" : "too large or too small to square");
}

status dataset_fit(const dataset *data, standard *out, error_info *err) {
    if (data->points == NULL)
        return error_set(
            err, STATUS_INVALID,
            "data.standardise = yes: \"%.200s\" is a toy density, whose units are known; expected no but for tables "
            "of points, as by [data NAME] data.standardise = yes for each",
            data->name);
    if (data->points->columns > CNF_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "\"%.200s\" has %zu columns: expected 1 to %d", data->name,
                         data->points->columns, CNF_DIMENSION_MAX);
    standard found = {.dimension = data->points->columns};
    for (size_t column = 0; column < found.dimension; column++) TRY(fit_column(data, column, &found, err));
    *out = found;
    return STATUS_OK;
}

status dataset_standardise(dataset *data, error_info *err) {
    standard found;
    TRY(dataset_fit(data, &found, err));
    if (data->units == NULL) data->units = malloc(sizeof *data->units);
    if (data->units == NULL) return error_set(err, STATUS_MEMORY, "no memory for the points of \"%.200s\"", data->name);
    *data->units = found;
    fit_window(data, data->window);
    return STATUS_OK;
}

const standard *dataset_units(const dataset *data) {
    return data->units;
}

void dataset_window(const dataset *data, double window[4]) {
    memcpy(window, data->window, sizeof data->window);
}

bool dataset_log_density(const dataset *data, const double *point, double *log_density) {
    return data->density != NULL && toy_log_density(data->density, point, log_density);
}

bool dataset_entropy(const dataset *data, double *entropy) {
    return data->density != NULL && toy_entropy(data->density, entropy);
}
