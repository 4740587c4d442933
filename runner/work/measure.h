/* measure.h - the loss of a trained flow of points, with an error far below the differences between models.
 *
 * The validation loss of a training is a mean over a few thousand points, whose error is of the size of the differences
 * between models. Once a training is finished, its loss is measured again:
 *
 *   loss     mean of -log q over many points, the same ones for all models and seeds of a data set
 *   best     entropy + mean of (log p - log q): the same expectation with less variance the closer q is to p, where the
 *            density p of the data is known; else the loss
 *   change   what a finer solve changes (MEASURE_FINER times the steps, or tolerances MEASURE_TIGHTER times smaller), on the same points, a quarter of them: the error of
 *            the solver
 *   fine     best + change
 *
 * log q is with the exact trace. */
#ifndef AFFJORD_RUNNER_MEASURE_H
#define AFFJORD_RUNNER_MEASURE_H

#include "data/dataset.h"
#include "model/settings.h"
#include "work/outputs.h"

enum {
    MEASURE_FINER = 4, /* times the steps of the training's solver, */
    MEASURE_TIGHTER = 100, /* or a part of its tolerances, where its steps are adaptive */
    MEASURE_SHARE = 25, /* at most one point for so many points that were trained on: 1% of a training each */
    MEASURE_LEAST = 1000 /* points below which nothing is measured */
};

/* A mean and its standard error; NaN where it is not known. */
typedef struct measured {
    double mean, error;
} measured;

typedef struct measurement {
    measured loss, best, change, fine;
} measurement;

/* Points that a finished training is measured on: output.measure, at most a part of those that it was trained on, or the
 * rows that a table holds out. 0: it is not measured. */
size_t measure_points_of(const settings *values, const dataset *data);

/* Measure params on so many points. A part that is not finite is NaN. *stopped <- whether `stop` said so, and *out is
 * then unset. Cost: a density of `n` points, and one of n / 4 with finer steps. Errors: STATUS_MEMORY. */
status measure_points(const settings *values, const dataset *data, parallel *workers, const real *params, size_t n,
                      outputs_stop *stop, void *argument, bool *stopped, measurement *out, failure *why);

/* Mean of -log p over the validation points of a training with this seed, less the entropy of the data: what all models
 * with this seed have in common in their validation losses. False where p is not known. Errors: STATUS_MEMORY. */
status measure_offset(const settings *values, const dataset *data, uint64_t seed, bool *known, double *offset,
                      failure *why);

/* Visit the numbers under the names of their metrics, those that are known. */
status measure_each(const measurement *from,
                    status (*visit)(void *argument, const char *name, double value, failure *why), void *argument,
                    failure *why);

#endif
