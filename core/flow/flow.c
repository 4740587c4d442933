/* flow.c - making a flow, its equation, and its solves forward and backward. */
#include "flow/flow.h"

#include <math.h>
#include <stdio.h>

#include "backend/memory.h"
#include "flow/flow_internal.h"

/* --- The equation --- */

flow_state flow_state_of(const ode_flow *self, size_t n) {
    flow_state at = {.l = n * self->D};
    at.moving = at.l + n;
    at.kinetic = at.moving + self->M;
    at.jacobian = at.kinetic + (self->spec.regularised ? n : 0);
    at.length = at.jacobian + (self->spec.regularised ? n : 0);
    return at;
}

status flow_see(const flow_solve *solve, const double *s, const real *moving) {
    ode_flow *self = solve->self;
    const backend_ops *backend = self->backend;
    if (self->M > 0) backend->copy(backend, self->M, moving, self->c);
    else if (context_is_clock(self->context)) backend->product(backend, self->T, s, self->c);
    return field_prepare(self->field, solve->params, self->c);
}

void flow_rate(const flow_solve *solve) {
    const ode_flow *self = solve->self;
    context_rate(self->context, solve->params, self->c, self->slope);
}

status flow_judge(const flow_solve *solve, status made, const double *s, size_t length, real *dy) {
    ode_flow *self = solve->self;
    const backend_ops *backend = self->backend;
    if (made != STATUS_OK && self->failed.code == STATUS_OK)
        self->failed = (flow_failure){
            .code = made, .time = backend_is_host(backend) ? *s * *self->T : NAN, .evaluation = self->evaluations};
    if (made != STATUS_OK) backend->fill(backend, length, 1, NAN, dy);
    self->evaluations++;
    return made;
}

status flow_outcome(const ode_flow *self, status solved) {
    return self->failed.code != STATUS_OK ? self->failed.code : solved;
}

void flow_basis(const ode_flow *self, size_t n, size_t d) {
    const backend_ops *backend = self->backend;
    backend->zero(backend, n * self->D, self->basis);
    backend->fill(backend, n, self->D, 1, self->basis + d);
}

field_values flow_one(const ode_flow *self, size_t n, const field_values *all) {
    real *const divergence = self->values + n * self->D + 3 * n;
    return (field_values){.divergence = divergence, .jacobian = all->jacobian ? divergence + n : NULL};
}

void flow_add(const ode_flow *self, size_t n, const real *x, real *y) {
    self->backend->add_rows(self->backend, 1, n, x, 0, y);
}

void flow_add_one(const ode_flow *self, size_t n, const field_values *one, const field_values *all) {
    flow_add(self, n, one->divergence, all->divergence);
    if (all->jacobian) flow_add(self, n, one->jacobian, all->jacobian);
}

/* With the exact trace: sum over all unit vectors of what is quadratic in e. */
static status forward_exact(const flow_solve *solve, const real *z, const field_values *out) {
    const ode_flow *self = solve->self;
    const size_t n = solve->n;
    const field_values one = flow_one(self, n, out);
    flow_basis(self, n, 0);
    TRY(field_forward(self->field, n, z, self->basis, out));
    for (size_t d = 1; d < self->D; d++) {
        flow_basis(self, n, d);
        TRY(field_forward(self->field, n, z, self->basis, &one));
        flow_add_one(self, n, &one, out);
    }
    return STATUS_OK;
}

bool flow_sums_basis(const ode_flow *self) {
    return self->spec.exact && (!self->field->traces || self->spec.regularised);
}

static status forward(const flow_solve *solve, const double *s, const real *y, const flow_state *at,
                      const field_values *out) {
    const ode_flow *self = solve->self;
    TRY(flow_see(solve, s, y + at->moving));
    if (solve->divergence && flow_sums_basis(self)) return forward_exact(solve, y, out);
    return field_forward(self->field, solve->n, y, self->spec.exact ? NULL : solve->e, out);
}

void flow_evaluate(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation;
    const flow_solve *solve = argument;
    const ode_flow *self = solve->self;
    const backend_ops *backend = self->backend;
    const flow_state at = flow_state_of(self, solve->n);
    const bool regularised = self->spec.regularised && solve->divergence;
    const field_values out = {.f = dy,
                              .divergence = dy + at.l,
                              .kinetic = regularised ? dy + at.kinetic : NULL,
                              .jacobian = regularised ? dy + at.jacobian : NULL};
    const status made = self->failed.code != STATUS_OK ? self->failed.code : forward(solve, s, y, &at, &out);
    if (flow_judge(solve, made, s, at.length, dy) != STATUS_OK) return;
    flow_rate(solve);
    backend->copy(backend, self->M, self->slope, dy + at.moving);
    if (!regularised) backend->zero(backend, at.length - at.kinetic, dy + at.kinetic);
    backend->scale_by(backend, at.length, self->T, dy, dy);
}

