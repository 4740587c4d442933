/* cnf.h - one continuous normalizing flow on R^D: the model of points.
 *
 *   dz/dt = f(z, c(t); theta),  log p(x) = log N(z(T); 0, s^2 I) + int_0^T tr(df/dz) dt     (eq. 6, 8, 18)
 *
 * with x = z(0), and log_volume taken off where x is measured in other units than z(0). FFJORD's context is c(t) = t;
 * AFFJORD's is c(t) = z*(t), d(z*)/dt = g(z*), one vector for the whole batch. The field is that of the toy
 * experiments, a general one, or your own; steps are those of a grid, or adaptive.
 *
 * The toy field on a grid, with a fixed end time and no regulariser, has a solve of its own, which is many times
 * quicker (cnf_is_fused). Otherwise the batch, in parts of up to batch_max points, is one state of a flow (flow.h). */
#ifndef AFFJORD_FLOW_CNF_H
#define AFFJORD_FLOW_CNF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/real.h"
#include "base/status.h"
#include "base/parameters.h"
#include "field/mlp_spec.h"
#include "field/own_field.h"
#include "ode/solve.h"

AFFJORD_API_BEGIN

/* What the field sees besides z: the time, or an augmented state. */
typedef enum cnf_context { CONTEXT_CLOCK, CONTEXT_AUGMENTED } cnf_context;

/* The trace itself, or Hutchinson's estimate with a probe of signs, or of normal numbers. */
#define DIVERGENCES(ENTRY)                                                                                             \
    ENTRY(DIVERGENCE_EXACT, "exact")                                                                                   \
    ENTRY(DIVERGENCE_RADEMACHER, "rademacher")                                                                         \
    ENTRY(DIVERGENCE_GAUSSIAN, "gaussian")
/* A divergence, by its place in the table. */
typedef enum cnf_divergence { DIVERGENCES(CHOICE_SYMBOL) } cnf_divergence;

/* Through the accepted steps, or by the adjoint equation. */
#define GRADIENTS(ENTRY) ENTRY(GRADIENT_DISCRETE, "discrete") ENTRY(GRADIENT_ADJOINT, "adjoint")
/* A gradient, by its place in the table. */
typedef enum cnf_gradient { GRADIENTS(CHOICE_SYMBOL) } cnf_gradient;

/* What a weight of a regularizer multiplies: integrals over the dimension of the data, or the quantities of Finlay et
 * al.'s code, half the kinetic energy, and means over each flow's own dimension D_f:
 *
 *   DATA     1/D sum_f int |f|^2 dt,         1/D sum_f int |J e|^2 dt
 *   FINLAY   sum_f 1/(2 D_f) int |f|^2 dt,   sum_f 1/D_f int |J e|^2 dt
 *
 * Their code has |e^T J|^2, which has the same mean over probes. */
typedef enum cnf_regularizers { REGULARIZERS_DATA, REGULARIZERS_FINLAY } cnf_regularizers;

/* By which error adaptive steps are chosen: the larger of that of z with its log-density and that of z*, or the first
 * alone, as torchdiffeq, FFJORD and the authors' code do. The clock has no z*, so both are the same. */
typedef enum cnf_error_norm { ERROR_STATE_AND_CONTEXT, ERROR_STATE } cnf_error_norm;

/* The toy field, whose weights a hypernet makes; a list of linear layers; callbacks. */
typedef enum cnf_field { CNF_HYPER_MLP, CNF_MLP, CNF_OWN } cnf_field;

enum {
    CNF_HIDDEN_MAX = 4, /* hidden layers of the hypernet */
    CNF_HYPER_DIMENSION_MAX = 64,
    CNF_DIMENSION_MAX = 512,
    CNF_EXACT_MAX = 32, /* D of the exact divergence of an mlp or own field whose gradient is taken */
    CNF_MOMENTS = 64 /* of a flow with adaptive steps: where it can be looked at, see cnf_moment_time */
};

