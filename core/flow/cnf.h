/* cnf.h - a continuous normalizing flow of points in R^D.
 *
 *   dz/dt = f(z, c(t); theta),  log p(x) = log N(z(T); 0, s^2 I) + int_0^T tr(df/dz) dt     (eq. 6, 8, 18)
 *
 * with x = z(0), less log_volume if x is in other units than z(0). FFJORD's context is c(t) = t. AFFJORD's is c(t) =
 * z*(t), d(z*)/dt = g(z*), one vector for the whole batch. The field is that of the toy experiments, linear layers, or
 * your own. Steps are fixed or adaptive.
 *
 * The toy field with fixed steps, a fixed end time and no regularizer has a faster, fused solve (cnf_is_fused).
 * Otherwise each part of up to batch_max points is one state of a flow (flow.h). */
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

/* The context of the field: the time, or an augmented state. The third has an equation that depends on z; it is
 * rejected, because it has no density. A lifted flow (flow/lifted.h) uses the time and a z* for each point, which
 * starts at a function of the point and decays; it supports up to 8 dimensions and the field mlp. */
#define CNF_CONTEXTS(ENTRY)                                                                                            \
    ENTRY(CONTEXT_CLOCK, "time")                                                                                       \
    ENTRY(CONTEXT_AUGMENTED, "augmented")                                                                              \
    ENTRY(CONTEXT_GENERAL, "general")                                                                                  \
    ENTRY(CONTEXT_LIFTED, "lifted")
/* A context, by its place in the table. */
typedef enum cnf_context { CNF_CONTEXTS(CHOICE_SYMBOL) } cnf_context;

/* The exact trace, or Hutchinson's estimate with a probe of signs or of normal numbers. */
#define DIVERGENCES(ENTRY)                                                                                             \
    ENTRY(DIVERGENCE_EXACT, "exact")                                                                                   \
    ENTRY(DIVERGENCE_RADEMACHER, "rademacher")                                                                         \
    ENTRY(DIVERGENCE_GAUSSIAN, "gaussian")
/* A divergence; an index into the table. */
typedef enum cnf_divergence { DIVERGENCES(CHOICE_SYMBOL) } cnf_divergence;

/* Through the accepted steps, or by the adjoint equation. */
#define GRADIENTS(ENTRY) ENTRY(GRADIENT_DISCRETE, "discrete") ENTRY(GRADIENT_ADJOINT, "adjoint")
/* A gradient; an index into the table. */
typedef enum cnf_gradient { GRADIENTS(CHOICE_SYMBOL) } cnf_gradient;

/* The quantity that a regularizer's weight multiplies: integrals over the dimension of the data, or those of Finlay et
 * al.'s code, half the kinetic energy, and means over each flow's own dimension D_f:
 *
 *   DATA     1/D sum_f int |f|^2 dt,         1/D sum_f int |J e|^2 dt
 *   FINLAY   sum_f 1/(2 D_f) int |f|^2 dt,   sum_f 1/D_f int |J e|^2 dt
 *
 * Their code has |e^T J|^2, which has the same mean over probes. */
typedef enum cnf_regularizers { REGULARIZERS_DATA, REGULARIZERS_FINLAY } cnf_regularizers;

/* The error that adaptive steps control: the larger of that of z with its log-density and that of z*, or the first
 * alone, as in torchdiffeq, FFJORD and the authors' code. With c(t) = t, both are the same. */
typedef enum cnf_error_norm { ERROR_STATE_AND_CONTEXT, ERROR_STATE } cnf_error_norm;

/* The fields that settings name: the toy field, with weights from a hypernet; linear layers. */
#define CNF_FIELDS(ENTRY) ENTRY(CNF_HYPER_MLP, "hyper_mlp") ENTRY(CNF_MLP, "mlp")
/* A field, by its place in the table; or callbacks. */
typedef enum cnf_field { CNF_FIELDS(CHOICE_SYMBOL) CNF_OWN } cnf_field;

enum {
    CNF_HIDDEN_MAX = 4, /* hidden layers of the hypernet */
    CNF_HYPER_DIMENSION_MAX = 64,
    CNF_DIMENSION_MAX = 512,
    CNF_EXACT_MAX = 32, /* largest D with the exact divergence in training, of an mlp or own field */
    CNF_MOMENTS = 64 /* snapshots of a flow with adaptive steps; see cnf_moment_time */
};