solve_spec flow_solver(const ode_flow *self, size_t n) {
    const flow_state at = flow_state_of(self, n);
    solve_spec solver = self->spec.solver;
    const size_t parts = self->M > 0 && !self->spec.state_error ? 2 : 1;
    solver.options.norm = (adaptive_norm){.parts = parts, .length = {at.moving, self->M}};
    return solver;
}

/* T <- that at these parameters, where it is not the same for all. */
static void set_end_time(const ode_flow *self, const real *params) {
    const backend_ops *backend = self->backend;
    if (self->spec.learn_end_time) backend->squares(backend, 1, 1, params + self->end_time, self->T);
}

flow_solve flow_begin(ode_flow *self, const real *params, size_t n) {
    field_set_params(self->field, params);
    set_end_time(self, params);
    self->failed = (flow_failure){.code = STATUS_OK};
    self->evaluations = 0;
    return (flow_solve){.self = self, .params = params, .n = n};
}

/* --- Solves --- */

static ode_system system_of(flow_solve *solve) {
    return (ode_system){.backend = solve->self->backend,
                        .length = flow_state_of(solve->self, solve->n).length,
                        .context = solve,
                        .evaluate = flow_evaluate,
                        .control = solve->self->control};
}

/* A solve over a part of [0, 1], on a grid with that part of its steps. */
static status solve_part(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                         adaptive_record *record, real *workspace, adaptive_statistics *statistics) {
    solve_spec part = *by;
    part.steps = (size_t)ceil((double)by->steps * fabs(end - start) - 1e-9);
    if (start != end) return solve_integrate(&part, start, end, system, y, record, workspace, statistics);
    *statistics = (adaptive_statistics){.time = end};
    return STATUS_OK;
}

static void scale(const ode_flow *self, size_t n, double by, real *x) {
    if (by != 1) self->backend->scale(self->backend, n, by, x, x);
}

static void add_sums(const ode_flow *self, size_t n, const flow_sums *sums) {
    const backend_ops *backend = self->backend;
    const flow_state at = flow_state_of(self, n);
    backend->accumulate(backend, n, self->state + at.l, sums->divergence);
    if (!self->spec.regularised || !sums->kinetic) return;
    scale(self, n, self->spec.kinetic_scale, self->state + at.kinetic);
    scale(self, n, self->spec.jacobian_scale, self->state + at.jacobian);
    backend->accumulate(backend, n, self->state + at.kinetic, sums->kinetic);
    backend->accumulate(backend, n, self->state + at.jacobian, sums->jacobian);
}

/* The state of a solve <- z and z*, and zeros; and back. */
static void begin_state(ode_flow *self, size_t n, const real *z, const real *moved) {
    const backend_ops *backend = self->backend;
    const flow_state at = flow_state_of(self, n);
    if (!context_is_clock(self->context)) backend->copy(backend, self->C, moved, self->c);
    backend->copy(backend, at.l, z, self->state);
    backend->zero(backend, at.length - at.l, self->state + at.l);
    backend->copy(backend, self->M, moved, self->state + at.moving);
}

status flow_integrate(ode_flow *self, const real *params, double from, size_t n, const real *e, bool keep, real *z,
                      real *moved, const flow_sums *sums, adaptive_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const flow_state at = flow_state_of(self, n);
    flow_solve solve = flow_begin(self, params, n);
    const ode_system system = system_of(&solve);
    const solve_spec solver = flow_solver(self, n);
    solve.divergence = true;
    solve.e = e;
    adaptive_record *record = keep && !self->spec.adjoint ? &self->record : NULL;
    begin_state(self, n, z, moved);
    TRY(flow_outcome(self, solve_part(&solver, from, 1, &system, self->state, record, self->solve, statistics)));
    backend->copy(backend, at.l, self->state, z);
    backend->copy(backend, self->M, self->state + at.moving, moved);
    if (keep && self->spec.adjoint) {
        backend->copy(backend, at.l, z, self->final);
        backend->copy(backend, self->M, moved, self->final + at.l);
    }
    add_sums(self, n, sums);
    return STATUS_OK;
}