/* Everything that defines a flow. */
typedef struct cnf_spec {
    size_t dimension; /* D, of the data: 1 .. CNF_DIMENSION_MAX, of the toy field CNF_HYPER_DIMENSION_MAX */
    cnf_field field; /* which */
    mlp_field_spec mlp; /* of CNF_MLP; its dimension and context are set here */
    const field_callbacks *own; /* of CNF_OWN; must outlive the flow */
    size_t width; /* W, hidden units of the toy field, as the next three */
    cnf_context context; /* c */
    bool join; /* f sees [z, c] instead of z, besides its weights being made from c */
    size_t hypernet_layers; /* hidden layers of the hypernet: 1 .. CNF_HIDDEN_MAX */
    size_t hypernet_width; /* units of each of them */
    size_t augmented_dimension; /* A, of z*; unused by the clock */
    size_t augmented_width; /* hidden units of g */
    bool learn_start; /* z*(0) is a parameter, started at U[0, 1); otherwise it is zero */
    bool fixed_context; /* g and z*(0) stay as they were initialised: z*(t) is a random curve, and nothing is learned of
                         * how the field changes in time but the hypernet */
    double end_time; /* T, at the start */
    bool learn_end_time; /* sqrt(T) is a parameter */
    double base_variance; /* s^2 */
    double kinetic, jacobian; /* weights of the regularizers in the loss, 0 for none */
    cnf_regularizers regularizers; /* which */
    tableau_id solver; /* the method */
    size_t steps; /* of a grid; 0 for adaptive steps, of `options` */
    adaptive_options options; /* of adaptive steps */
    cnf_divergence divergence; /* of the field */
    cnf_gradient gradient; /* how it is taken */
    bool seminorm; /* of an adaptive adjoint */
    cnf_error_norm error_norm; /* of adaptive steps */
    size_t kept_steps; /* accepted steps of a solve whose discrete gradient is taken, at most; 0 for 100 */
    bool keep_stages; /* keep the states of all their stages: less work, more memory, the same bits */
    double log_volume; /* log of the volume that a unit of z has in the units of p: densities and losses are by the
                        * latter. 0 where they are the same (data/standard.h) */
    bool general; /* do without the quick solve of the toy field on a grid: cnf_trajectory and cnf_score have none */
    const backend_ops *backend; /* the device's operations; NULL for the best of this processor */
} cnf_spec;

/* Counters of the last call: evaluations of the field in one solve, their mean where the batch was solved in parts. */
typedef struct cnf_statistics {
    double evaluations_forward; /* of a solve */
    double evaluations_backward; /* of its reverse; 0 where there was none */
    double end_time; /* T */
} cnf_statistics;

/* A flow. One thread at a time may use it; it splits batches over its own workers. Calls that take params and x solve
 * the equation; all others are cheap. */
typedef struct cnf cnf;

/* Whether there is such a flow. Errors: STATUS_INVALID with the reason. */
status cnf_check(const cnf_spec *spec, error_info *err);

/* Make a flow whose gradient can be taken for up to `batch_max` points, with
 * all its workspace; `workers` (shared, not owned) splits the batch and may be NULL
 * for one thread. The results are the same bits for any number of threads.
 * Errors: STATUS_INVALID with the reason, STATUS_MEMORY. The caller owns *out. */
status cnf_create(const cnf_spec *spec, size_t batch_max, parallel *workers, cnf **out, error_info *err);
/* Free the flow and set *flow to NULL; *flow may be NULL. */
void cnf_destroy(cnf **flow);

/* Return what it was made from, valid as long as the flow. */
const cnf_spec *cnf_specification(const cnf *flow);

/* Whether it has the quick solve of the toy field on a grid. */
bool cnf_is_fused(const cnf *flow);

/* All that the flow has allocated; and of it, what is touched only as far as solves have steps. */
size_t cnf_bytes(const cnf *flow);
/* Return the part of cnf_bytes that is touched only as far as solves have steps. */
size_t cnf_kept_bytes(const cnf *flow);

