/* flow.h - one continuous normalizing flow: a field, its context, the solve, the divergence, the end time.
 *
 * Time is in units of the end time, s = t/T in [0, 1], so that T is a parameter like any other:
 *
 *   dz/ds = T f(z, c)      dl/ds = T e.(J e)      dK/ds = T |f|^2      dR/ds = T |J e|^2
 *   c = T s                                          the time (FFJORD)
 *   c = z*(s), dz*_i/ds = T g_i(z*) for i < M        the augmented state (AFFJORD), whose other entries are constant
 *
 * e is one probe for the whole solve. The exact divergence is the field's own trace, or uses every unit vector. The
 * state of a batch is [z (n, D) | l (n) | z* (M) | K (n) | R (n)]. The errors of z with l, and of z* (unless
 * `state_error`), choose the steps.
 *
 * Cotangents are those of a sum over rows, not of a mean, hence of order one. So the tolerances of an adjoint solve
 * have the same meaning for a batch of any size.
 *
 * Arrays are in the backend's memory, sums in double too; only flow_initialise writes to host memory. */
#ifndef AFFJORD_FLOW_FLOW_H
#define AFFJORD_FLOW_FLOW_H

#include "context/context.h"
#include "field/field.h"
#include "ode/solve.h"

typedef struct ode_flow ode_flow;

typedef struct flow_spec {
    context_spec context;
    double end_time; /* T at the start */
    bool learn_end_time; /* sqrt(T) is a parameter */
    bool exact; /* divergence: the field's own trace, or D evaluations of the field instead of one */
    bool regularized; /* integrate K and R */
    double kinetic_scale, jacobian_scale; /* their factors in the sums over flows */
    bool adjoint; /* gradient by the continuous adjoint (eq. 4, 5) instead of through the steps */
    bool seminorm; /* for the adjoint: errors of the parameters' gradients do not count */
    bool state_error; /* errors of z*, and of its cotangent in the adjoint, do not count by themselves */
    size_t kept_steps; /* limit of accepted steps of a solve with a gradient; 0: no gradient */
    bool keep_stages; /* store the states of all their stages, so that the backward solve need not evaluate them */
    solve_spec solver; /* the flow sets its norm */
} flow_spec;

/* The integrals of a flow for each row, summed over flows. */
typedef struct flow_sums {
    double *divergence; /* (n): l(1); all in the backend's memory */
    double *kinetic, *jacobian; /* (n): K(1), R(1); NULL without regularizers */
} flow_sums;

/* An evaluation of the field that failed and ended a solve. */
typedef struct flow_failure {
    status code; /* STATUS_OK: none */
    double time; /* t; NaN on a device */
    size_t evaluation; /* its number in the solve, from 0 */
} flow_failure;

/* Create a flow of a field for batches of up to batch_max. It takes the field over, also on failure, and sets *field
 * to NULL. It adds PREFIXcontext.0.weight, ..., if M > 0, and PREFIXend_time, if it is learned, to the table, which
 * has the field's parameters from `first` on. Workspace is separate, see flow_share. The caller owns *out. Errors:
 * STATUS_INVALID for a field with another context, or one without a backward pass if a gradient is requested; those
 * of context_create; STATUS_MEMORY. */
status flow_create(const flow_spec *spec, const char *prefix, size_t batch_max, field **field, size_t first,
                   parameter_table *table, ode_flow **out, error_info *err);
void flow_destroy(ode_flow **self);

/* Return the reals of workspace. Flows that are never solved at once share the largest, and a block of all
 * parameters (P); both are set after all flows are created, and `workspace` is NULL until then. */
size_t flow_share(ode_flow *self, real *workspace, real *gradient);

size_t flow_dimension(const ode_flow *self); /* D */
const context *flow_context(const ode_flow *self);
flow_failure flow_failed(const ode_flow *self); /* of the last solve */
size_t flow_bytes(const ode_flow *self); /* all memory, including stored steps */
size_t flow_kept_bytes(const ode_flow *self); /* the part for stored steps */

void flow_initialise(const ode_flow *self, uint64_t seed, real *params);

/* Solve with these tolerances from now on. */
void flow_set_tolerances(ode_flow *self, double atol, double rtol);

/* Return T at these parameters. */
double flow_end_time(const ode_flow *self, const real *params);

/* Integrate z (n, D) and, if augmented, the context c (C) from time `from` T to `to` T, which may be before it. If
 * sums is not NULL, `to` is 1, and the integrals along probes e (n, D) are added to it. `keep`: store what the
 * backward pass needs. n = 0 integrates the context alone, which needs no batch. Errors: those of solve_integrate; z
 * and c are then unspecified. */
status flow_integrate(ode_flow *self, const real *params, double from, double to, size_t n, const real *e, bool keep,
                      real *z, real *c, const flow_sums *sums, adaptive_statistics *statistics);

/* Backward pass of the last flow_integrate with `keep`, from 0, with the same arguments: zbar (n, D) and context_bar
 * (C), cotangents of its results, become those of its inputs, for cotangents of the sums that are equal for all
 * rows; add to gradient (P). Errors: those of solve_integrate. */
typedef struct flow_weights {
    double divergence, kinetic, jacobian;
} flow_weights;
status flow_backward(ode_flow *self, const real *params, size_t n, const real *e, flow_weights bar, real *zbar,
                     real *context_bar, real *gradient, adaptive_statistics *statistics);

/* dz (n, D) <- f(z, c(t)) at time `at` T, for the context c (C) there, if augmented; otherwise *c <- t. */
status flow_field(ode_flow *self, const real *params, double at, size_t n, const real *z, real *c, real *dz);

#endif
