/* image_cnf_gradient.c - the gradient of a flow on images, two ways.
 *
 * discrete: the accepted steps are reversed from the states kept at their starts; exact for the computed solution, sizes
 * of steps taken as constants.
 *
 * adjoint (eq. 4, 5): with k(s) = (a, lbar, a*, Kbar, Rbar) the cotangents of the state, of which those of l, K and R do
 * not change,
 *   da/ds = -k . dF/dz,   da*_i/ds = -k . dF/dz*_i,   dL/dtheta = int_0^1 k . dF/dtheta ds,
 * solved from s = 1 back to 0 beside z and z* themselves. As F = T f, T is one of theta. */
#include <string.h>

#include "backend/lanes.h"
#include "flow/image_cnf_internal.h"

/* Cotangents of F's parts. */
typedef struct image_cotangent {
    const real *z; /* (n, D) */
    const real *moving; /* (M) */
    const real *l; /* (n) */
    const real *kinetic, *jacobian; /* (n); NULL where not regularised */
} image_cotangent;

/* The field's values and its reverse. With the exact trace, what does not depend on e counts once. */
static void reverse_field(const image_solve *solve, const real *z, const conv_values *bar, const conv_values *out,
                          real *zbar) {
    const image_cnf *self = solve->self;
    const size_t n = solve->n, row = n * self->D;
    if (!self->spec.exact) {
        conv_field_reverse(self->field, n, z, solve->e, bar, out, zbar);
        return;
    }
    const conv_values one = image_cnf_one(self, n, out);
    const conv_values rest = {.divergence = bar->divergence, .jacobian = bar->jacobian};
    image_cnf_basis(self, n, 0);
    conv_field_reverse(self->field, n, z, self->basis, bar, out, zbar);
    for (size_t d = 1; d < self->D; d++) {
        image_cnf_basis(self, n, d);
        conv_field_reverse(self->field, n, z, self->basis, &rest, &one, self->below);
        image_cnf_add_one(n, &one, out);
        for (size_t i = 0; i < row; i++) zbar[i] += self->below[i];
    }
}

/* out (n) <- T k, for a k that may be NULL; returns out, or NULL. */
static real *scaled(size_t n, double T, const real *k, real *out) {
    if (!k) return NULL;
    const real factor = (real)T;
    for (size_t i = 0; i < n; i++) out[i] = factor * k[i];
    return out;
}

/* 0 for a term that there is not. */
static double dot(size_t n, const real *a, const real *b) {
    return a && b ? lanes_dot(n, a, b) : 0;
}

/* k . dF at s, z, z*: zbar (n, D) and the flow's cbar (C) are overwritten, solve->gradient is added to. *out, in the
 * flow's `values`, gets f and what goes with it, and the flow's slope g. */
static void pull(const image_solve *solve, double s, const real *z, const real *moving, const image_cotangent *k,
                 real *zbar, conv_values *out) {
    image_cnf *self = solve->self;
    const size_t n = solve->n, row = n * self->D;
    real *const values = self->values, *const room = self->scaled;
    const conv_values bar = {.f = scaled(row, solve->T, k->z, room),
                             .divergence = scaled(n, solve->T, k->l, room + row),
                             .kinetic = scaled(n, solve->T, k->kinetic, room + row + n),
                             .jacobian = scaled(n, solve->T, k->jacobian, room + row + 2 * n)};
    *out = (conv_values){.f = values,
                         .divergence = values + row,
                         .kinetic = k->kinetic ? values + row + n : NULL,
                         .jacobian = k->jacobian ? values + row + 2 * n : NULL};
    image_cnf_see(solve, s, moving);
    image_cnf_rate(solve);
    reverse_field(solve, z, &bar, out, zbar);
    conv_field_collect(self->field, solve->params, self->c, solve->gradient, self->cbar);
    if (self->M > 0) {
        const real *part = self->gradients[0];
        scaled(self->M, solve->T, k->moving, self->g_bar);
        mlp_reverse(&self->g, self->backend, 1, solve->params, self->c, self->g_bar, self->g_below, self->gradients[0],
                    self->net);
        for (size_t i = self->g.first; i < self->g.first + self->g.count; i++) solve->gradient[i] += part[i];
        for (size_t i = 0; i < self->M; i++) self->cbar[i] += self->g_below[i];
    }
    if (!self->spec.learn_end_time) return;
    double bar_T = dot(row, k->z, out->f) + dot(n, k->l, out->divergence) + dot(n, k->kinetic, out->kinetic) +
                   dot(n, k->jacobian, out->jacobian) + dot(self->M, k->moving, self->slope);
    if (self->M == 0 && self->C == 1) bar_T += s * (double)self->cbar[0]; /* c = T s */
    solve->gradient[self->end_time] += (real)(2 * (double)solve->params[self->end_time] * bar_T);
}