/* Why the last call that failed did, in a sentence. */
void cnf_explain(const cnf *flow, status outcome, error_info *err);

/* Names, shapes and offsets of the P parameters, which the caller holds in one
 * block of P reals. Valid as long as the flow. */
const parameter_table *cnf_parameters(const cnf *flow);

/* Initial parameters, params (P): every layer as PyTorch's Linear does. */
void cnf_initialise(const cnf *flow, uint64_t seed, real *params);

/* log_density (n) <- log p(x) in nats for the n rows of x (n, D); any n. With a Hutchinson divergence the estimate of
 * one probe for each row, drawn from `probe`. Errors, of this and of the others: those of a solve (solve.h) and of your
 * own field. A fused flow has none: rows whose state leaves the finite numbers get what the arithmetic gives. With
 * adaptive steps a row's result depends, within the tolerances, on the others of its part of the batch. */
status cnf_log_density(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *log_density,
                       cnf_statistics *statistics);

/* The same, and the image z(T) of every row, z (n, D). */
status cnf_transform(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *z,
                     double *log_density, cnf_statistics *statistics);

/* x (n, D) <- points of the model: base points drawn from `stream`, numbers
 * first .. first + n - 1 of it, integrated from T back to 0, z* anew. */
status cnf_sample(cnf *flow, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                  cnf_statistics *statistics);

/* x (n, D) <- the points whose images are z (n, D): integrated from T back to 0. x may be z. */
status cnf_invert(cnf *flow, const real *params, const real *z, size_t n, real *x, cnf_statistics *statistics);

/* The next two are for flows that are not fused (cnf_spec.general), and STATUS_INVALID for others.
 *
 * z (count, n, D) <- where the rows of x (n, D) are at the times (count), 0 <= t_0 <= t_1 <= ... <= T; other times are
 * STATUS_INVALID. On a grid each part between two times has its share of the steps, rounded up. */
status cnf_trajectory(cnf *flow, const real *params, const real *x, size_t n, size_t count, const double *times,
                      real *z);

/* dx (n, D) <- d log p/dx at the rows of x (n, D), through the steps or by the adjoint, as spec.gradient says; any n,
 * and kept_steps > 0. room (P) is overwritten. */
status cnf_score(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *dx, real *room);

/* T at these parameters. */
double cnf_end_time(const cnf *flow, const real *params);

/* The flow at a moment of its time, t = T step / steps, 0 <= step <= steps: at 0 it is data, at T the base. `steps` are
 * those of the grid, or CNF_MOMENTS. */
size_t cnf_moment_steps(const cnf *flow);
/* Return t = T step / steps of a step, at these parameters. */
double cnf_moment_time(const cnf *flow, const real *params, size_t step);

/* log_density (n) <- log p_t(z) of z (n, D), where p_t is the density of z(t): cnf_log_density at 0. */
status cnf_moment_log_density(cnf *flow, const real *params, size_t step, const real *z, size_t n, random_stream probe,
                              double *log_density);

/* z (n, D) <- where the base points of cnf_sample are at t, on their way to 0. */
status cnf_moment_sample(cnf *flow, const real *params, size_t step, random_stream stream, uint64_t first, size_t n,
                         real *z);

/* dz (n, D) <- f(z, c(t)) at z (n, D), and c <- c(t): t alone for the clock, z*(t) (A) if augmented. step < steps. */
status cnf_moment_field(cnf *flow, const real *params, size_t step, const real *z, size_t n, real *dz, real *c);

/* Mean negative log-likelihood in nats of x (n, D) and its gradient, gradient (P), overwritten; 1 <= n <= batch_max,
 * otherwise STATUS_INVALID. With regularisers the gradient is that of the loss with them, and `loss` is without.
 * Returns STATUS_NON_FINITE if the loss or an entry of the gradient is not finite. */
status cnf_loss_gradient(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                         real *gradient, cnf_statistics *statistics);

AFFJORD_API_END

#endif
