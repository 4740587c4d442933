/* flow_gradient.c - the gradient of a flow, two ways.
 *
 * discrete: the accepted steps are reversed from the states kept at their starts; exact for the computed solution,
 * sizes of steps taken as constants.
 *
 * adjoint (eq. 4, 5): with k(s) = (a, lbar, a*, Kbar, Rbar) the cotangents of the state, of which those of l, K and R
 * do not change,
 *   da/ds = -k . dF/dz,   da*_i/ds = -k . dF/dz*_i,   dL/dtheta = int_0^1 k . dF/dtheta ds,
 * solved from s = 1 back to 0 beside z and z* themselves. As F = T f, T is one of theta. */
#include "flow/flow_internal.h"

/* Cotangents of F's parts. */
typedef struct flow_cotangent {
    const real *z; /* (n, D) */
    const real *moving; /* (M) */
    const real *l; /* (n) */
    const real *kinetic, *jacobian; /* (n); NULL where not regularised */
} flow_cotangent;

/* The field's values and its reverse. With a sum over unit vectors, what does not depend on e counts once. */
static status backward_field(const flow_solve *solve, const real *z, const field_values *bar, const field_values *out,
                             real *zbar) {
    const ode_flow *self = solve->self;
    const size_t n = solve->n;
    if (!flow_sums_basis(self))
        return field_backward(self->field, n, z, self->spec.exact ? NULL : solve->e, bar, out, zbar);
    const field_values one = flow_one(self, n, out);
    const field_values rest = {.divergence = bar->divergence, .jacobian = bar->jacobian};
    flow_basis(self, n, 0);
    TRY(field_backward(self->field, n, z, self->basis, bar, out, zbar));
    for (size_t d = 1; d < self->D; d++) {
        flow_basis(self, n, d);
        TRY(field_backward(self->field, n, z, self->basis, &rest, &one, self->below));
        flow_add_one(self, n, &one, out);
        flow_add(self, n * self->D, self->below, zbar);
    }
    return STATUS_OK;
}

/* out (n) <- T k, for a k that may be NULL; returns out, or NULL. */
static real *scaled(const flow_solve *solve, size_t n, const real *k, real *out) {
    const backend_ops *backend = solve->self->backend;
    if (k) backend->scale_by(backend, n, solve->self->T, k, out);
    return k ? out : NULL;
}

/* What the context's own rate and its cotangent k (M) give to the gradient and to cbar. */
static void context_vjp(const flow_solve *solve, const real *k) {
    const ode_flow *self = solve->self;
    scaled(solve, self->M, k, self->g_bar);
    context_rate_backward(self->context, solve->params, self->c, self->g_bar, self->g_below, solve->gradient);
    flow_add(self, self->M, self->g_below, self->cbar);
}

/* All of F is T times something: k . dF/dT. */
static void end_time_vjp(const flow_solve *solve, const double *s, const flow_cotangent *k, const field_values *out) {
    const ode_flow *self = solve->self;
    const size_t n = solve->n;
    const bool clock = context_is_clock(self->context); /* c = T s */
    const dot_terms terms = {.count = 5,
                             .n = {n * self->D, n, n, n, self->M},
                             .a = {k->z, k->l, k->kinetic, k->jacobian, k->moving},
                             .b = {out->f, out->divergence, out->kinetic, out->jacobian, self->slope}};
    self->backend->time_backward(self->backend, &terms, s, clock ? self->cbar : NULL, solve->params + self->end_time,
                                 solve->gradient + self->end_time);
}

/* k . dF at *s, z, z*: zbar (n, D) and the flow's cbar (C) are overwritten, solve->gradient is added to. *out, in the
 * flow's `values`, gets f and what goes with it, and the flow's slope g. */
