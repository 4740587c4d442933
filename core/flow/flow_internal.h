/* flow_internal.h - what the files of a flow share. */
#ifndef AFFJORD_FLOW_FLOW_INTERNAL_H
#define AFFJORD_FLOW_FLOW_INTERNAL_H

#include "base/arena.h"
#include "flow/flow.h"

struct ode_flow {
    flow_spec spec;
    const backend_ops *backend;
    arena memory; /* holds the flow itself */
    field *field;
    context *context;
    size_t end_time; /* offset of sqrt(T), where learned */
    size_t first, count; /* its range of parameters */
    size_t D, C, M;
    size_t batch_max;

    step_control *control; /* of the solve under way */
    double *T; /* (1), at the parameters of that solve */
    double *room; /* (1), a time */

    /* The context. */
    real *c, *cbar; /* (C) */
    real *slope; /* (M), g */
    real *g_bar; /* (M), cotangent of g */
    real *g_below; /* (M), what it gives to z* */
    real *still_bar; /* (C - M), cotangent of the entries that stand still */

    /* What a kept solve leaves. */
    adaptive_record record; /* of the discrete gradient */
    real *final; /* z and z* at the end, of the adjoint */

    /* Shared with other flows. */
    real *state, *values, *scaled, *constant, *basis, *below, *solve; /* parts of the workspace */
    real *gradient; /* (P), of an adjoint's right-hand side */
    flow_failure failed; /* in the solve under way */
    size_t evaluations; /* of the field in it, so far; on a device, of the steps that were recorded */
};

/* One solve under way. */
typedef struct flow_solve {
    ode_flow *self;
    const real *params;
    size_t n;
    bool divergence; /* wanted, and what is integrated beside it */
    const real *e; /* (n, D), unused where the divergence is exact */
    real *gradient; /* (P), of a reverse: what is added to */
} flow_solve;

/* Where the parts of a state are, in reals. */
typedef struct flow_state {
    size_t l, moving, kinetic, jacobian, length;
} flow_state;

flow_state flow_state_of(const ode_flow *self, size_t n);

/* Reals of an adjoint solve's state, [z | a | z* | a* | still entries' a | parameters' gradients]. */
size_t flow_adjoint_length(const ode_flow *self, size_t n);

/* The equation, for an flow_solve: dy <- F(s, y). */
void flow_evaluate(void *solve, size_t evaluation, const double *s, const real *y, real *dy);

/* The context at *s, z* (M), and the field's numbers there. */
status flow_see(const flow_solve *solve, const double *s, const real *moving);

/* slope (M) <- g(z*), at the context last seen. */
void flow_rate(const flow_solve *solve);

/* Whether the divergence is a sum over unit vectors: the field has no trace of its own, or |J e|^2 is wanted, whose sum is
 * over them too. */
bool flow_sums_basis(const ode_flow *self);

/* The solver with the norm of a forward state. */
solve_spec flow_solver(const ode_flow *self, size_t n);

/* A solve at these parameters, bound to the field, of z and z* alone. */
flow_solve flow_begin(ode_flow *self, const real *params, size_t n);

/* Note an evaluation of the field at *s, and whether it failed: dy (length) <- NaN then, which ends the solve soon. Returns
 * its outcome. */
status flow_judge(const flow_solve *solve, status made, const double *s, size_t length, real *dy);

/* The outcome of a solve, or of the field's failure in it. */
status flow_outcome(const ode_flow *self, status solved);

/* basis (n, D) <- the unit vector of number d. */
void flow_basis(const ode_flow *self, size_t n, size_t d);

/* Where one unit vector's share goes of what is summed over all, and its addition. */
field_values flow_one(const ode_flow *self, size_t n, const field_values *all);
void flow_add_one(const ode_flow *self, size_t n, const field_values *one, const field_values *all);

/* y (n) += x. */
void flow_add(const ode_flow *self, size_t n, const real *x, real *y);

#endif