/* --- Through the steps --- */

static void reverse_step(void *argument, size_t evaluation, double s, const real *y, const real *k, real *ybar) {
    (void)evaluation;
    const image_solve *solve = argument;
    const image_cnf *self = solve->self;
    const image_state at = image_state_of(self, solve->n);
    const bool regularised = self->spec.regularised;
    const image_cotangent bar = {.z = k,
                                 .l = k + at.l,
                                 .moving = k + at.moving,
                                 .kinetic = regularised ? k + at.kinetic : NULL,
                                 .jacobian = regularised ? k + at.jacobian : NULL};
    conv_values out;
    pull(solve, s, y, y + at.moving, &bar, ybar, &out);
    memset(ybar + at.l, 0, (at.length - at.l) * sizeof *ybar); /* nothing depends on l, K, R */
    memcpy(ybar + at.moving, self->cbar, self->M * sizeof *ybar);
    for (size_t i = self->M; i < self->C; i++) self->still_bar[i - self->M] += self->cbar[i];
}

static void fill(size_t n, double value, real *x) {
    for (size_t i = 0; i < n; i++) x[i] = (real)value;
}

static status reverse_discrete(image_solve *solve, image_cnf_weights bar, real *zbar, real *context_bar,
                               adaptive_statistics *statistics) {
    image_cnf *self = solve->self;
    const size_t n = solve->n;
    const image_state at = image_state_of(self, n);
    const ode_system system = {.backend = self->backend,
                               .length = at.length,
                               .context = solve,
                               .evaluate = image_cnf_evaluate,
                               .reverse = reverse_step};
    real *ybar = self->state;
    memcpy(ybar, zbar, n * self->D * sizeof *zbar);
    fill(n, bar.divergence, ybar + at.l);
    memcpy(ybar + at.moving, context_bar, self->M * sizeof *ybar);
    if (self->spec.regularised) {
        fill(n, bar.kinetic, ybar + at.kinetic);
        fill(n, bar.jacobian, ybar + at.jacobian);
    }
    TRY(solve_reverse(&self->spec.solver, &self->record, &system, ybar, self->solve, statistics));
    memcpy(zbar, ybar, n * self->D * sizeof *zbar);
    memcpy(context_bar, ybar + at.moving, self->M * sizeof *ybar);
    return STATUS_OK;
}

/* --- The adjoint equation --- */

/* Where the parts of its state are, in reals. */
typedef struct adjoint_state {
    size_t a, moving, a_moving, still, gradient, length;
} adjoint_state;

static adjoint_state adjoint_state_of(const image_cnf *self, size_t n) {
    adjoint_state at = {.a = n * self->D};
    at.moving = 2 * at.a;
    at.a_moving = at.moving + self->M;
    at.still = at.a_moving + self->M;
    at.gradient = at.still + self->C - self->M;
    at.length = at.gradient + self->count;
    return at;
}

size_t image_adjoint_length(const image_cnf *self, size_t n) {
    return adjoint_state_of(self, n).length;
}

