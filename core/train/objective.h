/* objective.h - the loss that a training minimises, on numbered batches.
 *
 * The loss of points of R^D is in nats (eq. 18), that of images in bits per dimension, both plus regularizers with
 * weights. A batch, its noise and its probes are functions of (seed, iteration), so a resumed training draws the
 * same ones. Parameters and gradients are in the memory of the model's backend, except in objective_initialise. */
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

/* The held-out batches. The validation batch selects an epoch; the disjoint test batch evaluates it. */
typedef enum holdout_split { OBJECTIVE_VALIDATION, OBJECTIVE_TEST, OBJECTIVE_HOLDOUTS } holdout_split;

/* The data: set one of the two; it must outlive the objective. */
typedef struct objective_data {
    const dataset *points; /* or NULL */
    const image_set *images; /* or NULL */
} objective_data;

enum { OBJECTIVE_PHASES_MAX = 8 };

/* A quantity that is a step function of the iteration at the start of a training. */
typedef struct objective_phases {
    size_t count; /* 0: none */
    struct {
        uint64_t until; /* the last iteration of the phase; ascending */
        double value;
    } items[OBJECTIVE_PHASES_MAX]; /* (count) */
} objective_phases;

/* The definition of an objective. */
typedef struct objective_spec {
    cnf_spec flow; /* for points; the data sets its log_volume */
    chain_spec model; /* of images */
    uint64_t seed; /* of all draws */
    size_t batch; /* B: points, drawn anew in every iteration; or the next images of the shuffled training split, so
                   * that each pass over the images has each of them once */
    objective_phases batches; /* smaller batches, in [1, B], before those of B */
    size_t validation; /* points of the validation batch, limited to the held-out rows of a table; or the first images
                        * of the validation split, 0: all */
    size_t test; /* of the test batch, 0: none. Drawn points; the first rows of a table's test part; or test images,
                  * after those of the validation batch if those are test images too */
    bool flip; /* mirror training images at random */
    objective_phases tolerances; /* atol and rtol; after them, the flow's */
    const tableau *measured_by; /* adaptive method of objective_measure, with these options; NULL: as the steps */
    adaptive_options measured; /* used with measured_by */
} objective_spec;

/* Return the tolerances of the solve of an iteration, from 1; those after the last phase are atol and rtol. */
void objective_tolerances(const objective_spec *spec, uint64_t iteration, double *atol, double *rtol);

/* Return the batch size of an iteration, from 1. */
size_t objective_batch_size(const objective_spec *spec, uint64_t iteration);

/* Return the number of points or images in all iterations before one, from 1. */
uint64_t objective_position(const objective_spec *spec, uint64_t iteration);

/* The cost of a call: evaluations of each flow's field in one solve, forward and backward. */
typedef struct objective_flow {
    double forward, backward; /* evaluations */
    double end_time; /* T */
} objective_flow;

/* The cost of all flows. */
typedef struct objective_counts {
    size_t flow_count; /* 1 for points */
    objective_flow flows[OBJECTIVE_FLOWS_MAX]; /* (flow_count) */
} objective_counts;

/* An objective. One thread at a time may use it. objective_step and objective_measure are whole solves; the others
 * are cheap. */
typedef struct objective objective;

/* Return the split for validation: the set's validation split or, if it has none (MNIST, CIFAR-10), its test split. */
image_split objective_validation_split(const image_set *set);

/* Check the specification against the data; for images, without the model. Errors: STATUS_INVALID with the reason. */
status objective_check(const objective_spec *spec, objective_data data, error_info *err);

/* Create an objective. `workers` (may be NULL) is shared and must outlive it. The caller owns *out. Errors:
 * STATUS_INVALID with the reason, STATUS_MEMORY. */
status objective_create(const objective_spec *spec, objective_data data, parallel *workers, objective **out,
                        error_info *err);
/* Free it and set *self to NULL; *self may be NULL. */
void objective_destroy(objective **self);

/* Return names, shapes and offsets of the P parameters, valid as long as the objective. */
const parameter_table *objective_parameters(const objective *self);
/* params (P), in host memory, <- initial parameters of the spec's seed. */
void objective_initialise(const objective *self, real *params);

/* Return an upper bound of the objective's memory in bytes. */
size_t objective_bytes(const objective *self);
/* Return the part of objective_bytes for stored steps, which is touched only as steps are stored. */
size_t objective_kept_bytes(const objective *self);

/* Return the flow of points, valid as long as the objective; NULL for images. */
cnf *objective_points(const objective *self);

/* *loss <- the loss of the batch of this iteration (from 1), NaN if unknown; gradient (P) <- its gradient. Costs a
 * solve and its backward pass. Errors: those of a solve (ode/solve.h), STATUS_NON_FINITE; the gradient is then
 * undefined. */
status objective_step(objective *self, uint64_t iteration, const real *params, double *loss, real *gradient,
                      objective_counts *counts);

/* Return the number of points or images of a held-out batch; 0: there is none. */
size_t objective_holdout_size(const objective *self, holdout_split which);

/* *loss <- the mean loss of a held-out batch, the same points or images after every epoch; NaN after a failure. The
 * batch must not be empty. Costs a solve, by parts of the batch. Errors: those of a solve. */
status objective_measure(objective *self, holdout_split which, uint64_t iteration, const real *params, double *loss,
                         objective_counts *counts);

/* Describe in `err` why the last step had this status. */
void objective_describe(const objective *self, status outcome, error_info *err);

/* Add the last batch and the stream of its probes to a checkpoint, for `./run eval --replay`. STATUS_INVALID for
 * points, whose batch follows from the iteration. */
status objective_save_batch(const objective *self, checkpoint *into);

AFFJORD_API_END

#endif
