/* model.h - a flow from a file or from settings: densities and their gradients, transforms, trajectories, samples.
 *
 *   model *flow;
 *   model_open("model.safetensors", 1, &flow, &why);
 *   model_transform(flow, (model_rows){.doubles = x}, 0, n, 0, none, log_density, &why);
 *
 * A checkpoint or a file from `./run export` has everything that defines a flow. Results have the bits of ./run eval
 * and ./run sample. x is always in the data's units: a row is a point, or an image, channels last, with numbers (byte +
 * u)/256. z is in the flow's units: for a standardised table, (x - mean) / deviation at t = 0. For an image, a row of z
 * has the channels that left its scales.
 *
 * Rows are computed in batches of model_batch: points with the exact divergence, images with Hutchinson's estimate and
 * probes that are a function of (seed, batch). You can pass a matrix in parts, each from a row `first` that is a
 * multiple of model_batch; the bits are the same. With adaptive steps, a row's result depends, within the tolerances,
 * on the other rows of its batch.
 *
 * Use a model from one thread at a time; it splits batches over its own threads. Errors of computations: those of
 * solves (ode/solve.h); STATUS_MEMORY; STATUS_INVALID for calls that the model does not support. */
#ifndef AFFJORD_MODEL_MODEL_H
#define AFFJORD_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/parameters.h"
#include "base/real.h"
#include "base/status.h"

AFFJORD_API_BEGIN

struct table; /* data/table.h */
struct image_set; /* data/image.h */

/* A model. One thread at a time may use it. */
typedef struct model model;

/* A matrix, row by row, of reals or of doubles: set one of the two, or neither to omit it. Doubles are converted to the
 * flow's units first and then rounded to reals. The caller owns it; input is not changed. */
typedef struct model_rows {
    real *reals; /* or NULL */
    double *doubles; /* or NULL */
} model_rows;

/* Read a model. It computes with `threads` threads. The caller owns *out. Errors: STATUS_IO, STATUS_FORMAT,
 * STATUS_MEMORY. */
status model_open(const char *path, size_t threads, model **out, error_info *err);

/* The same with the parameters of the epoch with the least validation loss, from a checkpoint of a training with
 * train.keep_best. Errors besides: STATUS_INVALID if the file has none. */
status model_open_best(const char *path, size_t threads, model **out, error_info *err);

/* Change settings of [solver] for all later solves; each text is "solver.key=value". Parameters are unchanged. Errors:
 * STATUS_INVALID for another setting, or a value outside of its range; STATUS_MEMORY, after which the model can only be
 * closed. */
status model_set_solver(model *self, size_t count, const char *const *set, error_info *err);

/* Create an untrained model of points of R^dimension; all parameters are 0 until model_fit_end. Each of the `count`
 * texts is a setting, "model.context=augmented" (docs/reference/settings.md). Without a section, it is the first of
 * [model], [flow], [solver], [train] and [data] that has the key. The caller owns *out. Errors: STATUS_INVALID,
 * STATUS_MEMORY. */
status model_create(size_t dimension, size_t count, const char *const *set, size_t threads, model **out,
                    error_info *err);

/* Free the model and set *self to NULL; *self may be NULL. */
void model_close(model **self);

/* Write the parameters and all settings as ./run export does. Errors: those of checkpoint_write. */
status model_write(const model *self, const char *path, error_info *err);

size_t model_dimension(const model *self); /* D */
const size_t *model_image(const model *self); /* channels, height, width; NULL for points */
/* Return the rows of a batch. */
size_t model_batch(const model *self);
double model_end_time(const model *self); /* T; 0 for images, which have one per flow */

/* Return a setting by its name, as "solver.steps", or another text of the file; NULL if there is none. Valid as long
 * as the model. */
const char *model_text(const model *self, const char *name);

/* Return messages for the user, such as a missing checksum; NULL for an index beyond them. */
const char *model_note(const model *self, size_t index);

/* Return names, shapes and offsets of the P parameters, valid as long as the model. */
const parameter_table *model_table(const model *self);
/* Return the parameters (P), valid as long as the model. */
const real *model_parameters(const model *self);

/* z (n, D) <- the images of x (n, D), and log_density (n) <- log p(x) in nats; either may be NULL. A whole solve, as
 * are the next four. */
status model_transform(model *self, model_rows x, uint64_t first, size_t n, uint64_t seed, model_rows z,
                       double *log_density, error_info *err);

/* dx (n, D) <- d log p/dx at x (n, D), through the solver's steps. The first call allocates memory for it. */
status model_score(model *self, model_rows x, uint64_t first, size_t n, uint64_t seed, model_rows dx, error_info *err);

/* x (n, D) <- the points with images z (n, D). */
status model_invert(model *self, model_rows z, uint64_t first, size_t n, model_rows x, error_info *err);

/* x (n, D) <- samples first .. first + n - 1 of this seed. */
status model_sample(model *self, uint64_t seed, uint64_t first, size_t n, model_rows x, error_info *err);

/* The same at a temperature T > 0: x (n, D) <- the points with images T z, for the base points z of model_sample. Those
 * have the density N(0, T^2 s^2 I). T = 1 gives the bits of model_sample. */
status model_sample_at(model *self, double temperature, uint64_t seed, uint64_t first, size_t n, model_rows x,
                       error_info *err);

/* z (count, n, D) <- the positions of x (n, D) at the times (count), 0 <= t_0 <= t_1 <= ... <= T. For points. With
 * fixed steps, each interval has its share of the steps, rounded up. */
status model_trajectory(model *self, model_rows x, size_t n, size_t count, const double *times, model_rows z,
                        error_info *err);

/* x (n, D) <- (byte + u)/256 for images `bytes` (n, channels, height, width), with u drawn by this seed as for a
 * set's test images, as in ./run eval. For images. */
void model_dequantize(const model *self, const unsigned char *bytes, size_t n, uint64_t seed, real *x);

/* *out <- the table `path` (data/table.h) for a model of points: all its columns, or those that the training used. Its
 * `numbers` are the rows; the caller owns it. Errors: those of table_read_columns; STATUS_FORMAT for another number of
 * columns. */
status model_read_points(const model *self, const char *path, struct table **out, error_info *err);

/* *out <- the images `path` (image_open_files) for a model of images, resized like the training images, all in the test
 * split, in the order of the files; the caller owns it. Errors: those of image_open_files; STATUS_FORMAT for another
 * size. */
status model_read_images(const model *self, const char *path, struct image_set **out, error_info *err);

AFFJORD_API_END

#endif
