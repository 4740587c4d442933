/* cnf.h - one continuous normalizing flow on R^D.
 *
 *   dz/dt = f(z, c(t); theta),  log p(x) = log N(z(T); 0, s^2 I) + int_0^T tr(df/dz) dt     (eq. 6, 8, 18)
 *
 * with x = z(0), on a fixed grid. FFJORD's context is c(t) = t; AFFJORD's is
 * c(t) = z*(t), d(z*)/dt = g(z*), one vector for the whole batch. */
#ifndef AFFJORD_FLOW_CNF_H
#define AFFJORD_FLOW_CNF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "base/export.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/real.h"
#include "base/status.h"
#include "field/parameters.h"
#include "ode/tableau.h"

AFFJORD_API_BEGIN

typedef enum cnf_context { CONTEXT_CLOCK, CONTEXT_AUGMENTED } cnf_context;
typedef enum cnf_divergence { DIVERGENCE_EXACT, DIVERGENCE_RADEMACHER, DIVERGENCE_GAUSSIAN } cnf_divergence;
typedef enum cnf_gradient { GRADIENT_DISCRETE, GRADIENT_ADJOINT } cnf_gradient;

enum { CNF_HIDDEN_MAX = 4, CNF_DIMENSION_MAX = TOY_DIMENSION_MAX };

/* Everything that defines a flow. */
typedef struct cnf_spec {
    size_t dimension; /* D, of the data: 1 .. CNF_DIMENSION_MAX */
    size_t width; /* W, hidden units of the field */
    cnf_context context;
    bool join; /* f sees [z, c] instead of z, besides its weights being made from c */
    size_t hypernet_layers; /* hidden layers of the hypernet: 1 .. CNF_HIDDEN_MAX */
    size_t hypernet_width; /* units of each of them */
    size_t augmented_dimension; /* A, of z*; unused by the clock */
    size_t augmented_width; /* hidden units of g */
    bool learn_start; /* z*(0) is a parameter, started at U[0, 1); otherwise it is zero */
    bool fixed_context; /* g and z*(0) stay as they were initialised: z*(t) is a random curve, and nothing is learned of
                         * how the field changes in time but the hypernet */
    double end_time; /* T */
    double base_variance; /* s^2 */
    tableau_id solver; /* the method, on a fixed grid of so many steps; a pair's estimate is not used */
    size_t steps;
    cnf_divergence divergence;
    cnf_gradient gradient;
    const backend_ops *backend; /* the device's operations; NULL for the best of this processor */
} cnf_spec;

/* Counters of the last call; evaluations of the field for each sample. */
typedef struct cnf_statistics {
    uint64_t evaluations_forward;
    uint64_t evaluations_backward;
} cnf_statistics;

typedef struct cnf cnf;

/* Make a flow whose gradient can be taken for up to `batch_max` points, with
 * all its workspace; `workers` (shared, not owned) splits the batch and may be NULL
 * for one thread. The results are the same bits for any number of threads.
 * Errors: STATUS_INVALID with the reason, STATUS_MEMORY. The caller owns *out. */
status cnf_create(const cnf_spec *spec, size_t batch_max, parallel *workers, cnf **out, failure *why);
void cnf_destroy(cnf **flow);

const cnf_spec *cnf_specification(const cnf *flow);

/* All that the flow has allocated. */
size_t cnf_bytes(const cnf *flow);

/* Names, shapes and offsets of the P parameters, which the caller holds in one
 * block of P reals. Valid as long as the flow. */
const parameter_table *cnf_parameters(const cnf *flow);

/* Initial parameters, params (P): every layer as PyTorch's Linear does. */
void cnf_initialise(const cnf *flow, uint64_t seed, real *params);

/* log_density (n) <- log p(x) in nats for the n rows of x (n, D); any n.
 * With a Hutchinson divergence the estimate of one probe for each row, drawn
 * from `probe`. Rows whose state leaves the finite numbers get what the
 * arithmetic gives. */
void cnf_log_density(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *log_density,
                     cnf_statistics *statistics);

/* The same, and the image z(T) of every row, z (n, D). */
void cnf_transform(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, real *z,
                   double *log_density, cnf_statistics *statistics);

/* x (n, D) <- points of the model: base points drawn from `stream`, numbers
 * first .. first + n - 1 of it, integrated from T back to 0, z* anew. */
void cnf_sample(cnf *flow, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                cnf_statistics *statistics);

/* The flow at a moment of its time, t = T step / steps, 0 <= step <= steps: at 0 it is data, at T the base. */
double cnf_moment_time(const cnf *flow, size_t step);

/* log_density (n) <- log p_t(z) of z (n, D), where p_t is the density of z(t): cnf_log_density at 0. */
void cnf_moment_log_density(cnf *flow, const real *params, size_t step, const real *z, size_t n, random_stream probe,
                            double *log_density);

/* z (n, D) <- where the base points of cnf_sample are at t, on their way to 0. */
void cnf_moment_sample(cnf *flow, const real *params, size_t step, random_stream stream, uint64_t first, size_t n,
                       real *z);

/* dz (n, D) <- f(z, c(t)) at z (n, D), and c <- c(t): t alone for the clock, z*(t) (A) if augmented. step < steps. */
void cnf_moment_field(cnf *flow, const real *params, size_t step, const real *z, size_t n, real *dz, real *c);

/* Mean negative log-likelihood in nats of x (n, D) and its gradient, gradient
 * (P), overwritten; 1 <= n <= batch_max, otherwise STATUS_INVALID. Returns STATUS_NON_FINITE if the loss or an entry of
 * the gradient is not finite. */
status cnf_loss_gradient(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                         real *gradient, cnf_statistics *statistics);

AFFJORD_API_END

#endif