static void evaluate_context(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation, (void)s;
    const flow_solve *solve = argument;
    const ode_flow *self = solve->self;
    context_rate(self->context, solve->params, y, dy);
    self->backend->scale_by(self->backend, self->M, self->T, dy, dy);
}

status flow_move_context(ode_flow *self, const real *params, double to, real *moved, adaptive_statistics *statistics) {
    if (self->M == 0) return STATUS_OK;
    flow_solve solve = {.self = self, .params = params};
    const ode_system system = {.backend = self->backend,
                               .length = self->M,
                               .context = &solve,
                               .evaluate = evaluate_context,
                               .control = self->control};
    set_end_time(self, params);
    self->failed = (flow_failure){.code = STATUS_OK};
    return solve_part(&self->spec.solver, 0, to, &system, moved, NULL, self->solve, statistics);
}

status flow_move(ode_flow *self, const real *params, double from, double to, size_t n, real *z, real *moved,
                 adaptive_statistics *statistics) {
    const flow_state at = flow_state_of(self, n);
    flow_solve solve = flow_begin(self, params, n);
    const ode_system system = system_of(&solve);
    const solve_spec solver = flow_solver(self, n);
    begin_state(self, n, z, moved);
    TRY(flow_outcome(self, solve_part(&solver, from, to, &system, self->state, NULL, self->solve, statistics)));
    self->backend->copy(self->backend, at.l, self->state, z);
    self->backend->copy(self->backend, self->M, self->state + at.moving, moved);
    return STATUS_OK;
}

status flow_field(ode_flow *self, const real *params, double at, size_t n, const real *z, real *c, real *dz) {
    const backend_ops *backend = self->backend;
    const flow_solve solve = flow_begin(self, params, n);
    backend->copy_to_device(backend, sizeof at, &at, self->room);
    if (!context_is_clock(self->context)) backend->copy(backend, self->C, c, self->c);
    TRY(flow_see(&solve, self->room, c));
    if (context_is_clock(self->context)) backend->copy(backend, 1, self->c, c);
    return field_forward(self->field, n, z, NULL, &(field_values){.f = dz});
}

/* --- Making --- */

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Reals of the workspace's parts, rounded up so that each is aligned. */
static size_t aligned(size_t reals) {
    return (reals + PARTIAL_SUMS - 1) / PARTIAL_SUMS * PARTIAL_SUMS;
}

typedef struct parts {
    size_t state, values, scaled, constant, basis, below, solve;
} parts;

static parts parts_of(const ode_flow *self) {
    const flow_spec *spec = &self->spec;
    const size_t n = self->batch_max, row = n * self->D, length = flow_state_of(self, n).length;
    const bool gradient = spec->kept_steps > 0;
    parts p = {.state = aligned(length), .values = aligned(row + 5 * n)};
    p.solve = solve_workspace(&spec->solver, largest(length, self->M));
    if (flow_sums_basis(self)) p.basis = aligned(row);
    if (gradient) p.scaled = aligned(row + 3 * n);
    if (gradient && spec->adjoint) p.constant = aligned(3 * n);
    if (gradient && flow_sums_basis(self)) p.below = aligned(row);
    if (gradient && spec->adjoint) {
        const size_t adjoint = flow_adjoint_length(self, n);
        p.state = aligned(largest(length, adjoint));
        p.solve = largest(p.solve, solve_workspace(&spec->solver, adjoint));
    } else if (gradient) {
        p.solve = largest(p.solve, solve_backward_workspace(&spec->solver, length));
    }
    return p;
}

size_t flow_workspace(const ode_flow *self) {
    const parts p = parts_of(self);
    return p.state + p.values + p.scaled + p.constant + p.basis + p.below + p.solve;
}

void flow_share(ode_flow *self, real *workspace, real *gradient) {
    const parts p = parts_of(self);
    self->state = workspace;
    self->values = self->state + p.state;
    self->scaled = self->values + p.values;
    self->constant = self->scaled + p.scaled;
    self->basis = self->constant + p.constant;
    self->below = self->basis + p.basis;
    self->solve = self->below + p.below;
    self->gradient = gradient;
}