static status vjp(const flow_solve *solve, const double *s, const real *z, const real *moving, const flow_cotangent *k,
                  real *zbar, field_values *out) {
    ode_flow *self = solve->self;
    const size_t n = solve->n, row = n * self->D;
    real *const values = self->values, *const room = self->scaled;
    const field_values bar = {.f = scaled(solve, row, k->z, room),
                              .divergence = scaled(solve, n, k->l, room + row),
                              .kinetic = scaled(solve, n, k->kinetic, room + row + n),
                              .jacobian = scaled(solve, n, k->jacobian, room + row + 2 * n)};
    *out = (field_values){.f = values,
                          .divergence = values + row,
                          .kinetic = k->kinetic ? values + row + n : NULL,
                          .jacobian = k->jacobian ? values + row + 2 * n : NULL};
    TRY(self->failed.code); /* an earlier one did */
    TRY(flow_see(solve, s, moving));
    flow_rate(solve);
    TRY(backward_field(solve, z, &bar, out, zbar));
    TRY(field_accumulate(self->field, solve->params, self->c, solve->gradient, self->cbar));
    if (self->M > 0) context_vjp(solve, k->moving);
    if (self->spec.learn_end_time) end_time_vjp(solve, s, k, out);
    return STATUS_OK;
}

/* --- Through the steps --- */

static void backward_step(void *argument, size_t evaluation, const double *s, const real *y, const real *k,
                          real *ybar) {
    (void)evaluation;
    const flow_solve *solve = argument;
    const ode_flow *self = solve->self;
    const backend_ops *backend = self->backend;
    const flow_state at = flow_state_of(self, solve->n);
    const bool regularised = self->spec.regularised;
    const flow_cotangent bar = {.z = k,
                                .l = k + at.l,
                                .moving = k + at.moving,
                                .kinetic = regularised ? k + at.kinetic : NULL,
                                .jacobian = regularised ? k + at.jacobian : NULL};
    field_values out;
    if (flow_judge(solve, vjp(solve, s, y, y + at.moving, &bar, ybar, &out), s, at.length, ybar) != STATUS_OK) return;
    backend->zero(backend, at.length - at.l, ybar + at.l); /* nothing depends on l, K, R */
    backend->copy(backend, self->M, self->cbar, ybar + at.moving);
    flow_add(self, self->C - self->M, self->cbar + self->M, self->still_bar);
}

static status backward_discrete(flow_solve *solve, flow_weights bar, real *zbar, real *context_bar,
                                adaptive_statistics *statistics) {
    ode_flow *self = solve->self;
    const backend_ops *backend = self->backend;
    const size_t n = solve->n;
    const flow_state at = flow_state_of(self, n);
    const ode_system system = {.backend = backend,
                               .length = at.length,
                               .context = solve,
                               .evaluate = flow_evaluate,
                               .backward = backward_step,
                               .control = self->control};
    real *ybar = self->state;
    backend->copy(backend, at.l, zbar, ybar);
    backend->fill(backend, n, 1, bar.divergence, ybar + at.l);
    backend->copy(backend, self->M, context_bar, ybar + at.moving);
    if (self->spec.regularised) {
        backend->fill(backend, n, 1, bar.kinetic, ybar + at.kinetic);
        backend->fill(backend, n, 1, bar.jacobian, ybar + at.jacobian);
    }
    TRY(flow_outcome(self, solve_backward(&self->spec.solver, &self->record, &system, ybar, self->solve, statistics)));
    backend->copy(backend, at.l, ybar, zbar);
    backend->copy(backend, self->M, ybar + at.moving, context_bar);
    return STATUS_OK;
}

/* --- The adjoint equation --- */

/* Where the parts of its state are, in reals. */
typedef struct adjoint_state {
    size_t a, moving, a_moving, still, gradient, length;
} adjoint_state;

static adjoint_state adjoint_state_of(const ode_flow *self, size_t n) {
    adjoint_state at = {.a = n * self->D};
    at.moving = 2 * at.a;
    at.a_moving = at.moving + self->M;
    at.still = at.a_moving + self->M;
    at.gradient = at.still + self->C - self->M;
    at.length = at.gradient + self->count;
    return at;
}

size_t flow_adjoint_length(const ode_flow *self, size_t n) {
    return adjoint_state_of(self, n).length;
}

