/* dataset.h - where points come from: a toy density or a table of points.
 *
 * A data set is addressed by (split, seed, iteration, index), never by a
 * position in a stream, so that any batch can be had at any time. */
#ifndef AFFJORD_DATA_DATASET_H
#define AFFJORD_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/real.h"
#include "base/status.h"
#include "data/standard.h"

AFFJORD_API_BEGIN

typedef struct dataset dataset;

typedef enum dataset_split { SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_TARGET } dataset_split;

/* Open by the name of a toy density (see toy.h) or by the path of a table of
 * points ending in .npy or .csv; a tenth of a table's rows, chosen by
 * RANDOM_SPLIT with seed 0, are its validation split. Errors: STATUS_INVALID
 * for an unknown name (with the nearest known one), STATUS_IO, STATUS_FORMAT,
 * STATUS_MEMORY. The caller owns *out. */
status dataset_open(const char *name_or_path, dataset **out, failure *why);
void dataset_close(dataset **data);

/* Name for tables and files: a toy's name, or a table's file name without its
 * folder and ending. Valid as long as the data set. */
const char *dataset_name(const dataset *data);

/* Points are drawn from a density, as many as are wanted, not taken from a table. */
bool dataset_is_drawn(const dataset *data);

/* Number of coordinates of a point. */
size_t dataset_dimension(const dataset *data);

/* The table, its numbers as they are written, and how many of its rows are held out for validation; NULL and 0 for a toy
 * density, which draws as many as are wanted. */
const struct table *dataset_table(const dataset *data);
size_t dataset_held_out(const dataset *data);

/* From now on give training and validation points in standard units: of the mean and the deviation (of n, not n - 1) of
 * the rows that are trained on. The target stays as the table has it. Fit: only find those units. Errors: STATUS_INVALID
 * for a toy density, more columns than a flow takes, and a column that is constant; STATUS_MEMORY. */
status dataset_standardise(dataset *data, failure *why);
status dataset_fit(const dataset *data, standard *out, failure *why);

/* These units, valid as long as the data set; NULL where points are used as they are. */
const standard *dataset_units(const dataset *data);

/* SHA-256 in hexadecimal of the data: of the file's bytes for a table, of the
 * defining coordinates for a toy density. */
const char *dataset_checksum(const dataset *data);

/* Write `count` points, those with indices first .. first + count - 1 of the
 * batch drawn for (split, seed, iteration), to x (count, dimension). */
void dataset_batch(const dataset *data, dataset_split split, uint64_t seed, uint64_t iteration, size_t first,
                   size_t count, real *x);

/* The rectangle [x0, x1] x [y0, y1] in which the data is drawn: window = {x0,
 * x1, y0, y1}; the first two coordinates for a table. */
void dataset_window(const dataset *data, double window[4]);

/* Exact log-density in nats at a point; false if it has no closed form. */
bool dataset_log_density(const dataset *data, const double *point, double *log_density);

/* Differential entropy in nats, the floor of the loss; false if not known. */
bool dataset_entropy(const dataset *data, double *entropy);

AFFJORD_API_END

#endif
