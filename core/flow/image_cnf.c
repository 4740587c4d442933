/* image_cnf.c - making a flow, its equation, and its solves forward and backward. */
#include "flow/image_cnf.h"

#include <math.h>
#include <stdio.h>

#include "backend/memory.h"
#include "flow/image_cnf_internal.h"

/* --- The equation --- */

image_state image_state_of(const image_cnf *self, size_t n) {
    image_state at = {.l = n * self->D};
    at.moving = at.l + n;
    at.kinetic = at.moving + self->M;
    at.jacobian = at.kinetic + (self->spec.regularised ? n : 0);
    at.length = at.jacobian + (self->spec.regularised ? n : 0);
    return at;
}

void image_cnf_see(const image_solve *solve, const double *s, const real *moving) {
    image_cnf *self = solve->self;
    const backend_ops *backend = self->backend;
    if (self->M > 0) backend->copy(backend, self->M, moving, self->c);
    else if (self->spec.field.context == 1) backend->product(backend, self->T, s, self->c);
    conv_field_prepare(self->field, solve->params, self->c);
}

void image_cnf_rate(const image_solve *solve) {
    const image_cnf *self = solve->self;
    if (self->M > 0) mlp_forward(&self->g, self->backend, 1, solve->params, self->c, self->slope, self->net);
}

void image_cnf_basis(const image_cnf *self, size_t n, size_t d) {
    const backend_ops *backend = self->backend;
    backend->zero(backend, n * self->D, self->basis);
    backend->fill(backend, n, self->D, 1, self->basis + d);
}

conv_values image_cnf_one(const image_cnf *self, size_t n, const conv_values *all) {
    real *const divergence = self->values + n * self->D + 3 * n;
    return (conv_values){.divergence = divergence, .jacobian = all->jacobian ? divergence + n : NULL};
}

void image_cnf_add(const image_cnf *self, size_t n, const real *x, real *y) {
    self->backend->add_rows(self->backend, 1, n, x, 0, y);
}

void image_cnf_add_one(const image_cnf *self, size_t n, const conv_values *one, const conv_values *all) {
    image_cnf_add(self, n, one->divergence, all->divergence);
    if (all->jacobian) image_cnf_add(self, n, one->jacobian, all->jacobian);
}

/* With the exact trace: sum over all unit vectors of what is quadratic in e. */
static void evaluate_exact(const image_solve *solve, const real *z, const conv_values *out) {
    const image_cnf *self = solve->self;
    const size_t n = solve->n;
    const conv_values one = image_cnf_one(self, n, out);
    image_cnf_basis(self, n, 0);
    conv_field_evaluate(self->field, n, z, self->basis, out);
    for (size_t d = 1; d < self->D; d++) {
        image_cnf_basis(self, n, d);
        conv_field_evaluate(self->field, n, z, self->basis, &one);
        image_cnf_add_one(self, n, &one, out);
    }
}

void image_cnf_evaluate(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation;
    const image_solve *solve = argument;
    const image_cnf *self = solve->self;
    const backend_ops *backend = self->backend;
    const image_state at = image_state_of(self, solve->n);
    const bool regularised = self->spec.regularised && solve->divergence;
    const conv_values out = {.f = dy,
                             .divergence = dy + at.l,
                             .kinetic = regularised ? dy + at.kinetic : NULL,
                             .jacobian = regularised ? dy + at.jacobian : NULL};
    image_cnf_see(solve, s, y + at.moving);
    image_cnf_rate(solve);
    if (solve->divergence && self->spec.exact) evaluate_exact(solve, y, &out);
    else conv_field_evaluate(self->field, solve->n, y, solve->e, &out);
    backend->copy(backend, self->M, self->slope, dy + at.moving);
    if (!regularised) backend->zero(backend, at.length - at.kinetic, dy + at.kinetic);
    backend->scale_by(backend, at.length, self->T, dy, dy);
}

solve_spec image_cnf_solver(const image_cnf *self, size_t n) {
    const image_state at = image_state_of(self, n);
    solve_spec solver = self->spec.solver;
    solver.options.norm = (adaptive_norm){.parts = self->M > 0 ? 2 : 1, .length = {at.moving, self->M}};
    return solver;
}

/* T <- that at these parameters, where it is not the same for all. */
static void set_end_time(const image_cnf *self, const real *params) {
    const backend_ops *backend = self->backend;
    if (self->spec.learn_end_time) backend->squares(backend, 1, 1, params + self->end_time, self->T);
}

image_solve image_cnf_begin(image_cnf *self, const real *params, size_t n) {
    conv_field_bind(self->field, params);
    set_end_time(self, params);
    return (image_solve){.self = self, .params = params, .n = n};
}

/* --- Solves --- */

static ode_system system_of(image_solve *solve) {
    return (ode_system){.backend = solve->self->backend,
                        .length = image_state_of(solve->self, solve->n).length,
                        .context = solve,
                        .evaluate = image_cnf_evaluate,
                        .control = solve->self->control};
}

