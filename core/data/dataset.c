/* dataset.c - points from a toy density or a table. */
#include "data/dataset.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/data_name.h"
#include "data/table_parts.h"
#include "data/toy.h"

struct dataset {
    char *name;
    char checksum[65];
    double window[4];
    const toy *density; /* NULL for a table */
    table *points; /* of all files: those trained on, validated on, tested on; NULL for a toy density */
    size_t *order; /* (points->rows), the table's rows, split after split */
    size_t first[DATASET_SPLITS], size[DATASET_SPLITS]; /* of each split in `order`; splits may overlap */
    standard *units; /* NULL: points are used without standardisation */
};

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

/* Split the table, which the data set has; its last `files` rows are those of the files of validation and test. */
static status split_table(const char *path, const size_t held_out[2], const size_t files[2], dataset *data,
                          error_info *err) {
    const size_t rows = data->points->rows, validation = held_out[0] + files[0], test = held_out[1] + files[1];
    data->order = calloc(rows, sizeof *data->order);
    if (data->name == NULL || data->order == NULL ||
        data_part_order(rows - files[0] - files[1], held_out, files, data->order) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "no memory for the points of \"%s\"", path);
    const size_t first = validation + test, target = files[0] + files[1] > 0 ? first : 0;
    memcpy(data->first, (size_t[DATASET_SPLITS]){first, 0, validation, target}, sizeof data->first);
    memcpy(data->size, (size_t[DATASET_SPLITS]){rows - first, validation, test, rows - target}, sizeof data->size);
    memcpy(data->checksum, data->points->sha256, sizeof data->checksum);
    fit_window(data, data->window);
    return STATUS_OK;
}

static status open_table(const dataset_spec *spec, dataset *data, error_info *err) {
    size_t held_out[2], files[2] = {0, 0};
    TRY(table_parts_read(spec, &data->points, held_out, files, err));
    char name[DATA_NAME_MAX];
    data_name(spec->name, name);
    data->name = strdup(name);
    return split_table(spec->name, held_out, files, data, err);
}

static status open_toy(const dataset_spec *spec, dataset *data, error_info *err) {
    const char *name = spec->name, *given = dataset_spec_given(spec);
    data->density = toy_find(name);
    if (data->density == NULL) {
        return error_set(
            err, STATUS_INVALID,
            "\"%s\" is not a known data set; did you mean \"%s\"? (a table's path ends in .npy, .npz, .csv or .tsv)",
            name, toy_suggest(name));
    }
    if (given != NULL)
        return error_set(
            err, STATUS_INVALID,
            "%s: \"%.200s\" is a toy density, whose points are drawn; expected it but for tables of points and "
            "images, as by [data NAME] %s = ... for each",
            given, name, given);
    data->name = strdup(name);
    if (data->name == NULL) return error_set(err, STATUS_MEMORY, "no memory for data set \"%s\"", name);
    toy_checksum(data->density, data->checksum);
    memcpy(data->window, data->density->window, sizeof data->window);
    return STATUS_OK;
}

status dataset_open_parts(const dataset_spec *spec, dataset **out, error_info *err) {
    dataset *data = calloc(1, sizeof *data);
    if (data == NULL) return error_set(err, STATUS_MEMORY, "no memory for data set \"%s\"", spec->name);
    status outcome = table_is_path(spec->name) ? open_table(spec, data, err) : open_toy(spec, data, err);
    if (outcome != STATUS_OK) {
        dataset_close(&data);
        return outcome;
    }
    *out = data;
    return STATUS_OK;
}

status dataset_open(const char *name_or_path, dataset **out, error_info *err) {
    return dataset_open_parts(&(dataset_spec){.name = name_or_path}, out, err);
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
        outcome = split_table(name, (size_t[2]){held_out, 0}, (size_t[2]){0, 0}, data, err);
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

size_t dataset_size(const dataset *data, dataset_split split) {
    return data->size[split];
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
    const size_t *rows = data->order + data->first[split], size = data->size[split];
    if (split != SPLIT_TRAINING) return rows[index % size];
    /* The high word of 64 random bits times a count below 2^32, whose bias is below 2^-32. */
    const uint64_t bits = random_bits64(stream, index);
    return rows[((bits >> 32) * size + ((bits & UINT32_MAX) * size >> 32)) >> 32];
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
    const size_t rows = data->size[SPLIT_TRAINING], *order = data->order + data->first[SPLIT_TRAINING];
    const double *numbers = points->numbers + column;
    double sum = 0, squares = 0, mean;
    bool constant = true;
    for (size_t i = 0; i < rows; i++) {
        const double value = numbers[order[i] * points->columns];
        constant &= value == numbers[order[0] * points->columns];
        sum += value;
    }
    mean = sum / (double)rows;
    for (size_t i = 0; i < rows; i++) {
        const double rest = numbers[order[i] * points->columns] - mean;
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