static void evaluate_adjoint(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation;
    const flow_solve *solve = argument;
    ode_flow *self = solve->self;
    const backend_ops *backend = self->backend;
    const size_t n = solve->n, row = n * self->D;
    const adjoint_state at = adjoint_state_of(self, n);
    const bool regularised = self->spec.regularised;
    const flow_cotangent bar = {.z = y + at.a,
                                .l = self->constant,
                                .moving = y + at.a_moving,
                                .kinetic = regularised ? self->constant + n : NULL,
                                .jacobian = regularised ? self->constant + 2 * n : NULL};
    field_values out;
    backend->zero(backend, self->count, solve->gradient + self->first);
    if (flow_judge(solve, vjp(solve, s, y, y + at.moving, &bar, dy + at.a, &out), s, at.length, dy) != STATUS_OK)
        return;
    backend->scale_by(backend, row, self->T, out.f, dy);
    backend->scale(backend, row, -1, dy + at.a, dy + at.a);
    backend->scale_by(backend, self->M, self->T, self->slope, dy + at.moving);
    backend->scale(backend, self->C, -1, self->cbar, dy + at.a_moving); /* moving, then still */
    backend->scale(backend, self->count, -1, solve->gradient + self->first, dy + at.gradient);
}

/* Without errors of z* of their own, z* and its cotangent count with the parameters' gradients, or not at all. */
static adaptive_norm adjoint_norm(const ode_flow *self, const adjoint_state *at) {
    const bool moving = self->M > 0 && !self->spec.state_error;
    adaptive_norm norm = {.parts = 2, .length = {at->a, at->a}};
    if (moving) norm.length[norm.parts++] = self->M, norm.length[norm.parts++] = self->M;
    if (!self->spec.seminorm) norm.length[norm.parts++] = at->length - (moving ? at->still : at->moving);
    return norm;
}

static status backward_adjoint(flow_solve *solve, flow_weights bar, real *zbar, real *context_bar, real *gradient,
                               adaptive_statistics *statistics) {
    ode_flow *self = solve->self;
    const backend_ops *backend = self->backend;
    const size_t n = solve->n, row = n * self->D;
    const adjoint_state at = adjoint_state_of(self, n);
    const ode_system system = {.backend = backend,
                               .length = at.length,
                               .context = solve,
                               .evaluate = evaluate_adjoint,
                               .control = self->control};
    solve_spec solver = self->spec.solver;
    solver.options.norm = adjoint_norm(self, &at);
    real *y = self->state;
    backend->copy(backend, row, self->final, y);
    backend->copy(backend, row, zbar, y + at.a);
    backend->copy(backend, self->M, self->final + row, y + at.moving);
    backend->copy(backend, self->M, context_bar, y + at.a_moving);
    backend->zero(backend, at.length - at.still, y + at.still);
    backend->fill(backend, n, 1, bar.divergence, self->constant);
    backend->fill(backend, n, 1, bar.kinetic, self->constant + n);
    backend->fill(backend, n, 1, bar.jacobian, self->constant + 2 * n);
    solve->gradient = self->gradient;
    TRY(flow_outcome(self, solve_integrate(&solver, 1, 0, &system, y, NULL, self->solve, statistics)));
    backend->copy(backend, row, y + at.a, zbar);
    backend->copy(backend, self->M, y + at.a_moving, context_bar);
    backend->copy(backend, self->C - self->M, y + at.still, self->still_bar);
    flow_add(self, self->count, y + at.gradient, gradient + self->first);
    return STATUS_OK;
}

status flow_backward(ode_flow *self, const real *params, size_t n, const real *e, flow_weights bar, real *zbar,
                     real *context_bar, real *gradient, adaptive_statistics *statistics) {
    flow_solve solve = flow_begin(self, params, n);
    solve.divergence = true;
    solve.e = e;
    solve.gradient = gradient;
    bar.kinetic *= self->spec.kinetic_scale;
    bar.jacobian *= self->spec.jacobian_scale;
    self->backend->zero(self->backend, self->C - self->M, self->still_bar);
    if (self->spec.adjoint) TRY(backward_adjoint(&solve, bar, zbar, context_bar, gradient, statistics));
    else TRY(backward_discrete(&solve, bar, zbar, context_bar, statistics));
    if (!context_is_clock(self->context)) /* the clock starts at 0 whatever comes */
        flow_add(self, self->C - self->M, self->still_bar, context_bar + self->M);
    return STATUS_OK;
}
