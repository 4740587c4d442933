/* chain_internal.h - shared by the files of the multiscale model. */
#ifndef AFFJORD_FLOW_CHAIN_INTERNAL_H
#define AFFJORD_FLOW_CHAIN_INTERNAL_H

#include "base/arena.h"
#include "field/conv_field.h"
#include "flow/flow.h"
#include "flow/chain.h"

/* Points are a model of one flow, without a logit, with a loss in nats. `spec` has the rest; its `model` and its
 * settings of images are unused. */
typedef struct chain_points {
    size_t dimension;
    context_spec context;
    status (*make_field)(const void *argument, size_t batch, parallel *workers, const backend_ops *backend,
                         parameter_table *table, field **out, error_info *err);
    const void *argument;
} chain_points;

status chain_create_points(const chain_spec *spec, const chain_points *points, size_t batch_max, bool gradients,
                           parallel *workers, chain **out, error_info *err);

struct chain {
    chain_spec spec;
    bool of_points;
    chain_points points;
    image_model model;
    const backend_ops *backend;
    arena memory; /* owns the model itself */
    parameter_table parameters;
    ode_flow *flows[IMAGE_FLOWS_MAX];
    size_t D, batch_max;

    /* In the backend's memory. */
    real *z[2]; /* (batch_max, D): the images at the current scale, and a buffer */
    real *left; /* (batch_max D): the channels that left, part after part; in the backward pass, their cotangent */
    real *probes[IMAGE_FLOWS_MAX]; /* (batch_max, D of the flow); NULL for the exact divergence */
    real *context[IMAGE_FLOWS_MAX]; /* (C): the context at a flow's start, then at its end */
    real *context_bar[2]; /* (largest C) */
    double *sums; /* (sums' rows, batch_max), see chain_sum */
    const real *const *given_probes; /* (flows), used instead of drawn ones if not NULL */

    size_t first_row; /* of the batch in a larger one: probes are drawn by a row's number there */

    /* In host memory. */
    real *drawn; /* (batch_max, D): random numbers to copy to the backend */
    double *known; /* the sums of the last forward pass */
    double *log_density; /* (batch_max) */
};

/* Sums of each image after all flows, in double; the rows after these, one per flow, have the squares of the
 * channels that left after it. */
typedef enum chain_sum { SUM_LOGIT, SUM_DIVERGENCE, SUM_KINETIC, SUM_JACOBIAN, SUM_SQUARES } chain_sum;

/* A row of `sums` or `known`. */
static inline double *chain_row(const chain *self, double *rows, size_t sum) {
    return rows + sum * self->batch_max;
}

/* A scale's first flow, unless it is the only one of the last scale, is followed by a squeeze. A scale's second flow
 * is followed by channels that leave. */
static inline bool chain_squeezes(const chain *self, size_t flow) {
    return flow + 1 < self->model.flow_count && self->model.flows[flow + 1].scale == self->model.flows[flow].scale;
}
static inline bool chain_splits(const chain *self, size_t flow) {
    return flow + 1 < self->model.flow_count && !chain_squeezes(self, flow);
}

/* A scale's first flow: its context starts at z*(0). */
static inline bool chain_starts(const chain *self, size_t flow) {
    return flow == 0 || self->model.flows[flow - 1].scale != self->model.flows[flow].scale;
}

/* Return how many numbers of an image leave after this flow. */
static inline size_t chain_leaving(const chain *self, size_t flow) {
    if (chain_squeezes(self, flow)) return 0;
    return flow_dimension(self->flows[flow]) / (chain_splits(self, flow) ? 2 : 1);
}

/* Return where the part that leaves after this flow begins in `left`, in reals per image: parts follow each other, n
 * images in each. */
static inline size_t chain_left_before(const chain *self, size_t flow) {
    size_t before = 0;
    for (size_t f = 0; f < flow; f++) before += chain_leaving(self, f);
    return before;
}

/* Compute `left` and log_density from x at time `from` T of every flow, and store what a gradient needs. */
status chain_forward(chain *self, const real *params, double from, const real *x, size_t n, random_stream probe,
                     bool keep, chain_statistics *statistics);

/* For points: chain_transform from time `from` T on, and chain_invert back to time `to` T. */
status chain_transform_from(chain *self, const real *params, double from, const real *x, size_t n, random_stream probe,
                            real *z, double *log_density, chain_statistics *statistics);
status chain_invert_to(chain *self, const real *params, double to, const real *z, size_t n, real *x,
                       chain_statistics *statistics);

/* For points: the positions of x (n, D) at the times (count), ascending from 0 to T; the first n rows of each of the
 * matrices z (count, rows, D). */
status chain_trajectory(chain *self, const real *params, const real *x, size_t n, size_t count, const double *times,
                        real *z, size_t rows, chain_statistics *statistics);

/* Return the probes (n, D) of a flow in the last forward pass; NULL for the exact divergence. */
const real *chain_probes(const chain *self, size_t flow);

/* context[flow] <- the context at its start: z*(0) in each scale, then the squeezed end of the previous one. */
void chain_start_context(chain *self, const real *params, size_t flow);

/* y (n images) <- x squeezed as after this flow, or the inverse; y is not x. */
void chain_squeeze(const chain *self, size_t flow, squeeze_layout layout, size_t n, bool inverse, const real *x,
                   real *y);

/* Perform the operation after a flow: a squeeze, channels that leave, or all that leave at the end; or the inverse.
 * `now` is the index of z with the images of the current scale. */
void chain_step(chain *self, size_t flow, size_t n, bool back, size_t *now);

/* Record the status of a flow's call, and where its field failed. */
status chain_note(const chain *self, size_t flow, status outcome, chain_statistics *statistics);

#endif
