/* context.c - the clock and the augmented state. */
#include "field/context.h"

#include <string.h>

struct context {
    const context_ops *ops;
    const backend_ops *backend;
    const tableau *method;
    size_t dimension; /* C */
    /* What follows belongs to the augmented context. */
    mlp g;
    bool learn_start;
    size_t start; /* offset of z*(0) in the parameters, where learned */
    real *state; /* (C) */
    real *rk, *net; /* workspaces */
    real *cotangent; /* (C) */
    real *gradient; /* (P), of one evaluation; only g's range is used */
};

size_t context_dimension(const context *self) {
    return self->dimension;
}
void context_initialise(const context *self, uint64_t seed, real *params) {
    self->ops->initialise(self, seed, params);
}
void context_start(const context *self, const real *params, real *c) {
    self->ops->start(self, params, c);
}
void context_rate(const context *self, const real *params, const real *c, real *dc) {
    self->ops->rate(self, params, c, dc);
}
void context_rate_reverse(const context *self, const real *params, const real *c, const real *k, real *cbar,
                          real *gradient) {
    self->ops->rate_reverse(self, params, c, k, cbar, gradient);
}
void context_path(const context *self, const real *params, grid g, real *path) {
    self->ops->path(self, params, g, path);
}
void context_path_reverse(const context *self, const real *params, grid g, const real *path, const real *pathbar,
                          real *gradient) {
    self->ops->path_reverse(self, params, g, path, pathbar, gradient);
}
void context_path_adjoint(const context *self, const real *params, grid g, const real *path, const real *density,
                          real *gradient) {
    self->ops->path_adjoint(self, params, g, path, density, gradient);
}

/* The clock has no parameters and no equation. */

static void clock_initialise(const context *self, uint64_t seed, real *params) {
    (void)self, (void)seed, (void)params;
}

static void clock_start(const context *self, const real *params, real *c) {
    (void)self, (void)params;
    c[0] = 0;
}

static void clock_rate(const context *self, const real *params, const real *c, real *dc) {
    (void)self, (void)params, (void)c;
    dc[0] = 1;
}

static void clock_rate_reverse(const context *self, const real *params, const real *c, const real *k, real *cbar,
                               real *gradient) {
    (void)self, (void)params, (void)c, (void)k, (void)gradient;
    cbar[0] = 0;
}

static void clock_path(const context *self, const real *params, grid g, real *path) {
    (void)params;
    for (size_t i = 0; i < g.steps * self->method->stages; i++) path[i] = (real)grid_time(g, self->method, i);
}

static void clock_ignore(const context *self, const real *params, grid g, const real *path, const real *pathbar,
                         real *gradient) {
    (void)self, (void)params, (void)g, (void)path, (void)pathbar, (void)gradient;
}

static const context_ops clock_ops = {
    .name = "clock",
    .initialise = clock_initialise,
    .start = clock_start,
    .rate = clock_rate,
    .rate_reverse = clock_rate_reverse,
    .path = clock_path,
    .path_reverse = clock_ignore,
    .path_adjoint = clock_ignore,
};

status context_clock_create(const backend_ops *backend, const tableau *method, arena *memory, context **out) {
    context *self;
    TRY(ARENA_NEW(memory, 1, &self));
    *self = (context){.ops = &clock_ops, .backend = backend, .method = method, .dimension = 1};
    *out = self;
    return STATUS_OK;
}

/* The augmented state. An equation passes through these while it is solved. */
typedef struct augmented_solve {
    const context *self;
    const real *params;
    const real *path, *density; /* (evaluations, C), of the adjoint */
    real *gradient; /* (P), where parameters' gradients are gathered */
    double h; /* step, of the adjoint */
} augmented_solve;

static void augmented_start(const context *self, const real *params, real *c) {
    if (self->learn_start) memcpy(c, params + self->start, self->dimension * sizeof *c);
    else memset(c, 0, self->dimension * sizeof *c);
}

static void augmented_rate(const context *self, const real *params, const real *c, real *dc) {
    mlp_forward(&self->g, self->backend, 1, params, c, dc, self->net);
}

static void augmented_evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation, (void)t;
    const augmented_solve *solve = argument;
    augmented_rate(solve->self, solve->params, y, dy);
}

/* ybar (C) <- k dg/dc at c, and gradient += weight k dg/dphi. */
static void augmented_pull(const augmented_solve *solve, const real *c, const real *k, double weight, real *ybar) {
    const context *self = solve->self;
    mlp_forward(&self->g, self->backend, 1, solve->params, c, self->cotangent, self->net);
    mlp_reverse(&self->g, self->backend, 1, solve->params, c, k, ybar, self->gradient, self->net);
    const real *term = self->gradient + self->g.first;
    real *sum = solve->gradient + self->g.first;
    self->backend->combine(self->backend, self->g.count, sum, 1, &weight, &term, sum);
}

static void augmented_reverse(void *argument, size_t evaluation, const double *t, const real *y, const real *k,
                              real *ybar) {
    (void)evaluation, (void)t;
    augmented_pull(argument, y, k, 1, ybar);
}

