/* model.h - a flow by its file or its settings: densities, their slopes, transforms, trajectories and samples.
 *
 *   model *flow;
 *   model_open("model.safetensors", 1, &flow, &why);
 *   model_transform(flow, (model_rows){.doubles = x}, 0, n, 0, none, log_density, &why);
 *
 * A file that `./run export` wrote, or a checkpoint, holds all that a flow is made from. What is computed has the bits
 * of ./run eval and ./run sample. x is in the data's units throughout: a row is a point, or an image, its channels
 * last, with numbers (byte + u)/256. z is in the flow's: for a table that was standardised, (x - mean) / deviation at t
 * = 0. What has left an image's scales is one row of z.
 *
 * Rows are computed in batches of model_batch: points with the exact divergence, images with Hutchinson's estimate by
 * probes that are a function of (seed, batch). So a matrix may be given in parts, each from a row `first` that is a
 * multiple of model_batch, and has the same bits as in one. With adaptive steps a row's result depends, within the
 * tolerances, on the others of its batch.
 *
 * A model is for one thread at a time, and splits batches over its own. Errors of what computes, besides those of
 * solves (ode/solve.h): STATUS_MEMORY; STATUS_INVALID for what the model does not have. All are described. */
#ifndef AFFJORD_MODEL_MODEL_H
#define AFFJORD_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/parameters.h"
#include "base/real.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* A model. One thread at a time may use it. */
typedef struct model model;

/* A matrix, row by row, of reals or of doubles: one of the two, or neither where it is not wanted. Doubles are rounded
 * to what the flow computes with after they have been taken to its units. Owned by the caller; input is not written
 * to. */
typedef struct model_rows {
    real *reals; /* or NULL */
    double *doubles; /* or NULL */
} model_rows;

/* Read a model, to be computed by so many threads. The caller owns *out. Errors: STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status model_open(const char *path, size_t threads, model **out, error_info *err);

/* The same with the parameters of the epoch with the least validation loss, from a checkpoint of a training with
 * train.keep_best. Errors besides: STATUS_INVALID where the file keeps none. */
status model_open_best(const char *path, size_t threads, model **out, error_info *err);

/* Solve by other settings of [solver] from now on, each a text "solver.key=value". The parameters stay. Errors:
 * STATUS_INVALID for another setting, or a value out of its range; STATUS_MEMORY, after which the model can only be
 * closed. */
status model_set_solver(model *self, size_t count, const char *const *set, error_info *err);

/* A model of points of R^dimension that is not trained: all parameters are 0 until model_fit_end. Each of the `count`
 * texts is a setting, "model.context=augmented" (docs/reference/settings.md); where the section is left out, the first
 * of [model], [flow], [solver], [train] and [data] that has such a key is meant. Errors: STATUS_INVALID,
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
double model_end_time(const model *self); /* T; 0 for images, whose flows have their own */

/* A setting by its name, as "solver.steps", or another text of the file; NULL for none. Valid as long as the model. */
const char *model_text(const model *self, const char *name);

/* Sentences that a user should read, as that the file has no checksum; NULL from their number on. */
const char *model_note(const model *self, size_t index);

/* Names, shapes and places of the P parameters, and these. Valid as long as the model. */
const parameter_table *model_table(const model *self);
/* Return the parameters (P), valid as long as the model. */
const real *model_parameters(const model *self);

/* z (n, D) <- the images of x (n, D), and log_density (n) <- log p(x) in nats; either may be left out (NULL). */
status model_transform(model *self, model_rows x, uint64_t first, size_t n, uint64_t seed, model_rows z,
                       double *log_density, error_info *err);

/* dx (n, D) <- d log p/dx at x (n, D), through the solver's steps. The first call takes the memory for it. */
status model_score(model *self, model_rows x, uint64_t first, size_t n, uint64_t seed, model_rows dx, error_info *err);

/* x (n, D) <- what z (n, D) are the images of. */
status model_invert(model *self, model_rows z, uint64_t first, size_t n, model_rows x, error_info *err);

/* x (n, D) <- samples number first .. first + n - 1 of this seed. */
status model_sample(model *self, uint64_t seed, uint64_t first, size_t n, model_rows x, error_info *err);

/* z (count, n, D) <- where x (n, D) is at the times (count), 0 <= t_0 <= t_1 <= ... <= T. For points. The steps between
 * two times are their share of a grid's, rounded up, or are chosen anew. */
status model_trajectory(model *self, model_rows x, size_t n, size_t count, const double *times, model_rows z,
                        error_info *err);

/* x (n, D) <- (byte + u)/256 for images `bytes` (n, channels, height, width), u drawn as for the test images of a set
 * by this seed: what ./run eval evaluates. For images. */
void model_dequantize(const model *self, const unsigned char *bytes, size_t n, uint64_t seed, real *x);

AFFJORD_API_END

#endif
