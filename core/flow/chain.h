/* chain.h - FFJORD and AFFJORD on images: flows, squeezes, and channels that leave (Dinh et al. 2017, fig. 2).
 *
 *   x in [0, 1)  ->  logit  ->  scale 0: flow, squeeze, flow, half of the channels leave  ->  scale 1  ->  ...
 *                                        the last scale: one flow, all channels leave
 *
 *   log p(x) = sum of log N(left; 0, s^2 I) + sum over flows of int tr df/dz dt + log|dz/dx| of the logit
 *
 * The augmented state starts at zero in each scale, is squeezed with the data within the scale, and is replaced at the
 * scale's end. For each image, only z and its integrals are stored.
 *
 * Images are channel-last, x (n, h, w, c), D = h w c. The channels that left are z (n, D): for each image the parts in
 * the order of their scales, each channel-last. Images, z and densities are in host memory; parameters and gradients
 * are in the backend's. Results are bit-identical for any number of threads. */
#ifndef AFFJORD_FLOW_CHAIN_H
#define AFFJORD_FLOW_CHAIN_H

#include "backend/activation.h"
#include "backend/conv_method.h"
#include "base/export.h"
#include "base/parallel.h"
#include "base/random.h"
#include "field/image_model.h"
#include "base/parameters.h"
#include "flow/cnf.h"
#include "ode/solve.h"

AFFJORD_API_BEGIN

/* The definition of a model of images and its solves. */
typedef struct chain_spec {
    image_spec model; /* flows, layers and sizes */
    activation function; /* between convolutions */
    double alpha; /* of the logit: above 0, below 1/2 */
    bool fixed_context; /* g and z*(0) keep their initial values */
    double end_time; /* initial T of every flow */
    bool learn_end_time; /* sqrt(T) of each flow is a parameter */
    double base_variance; /* s^2 */
    cnf_divergence divergence; /* exact: D evaluations of a flow's field instead of one; for small images */
    cnf_gradient gradient; /* its method */
    bool seminorm; /* of the adjoint */
    cnf_error_norm error_norm; /* of adaptive steps */
    double kinetic, jacobian; /* weights of the regularizers; 0: none */
    cnf_regularizers regularizers; /* the quantities that the weights multiply */
    size_t kept_steps; /* limit of accepted steps of a flow with a gradient */
    bool keep_stages; /* store all their stages: less work, more memory, the same bits */
    solve_spec solver; /* of every flow */
    conv_method method; /* of the convolutions */
    conv_math math; /* of the convolutions */
    const backend_ops *backend; /* the device's operations; NULL: the best of this processor */
} chain_spec;

/* Counters of one flow in the last call. */
typedef struct chain_flow {
    adaptive_statistics forward, backward; /* of its solves */
    double end_time; /* T */
    double field_time; /* time at which its field failed; NaN if it did not, and on a device */
    size_t field_evaluation; /* number of that evaluation, from 0 */
} chain_flow;

/* Counters of the last call. */
typedef struct chain_statistics {
    size_t flow_count; /* flows of the model */
    chain_flow flows[IMAGE_FLOWS_MAX]; /* (flow_count) */
    /* If the call failed: */
    size_t failed; /* which flow */
    bool failed_backward; /* in its backward pass */
    bool failed_field; /* the field itself failed, at field_time and field_evaluation */
} chain_statistics;

/* Describe in `err` why a call failed: the flow, the direction and the time it had reached. */
void chain_explain(const chain_statistics *statistics, status outcome, error_info *err);

/* The loss and its parts, means over the batch. With D the numbers of an image and T_f a flow's end time,
 *   kinetic = 1/D sum_f int_0^T_f |f|^2 dt,   jacobian = 1/D sum_f int_0^T_f |J e|^2 dt,
 * or the quantities of REGULARIZERS_FINLAY (cnf.h). */
typedef struct chain_loss {
    double bits; /* bits per dimension; nats for points */
    double kinetic, jacobian; /* 0 if their weight is 0 */
    double total; /* bits + weights times regularizers; the gradient is that of it */
} chain_loss;

/* A model. One thread at a time may use it. Calls that take params and x or z are whole solves; all others are
 * cheap. */
typedef struct chain chain;

/* Create a model for batches of up to batch_max, with all its workspace; `gradients` false omits the memory that
 * only chain_loss_gradient needs. `workers` splits batches, is shared and not owned, and may be NULL. The caller
 * owns *out. Errors: STATUS_INVALID with the reason, STATUS_MEMORY. */
status chain_create(const chain_spec *spec, size_t batch_max, bool gradients, parallel *workers, chain **out,
                    error_info *err);
/* Free the model and set *self to NULL; *self may be NULL. */
void chain_destroy(chain **self);

/* Return the specification, valid as long as the model. */
const chain_spec *chain_specification(const chain *self);
size_t chain_dimension(const chain *self); /* D */
size_t chain_batch(const chain *self); /* batch_max */
/* Return the number of flows. */
size_t chain_flow_count(const chain *self);

/* Return the bytes that the model has allocated, a bound for any batch. */
size_t chain_bytes(const chain *self);
/* Return the part of chain_bytes for stored steps, which is touched only as steps are stored. */
size_t chain_kept_bytes(const chain *self);

/* Return names, shapes and offsets of the P parameters, which the caller stores. Valid as long as the model. */
const parameter_table *chain_parameters(const chain *self);

/* params (P), in host memory, <- initial parameters of a seed. */
void chain_initialise(const chain *self, uint64_t seed, real *params);

/* Solve all flows with these tolerances from now on. */
void chain_set_tolerances(chain *self, double atol, double rtol);

/* The calls below take 1 <= n <= batch_max images, otherwise STATUS_INVALID. With adaptive steps, an image's result
 * depends, within the tolerances, on the others of its batch. They return the status of the first flow that fails,
 * which *statistics (may be NULL) names. */

/* log_density (n) <- log p(x) in nats of x (n, D), with one probe per image and flow drawn from `probe`; z (n, D),
 * if not NULL, <- the channels that left. */
status chain_transform(chain *self, const real *params, const real *x, size_t n, random_stream probe, real *z,
                       double *log_density, chain_statistics *statistics);

/* x (n, D) <- the images of the channels that left, z (n, D). x may be z. */
status chain_invert(chain *self, const real *params, const real *z, size_t n, real *x, chain_statistics *statistics);

/* x (n, D) <- samples first .. first + n - 1 of `stream`. */
status chain_sample(chain *self, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                    chain_statistics *statistics);

/* *loss <- the loss of x (n, D); gradient (P) <- its gradient. Costs a solve of every flow and its backward pass.
 * Errors besides: STATUS_NON_FINITE if the loss or an entry of the gradient is not finite. */
status chain_loss_gradient(chain *self, const real *params, const real *x, size_t n, random_stream probe,
                           chain_loss *loss, real *gradient, chain_statistics *statistics);

/* dx (n, D) <- d log p/dx, row by row, of the log p that chain_transform computes with the same probes. For models
 * with gradients and without regularizers; room (P), in the backend's memory, is overwritten. Costs as much as a
 * gradient. */
status chain_score(chain *self, const real *params, const real *x, size_t n, random_stream probe, real *dx, real *room,
                   chain_statistics *statistics);

/* Bits that a code by the model needs for each of D bytes: -log2(p / 256^D) / D, from log p(x) in nats at x = (byte +
 * u) / 256. */
double bits_per_dim(double log_density, size_t D);

AFFJORD_API_END

#endif