/* The definition of a flow. */
typedef struct cnf_spec {
    size_t dimension; /* D, of the data: 1 .. CNF_DIMENSION_MAX, of the toy field CNF_HYPER_DIMENSION_MAX */
    cnf_field field; /* an entry of the table */
    mlp_field_spec mlp; /* for CNF_MLP; its dimension and context are ignored */
    const field_callbacks *own; /* for CNF_OWN; must outlive the flow */
    size_t width; /* W, hidden units of the toy field, which also uses join and the hypernet */
    cnf_context context; /* c */
    bool join; /* concatenate: f gets [z, c] instead of z, and weights from c */
    size_t hypernet_layers; /* hidden layers of the hypernet: 1 .. CNF_HIDDEN_MAX */
    size_t hypernet_width; /* units of each of them */
    size_t augmented_dimension; /* A, of z*; unused if c(t) = t */
    size_t augmented_width; /* hidden units of g; for a lifted flow, of h */
    bool learn_start; /* z*(0) is a parameter, initially U[0, 1); otherwise zero */
    bool fixed_context; /* keep the initial g and z*(0): z*(t) is a random curve, and only the hypernet learns how the
                         * field depends on time */
    double end_time; /* T, at the start */
    bool learn_end_time; /* sqrt(T) is a parameter */
    double base_variance; /* s^2 */
    double kinetic, jacobian; /* weights of the regularizers in the loss; 0: none */
    cnf_regularizers regularizers; /* their definition */
    tableau_id solver; /* the method */
    size_t steps; /* fixed steps; 0: adaptive steps, with `options` */
    adaptive_options options; /* of adaptive steps */
    cnf_divergence divergence; /* of the field */
    cnf_gradient gradient; /* its method */
    bool seminorm; /* for an adaptive adjoint: ignore gradients in its error */
    cnf_error_norm error_norm; /* of adaptive steps */
    size_t kept_steps; /* limit of accepted steps of a solve with a discrete gradient; 0: 100 */
    bool keep_stages; /* store the states of all their stages: less work, more memory, the same bits */
    double log_volume; /* log of the volume of a unit of z in the units of x, which densities and losses have; 0 if they
                        * are the same (data/standard.h) */
    bool general; /* do not use the fused solve, which cnf_trajectory and cnf_score cannot use */
    const backend_ops *backend; /* the device's operations; NULL: the best of this processor */
} cnf_spec;

/* Counters of the last call: evaluations of the field in one solve, averaged over the parts of the batch. */
typedef struct cnf_statistics {
    double evaluations_forward; /* of a solve */
    double evaluations_backward; /* of its backward pass; 0 if there was none */
    double end_time; /* T */
} cnf_statistics;

/* A flow. One thread at a time may use it; it splits batches over its own workers. Calls that take params and x or z
 * are whole solves, except cnf_moment_field; all others are cheap. */
typedef struct cnf cnf;

/* Return the dimension C of the context. */
size_t cnf_context_dimension(const cnf_spec *spec);

/* Check whether a flow can have this specification. Errors: STATUS_INVALID with the reason. */
status cnf_check(const cnf_spec *spec, error_info *err);

/* Create a flow with all its workspace, for gradients of up to `batch_max` points. `workers` splits the batch, is
 * shared and not owned, and may be NULL for one thread. Results are bit-identical for any number of threads. The
 * caller owns *out. Errors: STATUS_INVALID with the reason, STATUS_MEMORY. */
status cnf_create(const cnf_spec *spec, size_t batch_max, parallel *workers, cnf **out, error_info *err);
/* Free the flow and set *flow to NULL; *flow may be NULL. */
void cnf_destroy(cnf **flow);

/* Return the specification, valid as long as the flow. */
const cnf_spec *cnf_specification(const cnf *flow);

/* Return whether the flow uses the fused solve of the toy field. */
bool cnf_is_fused(const cnf *flow);

/* Return the bytes that the flow has allocated. */
size_t cnf_bytes(const cnf *flow);
/* Return the part of cnf_bytes for stored steps, which is touched only as steps are stored. */
size_t cnf_kept_bytes(const cnf *flow);

/* Describe in `err` why the last failed call failed. */
void cnf_explain(const cnf *flow, status outcome, error_info *err);

/* Return names, shapes and offsets of the P parameters, which the caller stores in one block of P reals. Valid as
 * long as the flow. */
const parameter_table *cnf_parameters(const cnf *flow);

/* params (P) <- initial parameters; every layer is initialised as PyTorch's Linear. */
void cnf_initialise(const cnf *flow, uint64_t seed, real *params);

/* Solve with these tolerances from now on; fixed steps have none. */
void cnf_set_tolerances(cnf *flow, double atol, double rtol);