static void add_sums(const image_cnf *self, size_t n, const image_cnf_sums *sums) {
    const backend_ops *backend = self->backend;
    const image_state at = image_state_of(self, n);
    backend->accumulate(backend, n, self->state + at.l, sums->divergence);
    if (!self->spec.regularised || !sums->kinetic) return;
    backend->accumulate(backend, n, self->state + at.kinetic, sums->kinetic);
    backend->accumulate(backend, n, self->state + at.jacobian, sums->jacobian);
}

/* The state of a solve <- z and z*, and zeros; and back. */
static void begin_state(image_cnf *self, size_t n, const real *z, const real *context) {
    const backend_ops *backend = self->backend;
    const image_state at = image_state_of(self, n);
    if (self->spec.field.context > 1) backend->copy(backend, self->C, context, self->c);
    backend->copy(backend, at.l, z, self->state);
    backend->zero(backend, at.length - at.l, self->state + at.l);
    backend->copy(backend, self->M, context, self->state + at.moving);
}

status image_cnf_integrate(image_cnf *self, const real *params, size_t n, const real *e, bool keep, real *z,
                           real *context, const image_cnf_sums *sums, adaptive_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const image_state at = image_state_of(self, n);
    image_solve solve = image_cnf_begin(self, params, n);
    const ode_system system = system_of(&solve);
    const solve_spec solver = image_cnf_solver(self, n);
    solve.divergence = true;
    solve.e = e;
    adaptive_record *record = keep && !self->spec.adjoint ? &self->record : NULL;
    begin_state(self, n, z, context);
    TRY(solve_integrate(&solver, 0, 1, &system, self->state, record, self->solve, statistics));
    backend->copy(backend, at.l, self->state, z);
    backend->copy(backend, self->M, self->state + at.moving, context);
    if (keep && self->spec.adjoint) {
        backend->copy(backend, at.l, z, self->final);
        backend->copy(backend, self->M, context, self->final + at.l);
    }
    add_sums(self, n, sums);
    return STATUS_OK;
}

static void evaluate_context(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation, (void)s;
    const image_solve *solve = argument;
    const image_cnf *self = solve->self;
    mlp_forward(&self->g, self->backend, 1, solve->params, y, dy, self->net);
    self->backend->scale_by(self->backend, self->M, self->T, dy, dy);
}

status image_cnf_move_context(image_cnf *self, const real *params, real *context, adaptive_statistics *statistics) {
    if (self->M == 0) return STATUS_OK;
    image_solve solve = {.self = self, .params = params};
    const ode_system system = {.backend = self->backend,
                               .length = self->M,
                               .context = &solve,
                               .evaluate = evaluate_context,
                               .control = self->control};
    set_end_time(self, params);
    return solve_integrate(&self->spec.solver, 0, 1, &system, context, NULL, self->solve, statistics);
}

status image_cnf_invert(image_cnf *self, const real *params, size_t n, real *z, const real *context,
                        adaptive_statistics *statistics) {
    const image_state at = image_state_of(self, n);
    image_solve solve = image_cnf_begin(self, params, n);
    const ode_system system = system_of(&solve);
    const solve_spec solver = image_cnf_solver(self, n);
    begin_state(self, n, z, context);
    TRY(solve_integrate(&solver, 1, 0, &system, self->state, NULL, self->solve, statistics));
    self->backend->copy(self->backend, at.l, self->state, z);
    return STATUS_OK;
}

/* --- Making --- */

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Reals of the workspace's parts, rounded up so that each is aligned. */
static size_t aligned(size_t reals) {
    return (reals + LANES - 1) / LANES * LANES;
}

typedef struct parts {
    size_t state, values, scaled, constant, basis, below, solve;
} parts;

static parts parts_of(const image_cnf *self) {
    const image_cnf_spec *spec = &self->spec;
    const size_t n = self->batch_max, row = n * self->D, length = image_state_of(self, n).length;
    const bool gradient = spec->kept_steps > 0;
    parts p = {.state = aligned(length), .values = aligned(row + 5 * n)};
    p.solve = solve_workspace(&spec->solver, largest(length, self->M));
    if (spec->exact) p.basis = aligned(row);
    if (gradient) p.scaled = aligned(row + 3 * n);
    if (gradient && spec->adjoint) p.constant = aligned(3 * n);
    if (gradient && spec->exact) p.below = aligned(row);
    if (gradient && spec->adjoint) {
        const size_t adjoint = image_adjoint_length(self, n);
        p.state = aligned(largest(length, adjoint));
        p.solve = largest(p.solve, solve_workspace(&spec->solver, adjoint));
    } else if (gradient) {
        p.solve = largest(p.solve, solve_reverse_workspace(&spec->solver, length));
    }
    return p;
}

size_t image_cnf_workspace(const image_cnf *self) {
    const parts p = parts_of(self);
    return p.state + p.values + p.scaled + p.constant + p.basis + p.below + p.solve;
}

