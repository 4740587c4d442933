/* context.c - time and the augmented state. */
#include "context/context.h"

#include <assert.h>
#include <string.h>

#include "backend/memory.h"

struct context {
    context_spec spec;
    const backend_ops *backend;
    /* The following belongs to the augmented context. */
    mlp g; /* where M > 0 */
    size_t start; /* offset of z*(0) in the parameters, if it is learned */
    real *net; /* workspace of g */
    real *gradient; /* (count), workspace of one evaluation of g */
    real *state, *rate; /* (M), of paths */
    real *rk;
};

size_t context_dimension(const context *self) {
    return self->spec.dimension;
}
bool context_is_clock(const context *self) {
    return !self->spec.augmented;
}

void context_initialise(const context *self, uint64_t seed, real *params) {
    if (self->spec.moving == 0) return;
    mlp_initialise(&self->g, seed, params);
    if (!self->spec.learn_start) return;
    const random_stream stream = {.seed = seed, .purpose = RANDOM_INITIALISATION};
    for (size_t i = self->start; i < self->start + self->spec.moving; i++) {
        double u[4];
        random_uniform4(stream, i, 0, u);
        params[i] = (real)u[0];
    }
}

void context_start(const context *self, const real *params, real *c) {
    const backend_ops *backend = self->backend;
    backend->zero(backend, self->spec.dimension, c);
    if (self->spec.learn_start) backend->copy(backend, self->spec.moving, params + self->start, c);
}

void context_start_backward(const context *self, const real *cbar, real *gradient) {
    if (self->spec.learn_start && !self->spec.fixed)
        self->backend->add_rows(self->backend, 1, self->spec.moving, cbar, 0, gradient + self->start);
}

void context_rate(const context *self, const real *params, const real *c, real *dc) {
    if (self->spec.moving > 0) mlp_forward(&self->g, self->backend, 1, params, c, dc, self->net);
}

void context_rate_backward(const context *self, const real *params, const real *c, const real *k, real *cbar,
                           real *gradient) {
    if (self->spec.moving == 0) return;
    mlp_backward(&self->g, self->backend, 1, params, c, k, cbar, self->gradient, self->net);
    if (!self->spec.fixed)
        self->backend->add_rows(self->backend, 1, self->g.count, self->gradient, 0, gradient + self->g.first);
}

/* --- Paths --- */

/* State of a solve of the equation of z* alone. */
typedef struct path_solve {
    const context *self;
    const real *params;
    const real *path, *density; /* (evaluations, C), for the adjoint */
    real *gradient; /* (P), sums of parameters' gradients */
    double h; /* step, for the adjoint */
} path_solve;

static void path_evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation, (void)t;
    const path_solve *solve = argument;
    context_rate(solve->self, solve->params, y, dy);
}

/* ybar (M) <- k dg/dc at c, and gradient += weight k dg/dphi. */
static void vjp(const path_solve *solve, const real *c, const real *k, double weight, real *ybar) {
    const context *self = solve->self;
    const real *term = self->gradient;
    real *sum = solve->gradient + self->g.first;
    context_rate(self, solve->params, c, self->rate);
    mlp_backward(&self->g, self->backend, 1, solve->params, c, k, ybar, self->gradient, self->net);
    self->backend->combine(self->backend, self->g.count, sum, 1, &weight, &term, sum);
}

static void path_vjp(void *argument, size_t evaluation, const double *t, const real *y, const real *k, real *ybar) {
    (void)evaluation, (void)t;
    vjp(argument, y, k, 1, ybar);
}

static ode_system system_of(const context *self, path_solve *solve) {
    return (ode_system){.backend = self->backend,
                        .length = self->spec.dimension,
                        .context = solve,
                        .evaluate = path_evaluate,
                        .backward = path_vjp};
}

/* Integrate from one end of the fixed steps to the other. */
static void solve_along(const context *self, time_grid g, const ode_system *system, adaptive_record *record) {
    const solve_spec by = {.method = self->spec.method, .steps = g.steps};
    solve_integrate(&by, g.start, g.end, system, self->state, record, self->rk, NULL);
}