static status build(ode_flow *self) {
    const flow_spec *spec = &self->spec;
    const backend_ops *backend = self->backend;
    arena *memory = &self->memory;
    const size_t n = self->batch_max;
    TRY(BACKEND_NEW(backend, memory, 1, &self->control));
    TRY(BACKEND_NEW(backend, memory, 1, &self->T));
    TRY(BACKEND_NEW(backend, memory, 1, &self->room));
    backend->copy_to_device(backend, sizeof *self->T, &spec->end_time, self->T);
    TRY(BACKEND_NEW(backend, memory, self->C, &self->c));
    TRY(BACKEND_NEW(backend, memory, self->C, &self->cbar));
    TRY(BACKEND_NEW(backend, memory, self->C - self->M, &self->still_bar));
    TRY(BACKEND_NEW(backend, memory, self->M, &self->slope));
    TRY(BACKEND_NEW(backend, memory, self->M, &self->g_bar));
    TRY(BACKEND_NEW(backend, memory, self->M, &self->g_below));
    if (spec->kept_steps == 0) return STATUS_OK;
    if (spec->adjoint) return BACKEND_NEW(backend, memory, n * self->D + self->M, &self->final);
    const size_t steps = spec->solver.steps ? spec->solver.steps : spec->kept_steps;
    self->record.capacity = steps;
    self->record.stages = spec->keep_stages;
    TRY(BACKEND_NEW(backend, memory, steps, &self->record.time));
    TRY(BACKEND_NEW(backend, memory, steps, &self->record.step));
    return BACKEND_NEW(backend, memory, flow_kept_bytes(self) / sizeof(real), &self->record.states);
}

static status make(ode_flow *self, const char *prefix, size_t first, parameter_table *table, error_info *err) {
    const flow_spec *spec = &self->spec;
    char name[PARAMETER_NAME_MAX];
    if (self->field->context != spec->context.dimension)
        return error_set(err, STATUS_INVALID,
                         "field %s: takes a context of %zu numbers; expected one of %zu, as the flow's is",
                         self->field->name, self->field->context, spec->context.dimension);
    if (spec->kept_steps > 0 && self->field->lacks)
        return error_set(err, STATUS_INVALID, "field %s: %s; expected all that a gradient needs, to train",
                         self->field->name, self->field->lacks);
    snprintf(name, sizeof name, "%.30scontext", prefix);
    TRY(context_create(&spec->context, name, self->backend, table, &self->memory, &self->context, err));
    if (spec->learn_end_time) self->end_time = parameter_table_add(table, 1, 1, "%.30send_time", prefix);
    self->first = first;
    self->count = table->total - first;
    return build(self);
}

status flow_create(const flow_spec *spec, const char *prefix, size_t batch_max, field **of, size_t first,
                   parameter_table *table, ode_flow **out, error_info *err) {
    arena memory = {0};
    ode_flow *self;
    field *taken = *of;
    *of = NULL;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) {
        field_destroy(&taken);
        return error_set(err, STATUS_MEMORY, "out of memory for a flow");
    }
    *self = (ode_flow){.spec = *spec,
                       .backend = taken->backend,
                       .memory = memory,
                       .field = taken,
                       .D = taken->dimension,
                       .C = spec->context.dimension,
                       .M = spec->context.moving,
                       .batch_max = batch_max};
    error_info reason = {"out of memory for a flow"};
    const status outcome = make(self, prefix, first, table, &reason);
    if (outcome != STATUS_OK) {
        error_describe(err, "%s", reason.text);
        flow_destroy(&self);
        return outcome;
    }
    *out = self;
    return STATUS_OK;
}

void flow_destroy(ode_flow **self) {
    if (!*self) return;
    field_destroy(&(*self)->field);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

size_t flow_dimension(const ode_flow *self) {
    return self->D;
}
const context *flow_context(const ode_flow *self) {
    return self->context;
}
flow_failure flow_failed(const ode_flow *self) {
    return self->failed;
}
size_t flow_bytes(const ode_flow *self) {
    return self->memory.bytes + field_bytes(self->field);
}

size_t flow_kept_bytes(const ode_flow *self) {
    const size_t length = flow_state_of(self, self->batch_max).length;
    return self->record.capacity * solve_kept(&self->spec.solver, length, self->record.stages) * sizeof(real);
}

void flow_initialise(const ode_flow *self, uint64_t seed, real *params) {
    field_initialise(self->field, seed, params);
    context_initialise(self->context, seed, params);
    if (self->spec.learn_end_time) params[self->end_time] = (real)sqrt(self->spec.end_time);
}

double flow_end_time(const ode_flow *self, const real *params) {
    if (!self->spec.learn_end_time) return self->spec.end_time;
    real root;
    self->backend->copy_to_host(self->backend, sizeof root, params + self->end_time, &root);
    return (double)root * (double)root;
}
