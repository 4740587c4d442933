/* flow_equation.h - the right-hand side of a flow, T times what its field and its context give, and its reverse.
 *
 * The equation is that of flow.h. It is bound to parameters and a batch for the time of one solve. Where the divergence
 * is exact, it is the field's own trace, or a sum over all unit vectors. Arrays are in the backend's memory. */
#ifndef AFFJORD_FLOW_FLOW_EQUATION_H
#define AFFJORD_FLOW_FLOW_EQUATION_H

#include "flow/flow.h"

typedef struct flow_equation {
    const flow_spec *spec;
    const backend_ops *backend;
    field *field;
    context *context;
    size_t D, C, M;
    size_t end_time; /* offset of sqrt(T), where learned */
    double *T; /* (1), at the parameters of the solve under way */

    real *c, *cbar; /* (C): the context where it was last seen, and its cotangent */
    real *slope; /* (M), g there */
    real *g_bar; /* (M), cotangent of g */
    real *g_below; /* (M), what it gives to z* */
    real *values; /* (n D + 5 n): what the field gives, and one unit vector's share of it */
    real *scaled; /* (n D + 3 n): T times cotangents */
    real *basis; /* (n, D): a unit vector */
    real *below; /* (n, D): its share of a cotangent */

    /* The solve under way. */
    const real *params;
    size_t n;
    const real *e; /* (n, D); unused where the divergence is exact */
    bool divergence; /* is wanted, and what is integrated beside it */
    real *gradient; /* (P), of a reverse: what is added to */
    flow_failure failed;
    size_t evaluations; /* so far; on a device, of the steps that were recorded */
} flow_equation;

/* Cotangents of F's parts. */
typedef struct flow_cotangent {
    const real *z; /* (n, D) */
    const real *moving; /* (M) */
    const real *l; /* (n) */
    const real *kinetic, *jacobian; /* (n); NULL where not regularised */
} flow_cotangent;

/* Whether the divergence is a sum over unit vectors: the field has no trace of its own, or |J e|^2 is wanted, whose sum
 * is over them too. */
bool flow_equation_sums_basis(const flow_equation *self);

/* Bind to parameters, whose T is set, and to n rows: z and z* alone, with no divergence and no gradient yet. n = 0 is
 * the equation of z* alone. */
void flow_equation_begin(flow_equation *self, const real *params, size_t n);

/* The context at *s, z* (M), and the field's numbers there. */
status flow_equation_see(flow_equation *self, const double *s, const real *moving);

/* *out <- F / T of z (n, D) and the integrals at *s, and self->slope that of z* (M). Returns the field's status, or
 * that of an earlier evaluation of this solve which failed. */
status flow_equation_evaluate(flow_equation *self, const double *s, const real *z, const real *moving,
                              const field_values *out);

/* The reverse: k . dF, to zbar (n, D) and self->cbar (C), which are overwritten, and self->gradient, which is added to.
 * *out gets f and what goes with it, in self->values, and self->slope g. Returns as above. */
status flow_equation_backward(flow_equation *self, const double *s, const real *z, const real *moving,
                              const flow_cotangent *k, real *zbar, field_values *out);

#endif