void context_path(const context *self, const real *params, time_grid g, real *path) {
    const tableau *method = self->spec.method;
    if (!self->spec.augmented) {
        for (size_t i = 0; i < g.steps * method->stages; i++) path[i] = (real)time_grid_time(g, method, i);
        return;
    }
    path_solve solve = {.self = self, .params = params};
    const ode_system system = system_of(self, &solve);
    context_start(self, params, self->state);
    if (g.start != 0) {
        const time_grid there = {.start = g.end, .end = g.start, .steps = g.steps};
        solve_along(self, there, &system, NULL);
    }
    adaptive_record record = {.capacity = g.steps, .states = path, .stages = true};
    solve_along(self, g, &system, &record);
}

void context_path_backward(const context *self, const real *params, time_grid g, const real *path, const real *pathbar,
                           real *gradient) {
    if (!self->spec.augmented || self->spec.fixed) return;
    path_solve solve = {.self = self, .params = params, .gradient = gradient};
    const ode_system system = system_of(self, &solve);
    memset(self->state, 0, self->spec.dimension * sizeof *self->state); /* nothing depends on z*(T) itself */
    const solve_spec by = {.method = self->spec.method, .steps = g.steps};
    const adaptive_record record = {.states = (real *)path,
                                    .stages = true,
                                    .sources = pathbar,
                                    .steps = g.steps,
                                    .start = g.start,
                                    .reached = g.end,
                                    .end = g.end};
    solve_backward(&by, &record, &system, self->state, self->rk, NULL);
    context_start_backward(self, self->state, gradient);
}

/* da_c/dt of the continuous adjoint, with the quadrature of the parameters' gradient. */
static void adjoint_evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)t;
    const path_solve *solve = argument;
    const tableau *method = solve->self->spec.method;
    const size_t C = solve->self->spec.dimension;
    const double weight = -solve->h * method->b[evaluation % method->stages];
    vjp(solve, solve->path + evaluation * C, y, weight, dy);
    for (size_t i = 0; i < C; i++) dy[i] = -dy[i] - solve->density[evaluation * C + i];
}

void context_path_adjoint(const context *self, const real *params, time_grid g, const real *path, const real *density,
                          real *gradient) {
    if (!self->spec.augmented || self->spec.fixed) return;
    path_solve solve = {
        .self = self, .params = params, .path = path, .density = density, .gradient = gradient, .h = time_grid_step(g)};
    ode_system system = system_of(self, &solve);
    system.evaluate = adjoint_evaluate;
    memset(self->state, 0, self->spec.dimension * sizeof *self->state);
    solve_along(self, g, &system, NULL);
    context_start_backward(self, self->state, gradient);
}

/* --- Creation --- */

status context_create(const context_spec *spec, const char *prefix, const backend_ops *backend, parameter_table *table,
                      arena *memory, context **out, error_info *err) {
    context *self;
    const size_t C = spec->dimension, M = spec->moving;
    if (M > C || (!spec->augmented && (C != 1 || M != 0)))
        return error_set(err, STATUS_INVALID, "%zu entries of z* that move, of %zu: expected no more than there are", M,
                         C);
    assert(!spec->method || !spec->augmented || M == C); /* paths have all entries */
    TRY(ARENA_NEW(memory, 1, &self));
    *self = (context){.spec = *spec, .backend = backend};
    *out = self;
    if (M == 0) return STATUS_OK;
    self->g = (mlp){.layers = 2, .size = {M, spec->width, M}, .activation = spec->activation};
    mlp_declare(&self->g, table, prefix);
    if (spec->learn_start) self->start = parameter_table_add(table, M, 1, "%s.start", prefix);
    TRY(BACKEND_NEW(backend, memory, mlp_workspace(&self->g, 1), &self->net));
    TRY(BACKEND_NEW(backend, memory, self->g.count, &self->gradient));
    if (!spec->method) return STATUS_OK;
    TRY(ARENA_NEW(memory, C, &self->state));
    TRY(ARENA_NEW(memory, C, &self->rate));
    const solve_spec by = {.method = spec->method};
    return ARENA_NEW(memory, solve_backward_workspace(&by, C), &self->rk);
}
