/* chain_internal.h - what the files of the multiscale model share. */
#ifndef AFFJORD_FLOW_CHAIN_INTERNAL_H
#define AFFJORD_FLOW_CHAIN_INTERNAL_H

#include "base/arena.h"
#include "field/conv_field.h"
#include "flow/flow.h"
#include "flow/chain.h"

/* Points are a model of one flow, without a logit, whose loss is in nats. `spec` below has what is not here; its
 * `model` and what is of images are unused. */
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
    arena memory; /* holds the model itself */
    parameter_table parameters;
    ode_flow *flows[IMAGE_FLOWS_MAX];
    size_t D, batch_max;

    /* In the backend's memory. */
    real *z[2]; /* (batch_max, D): the images of the present scale, and room to rearrange them */
    real *left; /* (batch_max D): what left, part after part; on the way back its cotangent */
    real *probes[IMAGE_FLOWS_MAX]; /* (batch_max, D of the flow); not where the divergence is exact */
    real *context[IMAGE_FLOWS_MAX]; /* (C): where a flow's context starts, then where it ends */
    real *context_bar[2]; /* (largest C) */
    double *sums; /* (sums' rows, batch_max), see chain_sum */
    const real *const *given_probes; /* (flows), used instead of drawn ones where not NULL */

    size_t first_row; /* of the batch, in a larger one: its probes are drawn by the number that its rows have there */

    /* In the program's. */
    real *drawn; /* (batch_max, D): random numbers on their way */
    double *known; /* the sums of the last forward */
    double *log_density; /* (batch_max) */
};

/* What is known of each image once it has been through all flows, in double; after these rows, one for each flow has
 * the squares of what left after it. */
typedef enum chain_sum { SUM_LOGIT, SUM_DIVERGENCE, SUM_KINETIC, SUM_JACOBIAN, SUM_SQUARES } chain_sum;

/* A row of `sums` or `known`. */
static inline double *chain_row(const chain *self, double *rows, size_t sum) {
    return rows + sum * self->batch_max;
}

/* A scale's first flow, unless it is the only one of the last scale: a squeeze comes after it. A scale's second flow:
 * channels leave after it. */
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

/* Numbers of an image that leave after this flow. */
static inline size_t chain_leaving(const chain *self, size_t flow) {
    if (chain_squeezes(self, flow)) return 0;
    return flow_dimension(self->flows[flow]) / (chain_splits(self, flow) ? 2 : 1);
}

/* Where in `left` the part begins that leaves after this flow, in reals for each image: parts follow each other, n
 * images in each. */
static inline size_t chain_left_before(const chain *self, size_t flow) {
    size_t before = 0;
    for (size_t f = 0; f < flow; f++) before += chain_leaving(self, f);
    return before;
}

/* From x, which is at time `from` T of every flow, to `left` and log_density, keeping what a gradient needs. */
status chain_forward(chain *self, const real *params, double from, const real *x, size_t n, random_stream probe,
                     bool keep, chain_statistics *statistics);

/* Of points: chain_transform from time `from` T on, and chain_invert back to time `to` T. */
status chain_transform_from(chain *self, const real *params, double from, const real *x, size_t n, random_stream probe,
                            real *z, double *log_density, chain_statistics *statistics);
status chain_invert_to(chain *self, const real *params, double to, const real *z, size_t n, real *x,
                       chain_statistics *statistics);

/* Of points: where x (n, D) is at the times (count), which ascend from 0 to T; the first n rows of each of the matrices
 * z (count, rows, D). */
status chain_trajectory(chain *self, const real *params, const real *x, size_t n, size_t count, const double *times,
                        real *z, size_t rows, chain_statistics *statistics);

/* The probes (n, D) of a flow in the last forward; NULL where the divergence is exact. */
const real *chain_probes(const chain *self, size_t flow);

/* context[flow] <- where its context starts: at z*(0) in each scale, then as the one before left it, squeezed. */
void chain_start_context(chain *self, const real *params, size_t flow);

/* y (n images) <- x squeezed as after this flow, or back; y is not x. */
void chain_squeeze(const chain *self, size_t flow, squeeze_layout layout, size_t n, bool inverse, const real *x,
                   real *y);

/* What follows a flow, a squeeze, or channels that leave, or all that do at the end; or its way back. `now` says which of
 * z holds the images of the present scale. */
void chain_step(chain *self, size_t flow, size_t n, bool back, size_t *now);

/* The outcome of a flow's call, and where its field failed, if it did. */
status chain_note(const chain *self, size_t flow, status outcome, chain_statistics *statistics);

#endif
