/* dataset.h - points from a toy density or a table.
 *
 * A point is addressed by (split, seed, iteration, index), never by a position in a stream, so any batch can be
 * computed at any time. */
#ifndef AFFJORD_DATA_DATASET_H
#define AFFJORD_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/real.h"
#include "base/status.h"
#include "data/data_part.h"
#include "data/standard.h"

AFFJORD_API_BEGIN

/* A data set. Its functions other than _open, _from, _standardise and _close may run in several threads at once. */
typedef struct dataset dataset;

/* The use of a point: training, validation, test, or the target that figures show. */
typedef enum dataset_split { SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_TARGET } dataset_split;
enum { DATASET_SPLITS = 4 };

/* A toy density by name (toy.h), or a table of points by path (table.h) with its used columns and held-out parts.
 * Validation and test files need the same columns with the same names. */
typedef struct dataset_spec {
    const char *name; /* or path */
    table_columns columns; /* the used columns */
    data_part validation, test; /* the held-out parts */
} dataset_spec;

/* Open a data set. The caller owns *out. Errors: STATUS_INVALID for an unknown name (with the most similar one), for a
 * missing column and for parts that leave no training row; STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status dataset_open_parts(const dataset_spec *spec, dataset **out, error_info *err);
/* The same with all columns, a tenth of a table's rows as the validation split and no test split. */
status dataset_open(const char *name_or_path, dataset **out, error_info *err);
/* Make a data set of numbers (rows, columns), allocated by malloc. The data set owns them, also after an error.
 * `held_out` rows are its validation split. Errors: STATUS_INVALID for a split that leaves no row on one side,
 * STATUS_FORMAT for a number that is not finite, STATUS_MEMORY. */
status dataset_from(const char *name, double *numbers, size_t rows, size_t columns, size_t held_out, dataset **out,
                    error_info *err);
/* Free the data set and set *data to NULL; *data may be NULL. */
void dataset_close(dataset **data);

/* Return the data set's short name: a toy's name, or a table's file name without folder and ending. It is valid as long
 * as the data set. */
const char *dataset_name(const dataset *data);

/* Return whether points are drawn from a density, in any number; false for a table. */
bool dataset_is_drawn(const dataset *data);

/* Return the number of coordinates of a point. */
size_t dataset_dimension(const dataset *data);

/* Return the table of all parts, with its numbers at the file's precision; NULL for a toy density. */
const struct table *dataset_table(const dataset *data);
/* Return the number of the table's rows in a split; 0 for a toy density. */
size_t dataset_size(const dataset *data, dataset_split split);

/* Standardise training, validation and test points: subtract the mean and divide by the deviation (of n, not n - 1) of
 * the training rows. The target split is unchanged. dataset_fit only computes the units. Errors: STATUS_INVALID for a
 * toy density, for more columns than a flow takes, and for a constant column; STATUS_MEMORY. */
status dataset_standardise(dataset *data, error_info *err);
/* out <- the units of dataset_standardise, which leaves the data as they are; the same errors. */
status dataset_fit(const dataset *data, standard *out, error_info *err);

/* Return these units, valid as long as the data set; NULL without standardisation. */
const standard *dataset_units(const dataset *data);

/* Return a SHA-256 in hexadecimal: of a table's file, of its parts and columns (table_parts.h), or of a toy density's
 * constants. */
const char *dataset_checksum(const dataset *data);

/* x (count, dimension) <- the points first .. first + count - 1 of the batch for (split, seed, iteration). */
void dataset_batch(const dataset *data, dataset_split split, uint64_t seed, uint64_t iteration, size_t first,
                   size_t count, real *x);

/* window <- {x0, x1, y0, y1}, the plotted rectangle; for a table, of its first two coordinates. */
void dataset_window(const dataset *data, double window[4]);

/* Compute the exact log-density in nats at a point; return false if it has no closed form. */
bool dataset_log_density(const dataset *data, const double *point, double *log_density);

/* Compute the differential entropy in nats, the lower bound of the loss; return false if unknown. */
bool dataset_entropy(const dataset *data, double *entropy);

AFFJORD_API_END

#endif