/* log_density (n) <- log p(x) in nats for the n rows of x (n, D); any n. With a Hutchinson divergence, it is the
 * estimate of one probe per row, drawn from `probe`. Errors of this and the following calls: those of a solve
 * (solve.h) and of your own field. A fused flow returns none: a row whose state becomes infinite or NaN has such a
 * result. With adaptive steps, a row's result depends, within the tolerances, on the other rows of its part of the
 * batch. */
status cnf_log_density(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *log_density,
                       cnf_statistics *statistics);

/* The same; and z (n, D) <- the image z(T) of every row. */
status cnf_transform(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *z,
                     double *log_density, cnf_statistics *statistics);

/* x (n, D) <- samples: base points first .. first + n - 1 of `stream`, integrated from T to 0. z* is first
 * integrated from 0 to T, once for all points. */
status cnf_sample(cnf *flow, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                  cnf_statistics *statistics);

/* x (n, D) <- the points with images z (n, D), by integration from T to 0. x may be z. For a lifted flow, here and in
 * cnf_sample, a row is NaN if no such point was found. Errors: those of a solve. */
status cnf_invert(cnf *flow, const real *params, const real *z, size_t n, real *x, cnf_statistics *statistics);

/* Whether x -> z(T) of a lifted flow can be one-to-one. If it is not, its log-density is not that of a density. */
typedef struct cnf_injectivity {
    double least_singular_value; /* of dz(T)/dx over the points; 0 where the map is degenerate */
    double least_distance_ratio; /* |z_i - z_j| / |x_i - x_j|, over nearest neighbours by x or by z(T) */
    double folded; /* share of points whose det dz(T)/dx has the rarer sign: above 0, the map is not one-to-one */
} cnf_injectivity;

/* *out <- measurements at x (n, D), n >= 2. Errors: STATUS_INVALID for a flow that is not lifted; STATUS_MEMORY; those
 * of a solve. */
status cnf_examine(cnf *flow, const real *params, const real *x, size_t n, cnf_injectivity *out);

/* z (count, n, D) <- the positions of the rows of x (n, D) at the times (count), 0 <= t_0 <= t_1 <= ... <= T. With
 * fixed steps, each interval has its share of the steps, rounded up. Errors besides: STATUS_INVALID for other times,
 * for fused flows (set cnf_spec.general), and for lifted ones. */
status cnf_trajectory(cnf *flow, const real *params, const real *x, size_t n, size_t count, const double *times,
                      real *z);

/* dx (n, D) <- d log p/dx at the rows of x (n, D), through the steps or by the adjoint (spec.gradient); any n. Needs
 * kept_steps > 0; room (P) is overwritten. Costs a solve and its backward pass. Errors besides: STATUS_INVALID for
 * fused and lifted flows. */
status cnf_score(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *dx, real *room);

/* Return T at these parameters. */
double cnf_end_time(const cnf *flow, const real *params);

/* Return the number of steps of the flow's time, t = T step / steps, 0 <= step <= steps: data at 0, base at T. This is
 * the number of fixed steps, or CNF_MOMENTS. For a lifted flow, the next calls return STATUS_INVALID, except densities
 * and samples at step 0. */
size_t cnf_moment_steps(const cnf *flow);
/* Return t = T step / steps of a step, at these parameters. */
double cnf_moment_time(const cnf *flow, const real *params, size_t step);

/* log_density (n) <- log p_t(z) of z (n, D), where p_t is the density of z(t). At step 0 it is cnf_log_density. A
 * whole solve from t to T. */
status cnf_moment_log_density(cnf *flow, const real *params, size_t step, const real *z, size_t n, random_stream probe,
                              double *log_density);

/* z (n, D) <- the positions of cnf_sample's base points at t. A whole solve from T to t. */
status cnf_moment_sample(cnf *flow, const real *params, size_t step, random_stream stream, uint64_t first, size_t n,
                         real *z);

/* dz (n, D) <- f(z, c(t)) at z (n, D); c <- c(t): t, or z*(t) (A). step < steps. It integrates z* to t and evaluates
 * the field once. */
status cnf_moment_field(cnf *flow, const real *params, size_t step, const real *z, size_t n, real *dz, real *c);

/* *loss <- mean negative log-likelihood in nats of x (n, D); gradient (P) <- its gradient. With regularizers, the
 * gradient includes them and `loss` does not. Costs a solve and its backward pass. Errors besides: STATUS_INVALID
 * unless 1 <= n <= batch_max; STATUS_NON_FINITE if the loss or an entry of the gradient is not finite. */
status cnf_loss_gradient(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                         real *gradient, cnf_statistics *statistics);

AFFJORD_API_END

#endif
