/* objective.h - what a training minimises: the loss of a model on batches that are numbered.
 *
 * Points of R^D lose nats (eq. 18), images bits per dimension, both with regularisers where these have weights. A
 * batch, its noise and its probes are functions of (seed, iteration), so a resumed training draws the same ones.
 * Parameters and gradients are in the memory of the model's backend, but for those of objective_initialise. */
#ifndef AFFJORD_TRAIN_OBJECTIVE_H
#define AFFJORD_TRAIN_OBJECTIVE_H

#include "base/export.h"
#include "base/parameters.h"
#include "data/dataset.h"
#include "data/image.h"
#include "flow/chain.h"
#include "flow/cnf.h"
#include "train/checkpoint.h"

AFFJORD_API_BEGIN

enum { OBJECTIVE_FLOWS_MAX = IMAGE_FLOWS_MAX };

/* What a loss is measured on that is not trained on: by the validation batch one may choose an epoch, by the test
 * batch, which shares nothing with it, one then sees what the choice is worth. */
typedef enum holdout_split { OBJECTIVE_VALIDATION, OBJECTIVE_TEST, OBJECTIVE_HOLDOUTS } holdout_split;

/* What it is on: the one of the two that is not NULL, which must outlive it. */
typedef struct objective_data {
    const dataset *points; /* or NULL */
    const image_set *images; /* or NULL */
} objective_data;

/* What defines an objective. */
typedef struct objective_spec {
    cnf_spec flow; /* of points; its log_volume is the data's */
    chain_spec model; /* of images */
    uint64_t seed; /* of all draws */
    size_t batch; /* B: points drawn afresh for an iteration, or the images at (iteration - 1) B, ... of the shuffled
                   * training split */
    size_t validation; /* points of the validation batch, of a table at most the rows that are held out; or first images
                        * of the split that is validated on, at most, 0 for all */
    size_t test; /* of the test batch, 0 for none: of drawn points, or of test images, behind those validated on where
                  * these are test images too. A table of points has no others to give and must have none */
    bool flip; /* mirror training images at random */
} objective_spec;

/* What a call has cost: evaluations of each flow's field in one solve, out and back. */
typedef struct objective_flow {
    double forward, backward; /* evaluations */
    double end_time; /* T */
} objective_flow;

/* The same of all flows. */
typedef struct objective_counts {
    size_t flow_count; /* 1 for points */
    objective_flow flows[OBJECTIVE_FLOWS_MAX]; /* (flow_count) */
} objective_counts;

/* An objective. One thread at a time may use it; objective_step and objective_measure are whole solves, the others cheap. */
typedef struct objective objective;

/* Which images a training is validated on: those of the set's validation split or, where it has none, as MNIST and
 * CIFAR-10, of its test split. */
image_split objective_validation_split(const image_set *set);

/* Return whether a training can have this on the data; of images, but for its model. Errors: STATUS_INVALID with the
 * reason. */
status objective_check(const objective_spec *spec, objective_data data, error_info *err);

/* Make one; `workers` (may be NULL) is shared and must outlive it. The caller owns *out. Errors: STATUS_INVALID with
 * the reason, STATUS_MEMORY. */
status objective_create(const objective_spec *spec, objective_data data, parallel *workers, objective **out,
                        error_info *err);
/* Free it and set *self to NULL; *self may be NULL. */
void objective_destroy(objective **self);

/* Names, shapes and offsets of the P parameters; params (P) <- those of its seed. */
const parameter_table *objective_parameters(const objective *self);
/* params (P), in the program's memory, <- those of the spec's seed. */
void objective_initialise(const objective *self, real *params);

/* Return the bytes that it can come to hold, at most; and of these, what is touched only as far as solves have steps. */
size_t objective_bytes(const objective *self);
/* Return the part of objective_bytes that is touched only as far as solves have steps. */
size_t objective_kept_bytes(const objective *self);

/* Its flow, NULL for images; valid as long as it. */
cnf *objective_points(const objective *self);

/* Loss of the batch of this iteration (from 1), and its gradient (P). Any outcome but STATUS_OK leaves no gradient; a
 * loss that is not known is NaN. */
status objective_step(objective *self, uint64_t iteration, const real *params, double *loss, real *gradient,
                      objective_counts *counts);

/* Points or images of the validation batch, or of the test batch: 0 for none. */
size_t objective_holdout_size(const objective *self, holdout_split which);

/* Mean loss of the validation or the test batch, the same points or images after every epoch. NaN where it could not be
 * computed. The batch must not be empty. */
status objective_measure(objective *self, holdout_split which, uint64_t iteration, const real *params, double *loss,
                         objective_counts *counts);

/* A sentence on why the last step had this outcome. */
void objective_describe(const objective *self, status outcome, error_info *err);

/* Add to a checkpoint what repeats the last step: the batch and where its probes come from. STATUS_INVALID for points,
 * whose batch the iteration's number gives. */
status objective_save_batch(const objective *self, checkpoint *into);

AFFJORD_API_END

#endif