void image_cnf_share(image_cnf *self, real *workspace, real *gradients[2]) {
    const parts p = parts_of(self);
    self->state = workspace;
    self->values = self->state + p.state;
    self->scaled = self->values + p.values;
    self->constant = self->scaled + p.scaled;
    self->basis = self->constant + p.constant;
    self->below = self->basis + p.basis;
    self->solve = self->below + p.below;
    self->gradients[0] = gradients[0];
    self->gradients[1] = gradients[1];
}

static status build(image_cnf *self) {
    const image_cnf_spec *spec = &self->spec;
    const backend_ops *backend = self->backend;
    arena *memory = &self->memory;
    const size_t n = self->batch_max;
    TRY(BACKEND_NEW(backend, memory, 1, &self->control));
    TRY(BACKEND_NEW(backend, memory, 1, &self->T));
    backend->upload(backend, sizeof *self->T, &spec->end_time, self->T);
    TRY(BACKEND_NEW(backend, memory, self->C, &self->c));
    TRY(BACKEND_NEW(backend, memory, self->C, &self->cbar));
    TRY(BACKEND_NEW(backend, memory, self->C - self->M, &self->still_bar));
    TRY(BACKEND_NEW(backend, memory, self->M, &self->slope));
    TRY(BACKEND_NEW(backend, memory, self->M, &self->g_bar));
    TRY(BACKEND_NEW(backend, memory, self->M, &self->g_below));
    if (self->M > 0) TRY(BACKEND_NEW(backend, memory, mlp_workspace(&self->g, 1), &self->net));
    if (spec->kept_steps == 0) return STATUS_OK;
    if (spec->adjoint) return BACKEND_NEW(backend, memory, n * self->D + self->M, &self->final);
    const size_t steps = spec->solver.steps ? spec->solver.steps : spec->kept_steps;
    self->record.capacity = steps;
    self->record.stages = spec->keep_stages;
    TRY(BACKEND_NEW(backend, memory, steps, &self->record.time));
    TRY(BACKEND_NEW(backend, memory, steps, &self->record.step));
    return BACKEND_NEW(backend, memory, image_cnf_kept_bytes(self) / sizeof(real), &self->record.states);
}

status image_cnf_create(const image_cnf_spec *spec, const char *prefix, size_t batch_max, parallel *workers,
                        const backend_ops *backend, parameter_table *table, image_cnf **out, failure *why) {
    char name[PARAMETER_NAME_MAX];
    if (spec->moving > spec->field.context)
        return fail(why, STATUS_INVALID, "%zu entries of z* that move, of %zu: expected no more than there are",
                    spec->moving, spec->field.context);
    arena memory = {0};
    image_cnf *self;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a flow");
    *self = (image_cnf){.spec = *spec,
                        .backend = backend,
                        .memory = memory,
                        .first = table->total,
                        .D = spec->field.channels * spec->field.height * spec->field.width,
                        .C = spec->field.context,
                        .M = spec->moving,
                        .batch_max = batch_max};
    self->spec.field.batch = batch_max;
    snprintf(name, sizeof name, "%.30s.field", prefix);
    status outcome = conv_field_create(&self->spec.field, name, workers, backend, table, &self->field, why);
    if (outcome == STATUS_OK) {
        if (self->M > 0) {
            self->g = (mlp){.layers = 2, .size = {self->M, self->M, self->M}, .activation = MLP_TANH};
            snprintf(name, sizeof name, "%.30s.context", prefix);
            mlp_declare(&self->g, table, name);
        }
        if (spec->learn_end_time) self->end_time = parameter_table_add(table, 1, 1, "%.30s.end_time", prefix);
        self->count = table->total - self->first;
        outcome = build(self);
        if (outcome != STATUS_OK) failure_describe(why, "out of memory for a flow");
    }
    if (outcome != STATUS_OK) {
        image_cnf_destroy(&self);
        return outcome;
    }
    *out = self;
    return STATUS_OK;
}

void image_cnf_destroy(image_cnf **self) {
    if (!*self) return;
    conv_field_destroy(&(*self)->field);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

size_t image_cnf_dimension(const image_cnf *self) {
    return self->D;
}
size_t image_cnf_context(const image_cnf *self) {
    return self->C;
}
size_t image_cnf_bytes(const image_cnf *self) {
    return self->memory.bytes + conv_field_bytes(self->field);
}

size_t image_cnf_kept_bytes(const image_cnf *self) {
    const size_t length = image_state_of(self, self->batch_max).length;
    return self->record.capacity * solve_kept(&self->spec.solver, length, self->record.stages) * sizeof(real);
}

void image_cnf_initialise(const image_cnf *self, uint64_t seed, real *params) {
    conv_field_initialise(self->field, seed, params);
    if (self->M > 0) mlp_initialise(&self->g, seed, params);
    if (self->spec.learn_end_time) params[self->end_time] = (real)sqrt(self->spec.end_time);
}

double image_cnf_end_time(const image_cnf *self, const real *params) {
    if (!self->spec.learn_end_time) return self->spec.end_time;
    real root;
    self->backend->download(self->backend, sizeof root, params + self->end_time, &root);
    return (double)root * (double)root;
}
