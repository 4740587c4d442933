/* objective.h - what a training minimises: a loss of parameters, on batches that are numbered.
 *
 * A batch, its noise and its probes are functions of (seed, iteration), so that
 * a training taken up again sees what it would have seen. Points of R^D lose
 * nats (point_objective.h), images bits per dimension (image_objective.h). */
#ifndef AFFJORD_TRAIN_OBJECTIVE_H
#define AFFJORD_TRAIN_OBJECTIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "base/status.h"
#include "field/image_model.h"
#include "base/parameters.h"
#include "train/checkpoint.h"

enum { OBJECTIVE_FLOWS_MAX = IMAGE_FLOWS_MAX };

/* What a loss is measured on that is not trained on: by the validation batch one may choose an epoch, by the test batch,
 * which shares nothing with it, one then sees what the choice is worth. */
typedef enum objective_held { OBJECTIVE_VALIDATION, OBJECTIVE_TEST, OBJECTIVE_HELD } objective_held;

/* What a call has cost: evaluations of each flow's field in one solve, out and back. */
typedef struct objective_flow {
    double forward, backward;
    double end_time; /* T */
} objective_flow;

typedef struct objective_counts {
    size_t flow_count;
    objective_flow flows[OBJECTIVE_FLOWS_MAX];
} objective_counts;

typedef struct objective objective;

/* Parameters and gradients are in the memory of the backend that the objective is computed on, but for those of
 * initialise. */
typedef struct objective_ops {
    const char *name;
    const parameter_table *(*parameters)(const objective *self);
    size_t (*bytes)(const objective *self);
    size_t (*kept_bytes)(const objective *self); /* NULL: 0 */
    void (*initialise)(const objective *self, real *params);
    status (*step)(objective *self, uint64_t iteration, const real *params, double *loss, real *gradient,
                   objective_counts *counts);
    size_t (*held)(const objective *self, objective_held which);
    status (*measure)(objective *self, objective_held which, uint64_t iteration, const real *params, double *loss,
                      objective_counts *counts);
    void (*describe)(const objective *self, status outcome, failure *why);
    status (*save_batch)(const objective *self, checkpoint *into);
    void (*destroy)(objective *self);
} objective_ops;

/* What every objective has; an implementation begins with it. */
struct objective {
    const objective_ops *ops;
};

/* Names, shapes and offsets of the P parameters. */
static inline const parameter_table *objective_parameters(const objective *self) {
    return self->ops->parameters(self);
}

/* Bytes that it can come to hold, at most. */
static inline size_t objective_bytes(const objective *self) {
    return self->ops->bytes(self);
}

/* Of these, what is touched only as far as solves have steps. */
static inline size_t objective_kept_bytes(const objective *self) {
    return self->ops->kept_bytes ? self->ops->kept_bytes(self) : 0;
}

/* params (P) <- those of its seed. */
static inline void objective_initialise(const objective *self, real *params) {
    self->ops->initialise(self, params);
}

/* Loss of the batch of this iteration (from 1), and its gradient (P). Any outcome but STATUS_OK leaves no gradient; a
 * loss that is not known is NaN. */
static inline status objective_step(objective *self, uint64_t iteration, const real *params, double *loss,
                                    real *gradient, objective_counts *counts) {
    return self->ops->step(self, iteration, params, loss, gradient, counts);
}

/* Points or images of the validation batch, or of the test batch: 0 for none. */
static inline size_t objective_held_size(const objective *self, objective_held which) {
    return self->ops->held(self, which);
}

/* Mean loss of the validation or the test batch, the same points or images after every epoch. NaN where it could not be
 * computed. The batch must not be empty. */
static inline status objective_measure(objective *self, objective_held which, uint64_t iteration, const real *params,
                                       double *loss, objective_counts *counts) {
    return self->ops->measure(self, which, iteration, params, loss, counts);
}

/* A sentence on why the last step or validation had this outcome. */
static inline void objective_describe(const objective *self, status outcome, failure *why) {
    self->ops->describe(self, outcome, why);
}

/* Add to a checkpoint what repeats the last step: the batch and where its probes come from. STATUS_INVALID where there
 * is nothing to add. */
static inline status objective_save_batch(const objective *self, checkpoint *into) {
    return self->ops->save_batch(self, into);
}

static inline void objective_destroy(objective **self) {
    if (*self) (*self)->ops->destroy(*self);
    *self = NULL;
}

#endif
