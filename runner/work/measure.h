/* measure.h - the loss of a trained flow, with an error far below the differences between models.
 *
 * The validation loss of a training is a mean over a few thousand points, whose error is of the size of the differences
 * between models. Once a training is finished, its loss is measured again:
 *
 *   loss     mean of -log q over many points, the same ones for all models and seeds of a data set
 *   best     entropy + mean of (log p - log q): the same expectation with less variance the closer q is to p, where the
 *            density p of the data is known; else the loss
 *   change   the difference by a finer solve, on a quarter of the same points: the error of the solver. It has
 *            MEASURE_FINER times the steps, or MEASURE_TIGHTER times smaller tolerances
 *   fine     best + change
 *
 * log q is with the exact trace.
 *
 * Images are validated at the tolerance that they were trained with, which may be a loose one. At the end the first
 * images of the validation batch, with its noise and probes, are evaluated again:
 *
 *   best     bits per dimension at the tolerance MEASURE_TOLERANCE, or that of the training if that is smaller
 *   change   the difference by a tolerance MEASURE_IMAGES_TIGHTER times smaller, on a quarter of them
 *   fine     best + change
 *   ways     at the training's tolerance, under either rule of solver.error_norm, on the same quarter: evaluations of
 *            all flows in a solve, and the error of the loss, by a solve at the smallest tolerance
 */
#ifndef AFFJORD_RUNNER_MEASURE_H
#define AFFJORD_RUNNER_MEASURE_H

#include "data/dataset.h"
#include "data/image.h"
#include "model/model_parts.h"
#include "work/outputs.h"

enum {
    MEASURE_FINER = 4, /* times the steps of the training's solver, */
    MEASURE_TIGHTER = 100, /* or times smaller tolerances, if its steps are adaptive */
    MEASURE_SHARE = 25, /* trained points per measured point, at least: 1% of a training each */
    MEASURE_LEAST = 1000, /* with fewer points, nothing is measured; for images, one batch */
    MEASURE_IMAGES_TIGHTER = 10,
    MEASURE_WAYS = 2, /* cnf_error_norm */
    MEASURE_FIELD_CELLS = 33 /* points per side of the grid for a field's change */
};

#define MEASURE_TOLERANCE 1e-5 /* the paper's */

/* A mean and its standard error; NaN if unknown. */
typedef struct measured {
    double mean, error;
} measured;

typedef struct measurement {
    measured loss, best, change, fine;
} measurement;

typedef struct image_measurement {
    measured best, change, fine;
    struct {
        double evaluations;
        measured change;
    } ways[MEASURE_WAYS];
} image_measurement;

/* A data set with the entropy of its density, if that is known. It takes up to 20 ms to compute. */
typedef struct measure_target {
    const dataset *data;
    bool known;
    double entropy;
} measure_target;

measure_target measure_target_of(const dataset *data);

/* Return the number of points for measuring a finished training: output.measure, at most a fixed share of the
 * training's points, or the rows that a table holds out. 0: do not measure. */
size_t measure_points_of(const settings *values, const dataset *data);

/* Measure params on `n` points. A number that is not finite is NaN. *stopped <- whether `stop` returned true; *out
 * is then unset. Cost: a density of `n` points, and one of n / 4 with finer steps. Errors: STATUS_MEMORY. */
status measure_points(const settings *values, const measure_target *target, parallel *workers, const real *params,
                      size_t n, model_stop *stop, void *argument, bool *stopped, measurement *out, error_info *err);

/* The same for images: those that a training with this seed was validated on. */
size_t measure_images_of(const settings *values, const image_set *set);

/* Measure params, in host memory, on the first n images, with `device`, or with the processor if it is NULL. Cost: a
 * density of `n` images and up to three of n / 4. Errors: those of chain_create. */
status measure_images(const settings *values, const image_set *set, uint64_t seed, parallel *workers,
                      const backend_ops *device, const real *params, size_t n, model_stop *stop, void *argument,
                      bool *stopped, image_measurement *out, error_info *err);

/* out[0] <- bits per dimension of the test images at MEASURE_TOLERANCE, or at the training's tolerance if that is
 * smaller, with one probe for each image and flow; out[1] <- those with the mean of `probes` of them, in as many solves:
 * the same expectation with less of the probes' variance. The errors are those over images. The images are those that
 * the training tested on, else all that it did not validate on, else all. Errors: those of chain_create. */
status measure_test_images(const settings *values, const image_set *set, uint64_t seed, parallel *workers,
                           const real *params, size_t probes, measured out[2], error_info *err);

/* *offset <- mean of -log p over the validation points of a training with this seed, less the entropy of the data:
 * the part of the validation loss that all models with this seed share. *known <- whether p is known; if not, *offset
 * is unset. Errors: STATUS_MEMORY. */
status measure_offset(const settings *values, const measure_target *target, uint64_t seed, bool *known, double *offset,
                      error_info *err);

/* Measure how fast a plane flow's field changes: the largest rms change per unit of time between the beginnings of
 * two consecutive steps, over a grid on the data's window {x0, x1, y0, y1}, divided by the field's rms over all
 * steps. NaN for fewer than two steps. params are in host memory. Errors: those of cnf_moment_field; STATUS_MEMORY. */
status measure_field_change(cnf *flow, const real *params, const double window[4], const standard *units, double *out,
                            error_info *err);

/* Visit the numbers with the names of their metrics. */
typedef status measure_visit(void *argument, const char *name, double value, error_info *err);
status measure_each(const measurement *from, measure_visit *visit, void *argument, error_info *err);
status measure_each_of_images(const image_measurement *from, measure_visit *visit, void *argument, error_info *err);

#endif