static ode_system augmented_system(const context *self, augmented_solve *solve) {
    return (ode_system){.backend = self->backend,
                        .length = self->dimension,
                        .context = solve,
                        .evaluate = augmented_evaluate,
                        .reverse = augmented_reverse};
}

static void augmented_initialise(const context *self, uint64_t seed, real *params) {
    mlp_initialise(&self->g, seed, params);
    if (!self->learn_start) return;
    const random_stream stream = {.seed = seed, .purpose = RANDOM_INITIALISATION};
    for (size_t i = self->start; i < self->start + self->dimension; i++) {
        double u[4];
        random_uniform4(stream, i, 0, u);
        params[i] = (real)u[0];
    }
}

static void augmented_rate_reverse(const context *self, const real *params, const real *c, const real *k, real *cbar,
                                   real *gradient) {
    const augmented_solve solve = {.self = self, .params = params, .gradient = gradient};
    augmented_pull(&solve, c, k, 1, cbar);
}

/* The context's state from one end of a grid to the other. */
static void solve_along(const context *self, grid g, const ode_system *system, adaptive_record *record) {
    const solve_spec by = {.method = self->method, .steps = g.steps};
    solve_integrate(&by, g.start, g.end, system, self->state, record, self->rk, NULL);
}

static void augmented_path(const context *self, const real *params, grid g, real *path) {
    augmented_solve solve = {.self = self, .params = params};
    const ode_system system = augmented_system(self, &solve);
    augmented_start(self, params, self->state);
    if (g.start != 0) {
        const grid there = {.start = g.end, .end = g.start, .steps = g.steps};
        solve_along(self, there, &system, NULL);
    }
    adaptive_record record = {.capacity = g.steps, .states = path, .stages = true};
    solve_along(self, g, &system, &record);
}

static void augmented_path_reverse(const context *self, const real *params, grid g, const real *path,
                                   const real *pathbar, real *gradient) {
    augmented_solve solve = {.self = self, .params = params, .gradient = gradient};
    const ode_system system = augmented_system(self, &solve);
    memset(self->state, 0, self->dimension * sizeof *self->state); /* nothing looks at z*(T) itself */
    const solve_spec by = {.method = self->method, .steps = g.steps};
    const adaptive_record record = {.states = (real *)path,
                                    .stages = true,
                                    .sources = pathbar,
                                    .steps = g.steps,
                                    .start = g.start,
                                    .reached = g.end,
                                    .end = g.end};
    solve_reverse(&by, &record, &system, self->state, self->rk, NULL);
    if (self->learn_start)
        for (size_t i = 0; i < self->dimension; i++) gradient[self->start + i] += self->state[i];
}

/* da_c/dt of the continuous adjoint; the quadrature of the parameters' gradient rides along. */
static void augmented_adjoint_evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)t;
    const augmented_solve *solve = argument;
    const context *self = solve->self;
    const size_t C = self->dimension;
    const double weight = -solve->h * self->method->b[evaluation % self->method->stages];
    augmented_pull(solve, solve->path + evaluation * C, y, weight, dy);
    for (size_t i = 0; i < C; i++) dy[i] = -dy[i] - solve->density[evaluation * C + i];
}

static void augmented_path_adjoint(const context *self, const real *params, grid g, const real *path,
                                   const real *density, real *gradient) {
    augmented_solve solve = {
        .self = self, .params = params, .path = path, .density = density, .gradient = gradient, .h = grid_step(g)};
    ode_system system = augmented_system(self, &solve);
    system.evaluate = augmented_adjoint_evaluate;
    memset(self->state, 0, self->dimension * sizeof *self->state);
    solve_along(self, g, &system, NULL);
    if (self->learn_start)
        for (size_t i = 0; i < self->dimension; i++) gradient[self->start + i] += self->state[i];
}

static const context_ops augmented_ops = {
    .name = "augmented",
    .initialise = augmented_initialise,
    .start = augmented_start,
    .rate = augmented_rate,
    .rate_reverse = augmented_rate_reverse,
    .path = augmented_path,
    .path_reverse = augmented_path_reverse,
    .path_adjoint = augmented_path_adjoint,
};

status context_augmented_create(size_t dimension, size_t width, bool learn_start, const backend_ops *backend,
                                const tableau *method, parameter_table *table, arena *memory, context **out) {
    const solve_spec by = {.method = method};
    context *self;
    TRY(ARENA_NEW(memory, 1, &self));
    *self = (context){.ops = &augmented_ops,
                      .backend = backend,
                      .method = method,
                      .dimension = dimension,
                      .learn_start = learn_start,
                      .g = {.layers = 2, .size = {dimension, width, dimension}, .activation = MLP_ELU}};
    mlp_declare(&self->g, table, "context");
    if (learn_start) self->start = parameter_table_add(table, dimension, 1, "context.start");
    TRY(ARENA_NEW(memory, dimension, &self->state));
    TRY(ARENA_NEW(memory, dimension, &self->cotangent));
    TRY(ARENA_NEW(memory, solve_reverse_workspace(&by, dimension), &self->rk));
    TRY(ARENA_NEW(memory, mlp_workspace(&self->g, 1), &self->net));
    TRY(ARENA_NEW(memory, table->total, &self->gradient));
    *out = self;
    return STATUS_OK;
}
