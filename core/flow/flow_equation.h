/* flow_equation.h - the right-hand side of a flow, T times its field's and its context's, and its backward pass.
 *
 * flow.h has the equation. It is bound to parameters and a batch during one solve. The exact divergence is the
 * field's own trace, or a sum over all unit vectors. Arrays are in the backend's memory. */
#ifndef AFFJORD_FLOW_FLOW_EQUATION_H
#define AFFJORD_FLOW_FLOW_EQUATION_H

#include "flow/flow.h"

typedef struct flow_equation {
    const flow_spec *spec;
    const backend_ops *backend;
    field *field;
    context *context;
    size_t D, C, M;
    size_t end_time; /* offset of sqrt(T), if it is learned */
    double *T; /* (1), at the parameters of the current solve */

    real *c, *cbar; /* (C): the context at the last evaluation, and its cotangent */
    real *slope; /* (M), g there */
    real *g_bar; /* (M), cotangent of g */
    real *g_below; /* (M), its contribution to the cotangent of z* */
    real *values; /* (n D + 5 n): the field's values, and one unit vector's share of them */
    real *scaled; /* (n D + 3 n): T times cotangents */
    real *basis; /* (n, D): a unit vector */
    real *below; /* (n, D): its share of a cotangent */

    /* The current solve. */
    const real *params;
    size_t n;
    const real *e; /* (n, D); unused for the exact divergence */
    bool divergence; /* whether it is requested, and the integrals beside it */
    real *gradient; /* (P), of a backward solve: the sum */
    flow_failure failed;
    size_t evaluations; /* so far; on a device, of the recorded steps */
} flow_equation;

/* Cotangents of F's parts. */
typedef struct flow_cotangent {
    const real *z; /* (n, D) */
    const real *moving; /* (M) */
    const real *l; /* (n) */
    const real *kinetic, *jacobian; /* (n); NULL without regularizers */
} flow_cotangent;

/* Return whether the divergence is a sum over unit vectors: the field lacks its own trace, or |J e|^2 is requested,
 * whose sum is over them too. */
bool flow_equation_sums_basis(const flow_equation *self);

/* Bind to parameters, with T set, and to n rows: z and z* alone, without divergence or gradient. n = 0: the equation
 * of z* alone. */
void flow_equation_begin(flow_equation *self, const real *params, size_t n);

/* Compute the context at *s, from z* (M), and the field's weights there. */
status flow_equation_see(flow_equation *self, const double *s, const real *moving);

/* *out <- F / T of z (n, D) and the integrals at *s; self->slope <- that of z* (M). Returns the field's status, or
 * that of an earlier failed evaluation of this solve. */
status flow_equation_evaluate(flow_equation *self, const double *s, const real *z, const real *moving,
                              const field_values *out);

/* Backward: k . dF; zbar (n, D) and self->cbar (C) are overwritten, self->gradient is added to. *out, in
 * self->values, <- the field's values; self->slope <- g. Returns as above. */
status flow_equation_backward(flow_equation *self, const double *s, const real *z, const real *moving,
                              const flow_cotangent *k, real *zbar, field_values *out);

#endif