static void evaluate_adjoint(void *argument, size_t evaluation, double s, const real *y, real *dy) {
    (void)evaluation;
    const image_solve *solve = argument;
    image_cnf *self = solve->self;
    const size_t n = solve->n, row = n * self->D;
    const adjoint_state at = adjoint_state_of(self, n);
    const bool regularised = self->spec.regularised;
    const image_cotangent bar = {.z = y + at.a,
                                 .l = self->constant,
                                 .moving = y + at.a_moving,
                                 .kinetic = regularised ? self->constant + n : NULL,
                                 .jacobian = regularised ? self->constant + 2 * n : NULL};
    conv_values out;
    memset(solve->gradient + self->first, 0, self->count * sizeof(real));
    pull(solve, s, y, y + at.moving, &bar, dy + at.a, &out);
    for (size_t i = 0; i < row; i++) {
        dy[i] = (real)solve->T * out.f[i];
        dy[at.a + i] = -dy[at.a + i];
    }
    for (size_t i = 0; i < self->M; i++) dy[at.moving + i] = (real)solve->T * self->slope[i];
    for (size_t i = 0; i < self->C; i++) dy[at.a_moving + i] = -self->cbar[i]; /* moving, then still */
    for (size_t i = 0; i < self->count; i++) dy[at.gradient + i] = -solve->gradient[self->first + i];
}

static adaptive_norm adjoint_norm(const image_cnf *self, const adjoint_state *at) {
    adaptive_norm norm = {.parts = 2, .length = {at->a, at->a}};
    if (self->M > 0) norm.length[norm.parts++] = self->M, norm.length[norm.parts++] = self->M;
    if (!self->spec.seminorm) norm.length[norm.parts++] = at->length - at->still;
    return norm;
}

static status reverse_adjoint(image_solve *solve, image_cnf_weights bar, real *zbar, real *context_bar, real *gradient,
                              adaptive_statistics *statistics) {
    image_cnf *self = solve->self;
    const size_t n = solve->n, row = n * self->D;
    const adjoint_state at = adjoint_state_of(self, n);
    const ode_system system = {
        .backend = self->backend, .length = at.length, .context = solve, .evaluate = evaluate_adjoint};
    solve_spec solver = self->spec.solver;
    solver.options.norm = adjoint_norm(self, &at);
    real *y = self->state;
    memset(y, 0, at.length * sizeof *y);
    memcpy(y, self->final, row * sizeof *y);
    memcpy(y + at.a, zbar, row * sizeof *y);
    memcpy(y + at.moving, self->final + row, self->M * sizeof *y);
    memcpy(y + at.a_moving, context_bar, self->M * sizeof *y);
    fill(n, bar.divergence, self->constant);
    fill(n, bar.kinetic, self->constant + n);
    fill(n, bar.jacobian, self->constant + 2 * n);
    solve->gradient = self->gradients[1];
    TRY(solve_integrate(&solver, 1, 0, &system, y, NULL, self->solve, statistics));
    memcpy(zbar, y + at.a, row * sizeof *y);
    memcpy(context_bar, y + at.a_moving, self->M * sizeof *y);
    memcpy(self->still_bar, y + at.still, (self->C - self->M) * sizeof *y);
    for (size_t i = 0; i < self->count; i++) gradient[self->first + i] += y[at.gradient + i];
    return STATUS_OK;
}

status image_cnf_reverse(image_cnf *self, const real *params, size_t n, const real *e, image_cnf_weights bar,
                         real *zbar, real *context_bar, real *gradient, adaptive_statistics *statistics) {
    image_solve solve = image_cnf_begin(self, params, n);
    solve.divergence = true;
    solve.e = e;
    solve.gradient = gradient;
    memset(self->still_bar, 0, (self->C - self->M) * sizeof *self->still_bar);
    if (self->spec.adjoint) TRY(reverse_adjoint(&solve, bar, zbar, context_bar, gradient, statistics));
    else TRY(reverse_discrete(&solve, bar, zbar, context_bar, statistics));
    if (self->C > 1) /* the clock starts at 0 whatever comes */
        for (size_t i = self->M; i < self->C; i++) context_bar[i] += self->still_bar[i - self->M];
    return STATUS_OK;
}
