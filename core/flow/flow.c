/* flow.c - create a flow; its solves, and its gradient by two methods.
 *
 * discrete: propagates backward through the accepted steps, from the states at their starts; exact for the computed
 * solution, with the step sizes as constants.
 *
 * adjoint (eq. 4, 5): with k(s) = (a, lbar, a*, Kbar, Rbar) the cotangents of the state, of which those of l, K and R
 * are constant,
 *
 *   da/ds = -k . dF/dz,   da*_i/ds = -k . dF/dz*_i,   dL/dtheta = int_0^1 k . dF/dtheta ds,
 *
 * solved from s = 1 to 0 together with z and z*. */
#include "flow/flow.h"

#include <math.h>
#include <stdio.h>

#include "backend/memory.h"
#include "base/arena.h"
#include "flow/flow_equation.h"

struct ode_flow {
    flow_spec spec;
    const backend_ops *backend;
    arena memory; /* owns the flow itself */
    flow_equation of;
    size_t first, count; /* its range of parameters */
    size_t batch_max;

    step_control *control; /* of the current solve */
    double *room; /* (1), a time */
    real *still_bar; /* (C - M), cotangent of the constant entries of z* */

    /* The results of a solve with `keep`. */
    adaptive_record record; /* for the discrete gradient */
    real *final; /* z and z* at the end, for the adjoint */

    /* Shared with other flows. */
    real *state, *constant, *solve; /* parts of the workspace */
    real *gradient; /* (P), for an adjoint's right-hand side */
};

/* Offsets of the parts of a state, in reals. */
typedef struct flow_state {
    size_t l, moving, kinetic, jacobian, length;
} flow_state;

static flow_state state_of(const ode_flow *self, size_t n) {
    const size_t regularized = self->spec.regularized ? n : 0;
    flow_state at = {.l = n * self->of.D};
    at.moving = at.l + n;
    at.kinetic = at.moving + self->of.M;
    at.jacobian = at.kinetic + regularized;
    at.length = at.jacobian + regularized;
    return at;
}

/* --- Solves --- */

/* dy (length) <- NaN after a failed evaluation, which soon ends the solve. */
static bool is_lost(const ode_flow *self, status made, size_t length, real *dy) {
    if (made != STATUS_OK) self->backend->fill(self->backend, length, 1, NAN, dy);
    return made != STATUS_OK;
}

static void evaluate(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation;
    ode_flow *self = argument;
    flow_equation *of = &self->of;
    const backend_ops *backend = self->backend;
    const flow_state at = state_of(self, of->n);
    const bool regularized = self->spec.regularized && of->divergence;
    const field_values out = {.f = dy,
                              .divergence = dy + at.l,
                              .kinetic = regularized ? dy + at.kinetic : NULL,
                              .jacobian = regularized ? dy + at.jacobian : NULL};
    if (is_lost(self, flow_equation_evaluate(of, s, y, y + at.moving, &out), at.length, dy)) return;
    backend->copy(backend, of->M, of->slope, dy + at.moving);
    if (!regularized) backend->zero(backend, at.length - at.kinetic, dy + at.kinetic);
    backend->scale_by(backend, at.length, of->T, dy, dy);
}

/* The solver with the norm of a state. */
static solve_spec solver_of(const ode_flow *self, const flow_state *at) {
    solve_spec solver = self->spec.solver;
    const size_t parts = self->of.M > 0 && !self->spec.state_error ? 2 : 1;
    solver.options.norm = (adaptive_norm){.parts = parts, .length = {at->moving, self->of.M}};
    if (at->moving == 0) solver.options.norm.parts = 0; /* z* alone */
    return solver;
}

static ode_system system_of(ode_flow *self, size_t length) {
    return (ode_system){
        .backend = self->backend, .length = length, .context = self, .evaluate = evaluate, .control = self->control};
}

/* Return the status of a solve, or of the field's failure in it. */
static status outcome_of(const ode_flow *self, status solved) {
    return self->of.failed.code != STATUS_OK ? self->of.failed.code : solved;
}

static void scale(const ode_flow *self, size_t n, double by, real *x) {
    if (by != 1) self->backend->scale(self->backend, n, by, x, x);
}

static void add_sums(const ode_flow *self, size_t n, const flow_sums *sums) {
    const backend_ops *backend = self->backend;
    const flow_state at = state_of(self, n);
    backend->accumulate(backend, n, self->state + at.l, sums->divergence);
    if (!self->spec.regularized || !sums->kinetic) return;
    scale(self, n, self->spec.kinetic_scale, self->state + at.kinetic);
    scale(self, n, self->spec.jacobian_scale, self->state + at.jacobian);
    backend->accumulate(backend, n, self->state + at.kinetic, sums->kinetic);
    backend->accumulate(backend, n, self->state + at.jacobian, sums->jacobian);
}

/* Solve for the state over a part of [0, 1]; of fixed steps, with the same part of the steps. */
static status solve_part(ode_flow *self, double start, double end, adaptive_record *record,
                         adaptive_statistics *statistics) {
    const flow_state at = state_of(self, self->of.n);
    const ode_system system = system_of(self, at.length);
    solve_spec part = solver_of(self, &at);
    part.steps = (size_t)ceil((double)part.steps * fabs(end - start) - 1e-9);
    *statistics = (adaptive_statistics){.time = end};
    if (start == end) return STATUS_OK;
    return outcome_of(self, solve_integrate(&part, start, end, &system, self->state, record, self->solve, statistics));
}

status flow_integrate(ode_flow *self, const real *params, double from, double to, size_t n, const real *e, bool keep,
                      real *z, real *moved, const flow_sums *sums, adaptive_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const flow_state at = state_of(self, n);
    flow_equation *of = &self->of;
    const bool adjoint = self->spec.adjoint;
    if (n == 0 && of->M == 0) return STATUS_OK;
    flow_equation_begin(of, params, n);
    of->divergence = sums != NULL;
    of->e = e;
    if (!context_is_clock(of->context)) backend->copy(backend, of->C, moved, of->c);
    backend->copy(backend, at.l, z, self->state);
    backend->zero(backend, at.length - at.l, self->state + at.l);
    backend->copy(backend, of->M, moved, self->state + at.moving);
    TRY(solve_part(self, from, to, keep && !adjoint ? &self->record : NULL, statistics));
    backend->copy(backend, at.l, self->state, z);
    backend->copy(backend, of->M, self->state + at.moving, moved);
    if (keep && adjoint) {
        backend->copy(backend, at.l, z, self->final);
        backend->copy(backend, of->M, moved, self->final + at.l);
    }
    if (sums) add_sums(self, n, sums);
    return STATUS_OK;
}

status flow_field(ode_flow *self, const real *params, double at, size_t n, const real *z, real *c, real *dz) {
    const backend_ops *backend = self->backend;
    flow_equation *of = &self->of;
    const bool clock = context_is_clock(of->context);
    flow_equation_begin(of, params, n);
    backend->copy_to_device(backend, sizeof at, &at, self->room);
    if (!clock) backend->copy(backend, of->C, c, of->c);
    TRY(flow_equation_see(of, self->room, c));
    if (clock) backend->copy(backend, 1, of->c, c);
    return field_forward(of->field, n, z, NULL, &(field_values){.f = dz});
}

/* --- The gradient through the steps --- */

static void add(const ode_flow *self, size_t n, const real *x, real *y) {
    self->backend->add_rows(self->backend, 1, n, x, 0, y);
}

static void backward_step(void *argument, size_t evaluation, const double *s, const real *y, const real *k,
                          real *ybar) {
    (void)evaluation;
    ode_flow *self = argument;
    flow_equation *of = &self->of;
    const backend_ops *backend = self->backend;
    const flow_state at = state_of(self, of->n);
    const bool regularized = self->spec.regularized;
    const flow_cotangent bar = {.z = k,
                                .l = k + at.l,
                                .moving = k + at.moving,
                                .kinetic = regularized ? k + at.kinetic : NULL,
                                .jacobian = regularized ? k + at.jacobian : NULL};
    field_values out;
    if (is_lost(self, flow_equation_backward(of, s, y, y + at.moving, &bar, ybar, &out), at.length, ybar)) return;
    backend->zero(backend, at.length - at.l, ybar + at.l); /* nothing depends on l, K, R */
    backend->copy(backend, of->M, of->cbar, ybar + at.moving);
    add(self, of->C - of->M, of->cbar + of->M, self->still_bar);
}

static status backward_discrete(ode_flow *self, flow_weights bar, real *zbar, real *context_bar,
                                adaptive_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const size_t n = self->of.n, M = self->of.M;
    const flow_state at = state_of(self, n);
    ode_system system = system_of(self, at.length);
    real *ybar = self->state;
    system.backward = backward_step;
    backend->copy(backend, at.l, zbar, ybar);
    backend->fill(backend, n, 1, bar.divergence, ybar + at.l);
    backend->copy(backend, M, context_bar, ybar + at.moving);
    if (self->spec.regularized) {
        backend->fill(backend, n, 1, bar.kinetic, ybar + at.kinetic);
        backend->fill(backend, n, 1, bar.jacobian, ybar + at.jacobian);
    }
    TRY(outcome_of(self, solve_backward(&self->spec.solver, &self->record, &system, ybar, self->solve, statistics)));
    backend->copy(backend, at.l, ybar, zbar);
    backend->copy(backend, M, ybar + at.moving, context_bar);
    return STATUS_OK;
}

/* --- The gradient by the adjoint equation --- */

/* Offsets of the parts of its state, in reals: [z | a | z* | a* | constant entries' a | parameters' gradients]. */
typedef struct adjoint_state {
    size_t a, moving, a_moving, still, gradient, length;
} adjoint_state;

static adjoint_state adjoint_state_of(const ode_flow *self, size_t n) {
    adjoint_state at = {.a = n * self->of.D};
    at.moving = 2 * at.a;
    at.a_moving = at.moving + self->of.M;
    at.still = at.a_moving + self->of.M;
    at.gradient = at.still + self->of.C - self->of.M;
    at.length = at.gradient + self->count;
    return at;
}

static void evaluate_adjoint(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation;
    ode_flow *self = argument;
    flow_equation *of = &self->of;
    const backend_ops *backend = self->backend;
    const size_t n = of->n;
    const adjoint_state at = adjoint_state_of(self, n);
    const bool regularized = self->spec.regularized;
    const flow_cotangent bar = {.z = y + at.a,
                                .l = self->constant,
                                .moving = y + at.a_moving,
                                .kinetic = regularized ? self->constant + n : NULL,
                                .jacobian = regularized ? self->constant + 2 * n : NULL};
    real *const gradient = of->gradient + self->first;
    field_values out;
    backend->zero(backend, self->count, gradient);
    if (is_lost(self, flow_equation_backward(of, s, y, y + at.moving, &bar, dy + at.a, &out), at.length, dy)) return;
    backend->scale_by(backend, at.a, of->T, out.f, dy);
    backend->scale(backend, at.a, -1, dy + at.a, dy + at.a);
    backend->scale_by(backend, of->M, of->T, of->slope, dy + at.moving);
    backend->scale(backend, of->C, -1, of->cbar, dy + at.a_moving); /* moving, then constant entries */
    backend->scale(backend, self->count, -1, gradient, dy + at.gradient);
}

/* If errors of z* do not count by themselves, z* and its cotangent count with the parameters' gradients, or not at
 * all. */
static adaptive_norm adjoint_norm(const ode_flow *self, const adjoint_state *at) {
    const size_t M = self->of.M;
    const bool moving = M > 0 && !self->spec.state_error;
    adaptive_norm norm = {.parts = 2, .length = {at->a, at->a}};
    if (moving) norm.length[norm.parts++] = M, norm.length[norm.parts++] = M;
    if (!self->spec.seminorm) norm.length[norm.parts++] = at->length - (moving ? at->still : at->moving);
    return norm;
}

static status backward_adjoint(ode_flow *self, flow_weights bar, real *zbar, real *context_bar, real *gradient,
                               adaptive_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const size_t n = self->of.n, M = self->of.M;
    const adjoint_state at = adjoint_state_of(self, n);
    ode_system system = system_of(self, at.length);
    solve_spec solver = self->spec.solver;
    real *y = self->state;
    system.evaluate = evaluate_adjoint;
    solver.options.norm = adjoint_norm(self, &at);
    backend->copy(backend, at.a, self->final, y);
    backend->copy(backend, at.a, zbar, y + at.a);
    backend->copy(backend, M, self->final + at.a, y + at.moving);
    backend->copy(backend, M, context_bar, y + at.a_moving);
    backend->zero(backend, at.length - at.still, y + at.still);
    backend->fill(backend, n, 1, bar.divergence, self->constant);
    backend->fill(backend, n, 1, bar.kinetic, self->constant + n);
    backend->fill(backend, n, 1, bar.jacobian, self->constant + 2 * n);
    self->of.gradient = self->gradient;
    TRY(outcome_of(self, solve_integrate(&solver, 1, 0, &system, y, NULL, self->solve, statistics)));
    backend->copy(backend, at.a, y + at.a, zbar);
    backend->copy(backend, M, y + at.a_moving, context_bar);
    backend->copy(backend, self->of.C - M, y + at.still, self->still_bar);
    add(self, self->count, y + at.gradient, gradient + self->first);
    return STATUS_OK;
}

status flow_backward(ode_flow *self, const real *params, size_t n, const real *e, flow_weights bar, real *zbar,
                     real *context_bar, real *gradient, adaptive_statistics *statistics) {
    flow_equation *of = &self->of;
    const size_t still = of->C - of->M;
    flow_equation_begin(of, params, n);
    of->divergence = true;
    of->e = e;
    of->gradient = gradient;
    bar.kinetic *= self->spec.kinetic_scale;
    bar.jacobian *= self->spec.jacobian_scale;
    self->backend->zero(self->backend, still, self->still_bar);
    if (self->spec.adjoint) TRY(backward_adjoint(self, bar, zbar, context_bar, gradient, statistics));
    else TRY(backward_discrete(self, bar, zbar, context_bar, statistics));
    if (!context_is_clock(of->context)) /* t starts at 0 in every case */
        add(self, still, self->still_bar, context_bar + of->M);
    return STATUS_OK;
}

/* --- Creation --- */

size_t flow_share(ode_flow *self, real *workspace, real *gradient) {
    flow_equation *of = &self->of;
    const solve_spec *by = &self->spec.solver;
    const size_t n = self->batch_max, row = n * of->D, length = state_of(self, n).length;
    const bool trains = self->spec.kept_steps > 0, adjoint = trains && self->spec.adjoint;
    const bool basis = flow_equation_sums_basis(of);
    const size_t joint = adjoint ? adjoint_state_of(self, n).length : 0, longest = joint > length ? joint : length;
    const struct part {
        real **at;
        size_t reals;
    } parts[] = {{&self->state, longest},
                 {&of->values, row + 5 * n},
                 {&of->scaled, trains ? row + 3 * n : 0},
                 {&self->constant, adjoint ? 3 * n : 0},
                 {&of->basis, basis ? row : 0},
                 {&of->below, basis && trains ? row : 0}};
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (workspace) *parts[i].at = workspace + used;
        used += (parts[i].reals + PARTIAL_SUMS - 1) / PARTIAL_SUMS * PARTIAL_SUMS; /* so that each is aligned */
    }
    if (workspace) self->solve = workspace + used;
    self->gradient = gradient;
    const size_t forward = solve_workspace(by, longest);
    const size_t backward = trains && !adjoint ? solve_backward_workspace(by, length) : 0;
    return used + (forward > backward ? forward : backward);
}

static status build(ode_flow *self) {
    const flow_spec *spec = &self->spec;
    const backend_ops *backend = self->backend;
    arena *memory = &self->memory;
    flow_equation *of = &self->of;
    const size_t C = of->C, M = of->M;
    TRY(BACKEND_NEW(backend, memory, 1, &self->control));
    TRY(BACKEND_NEW(backend, memory, 1, &of->T));
    TRY(BACKEND_NEW(backend, memory, 1, &self->room));
    backend->copy_to_device(backend, sizeof *of->T, &spec->end_time, of->T);
    TRY(BACKEND_NEW(backend, memory, C, &of->c));
    TRY(BACKEND_NEW(backend, memory, C, &of->cbar));
    TRY(BACKEND_NEW(backend, memory, C - M, &self->still_bar));
    TRY(BACKEND_NEW(backend, memory, M, &of->slope));
    TRY(BACKEND_NEW(backend, memory, M, &of->g_bar));
    TRY(BACKEND_NEW(backend, memory, M, &of->g_below));
    if (spec->kept_steps == 0) return STATUS_OK;
    if (spec->adjoint) return BACKEND_NEW(backend, memory, self->batch_max * of->D + M, &self->final);
    const size_t steps = spec->solver.steps ? spec->solver.steps : spec->kept_steps;
    self->record.capacity = steps;
    self->record.stages = spec->keep_stages;
    TRY(BACKEND_NEW(backend, memory, steps, &self->record.time));
    TRY(BACKEND_NEW(backend, memory, steps, &self->record.step));
    return BACKEND_NEW(backend, memory, flow_kept_bytes(self) / sizeof(real), &self->record.states);
}

static status make(ode_flow *self, const char *prefix, size_t first, parameter_table *table, error_info *err) {
    const flow_spec *spec = &self->spec;
    flow_equation *of = &self->of;
    char name[PARAMETER_NAME_MAX];
    if (of->field->context != spec->context.dimension)
        return error_set(err, STATUS_INVALID,
                         "field %s: takes a context of %zu numbers; expected one of %zu, as the flow's is",
                         of->field->name, of->field->context, spec->context.dimension);
    if (spec->kept_steps > 0 && of->field->lacks)
        return error_set(err, STATUS_INVALID, "field %s: %s; expected all that a gradient needs, to train",
                         of->field->name, of->field->lacks);
    snprintf(name, sizeof name, "%.30scontext", prefix);
    TRY(context_create(&spec->context, name, self->backend, table, &self->memory, &of->context, err));
    if (spec->learn_end_time) of->end_time = parameter_table_add(table, 1, 1, "%.30send_time", prefix);
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
    *self = (ode_flow){.spec = *spec, .backend = taken->backend, .memory = memory, .batch_max = batch_max};
    self->of = (flow_equation){.spec = &self->spec,
                               .backend = taken->backend,
                               .field = taken,
                               .D = taken->dimension,
                               .C = spec->context.dimension,
                               .M = spec->context.moving};
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
    field_destroy(&(*self)->of.field);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

size_t flow_dimension(const ode_flow *self) {
    return self->of.D;
}
const context *flow_context(const ode_flow *self) {
    return self->of.context;
}
flow_failure flow_failed(const ode_flow *self) {
    return self->of.failed;
}
size_t flow_bytes(const ode_flow *self) {
    return self->memory.bytes + field_bytes(self->of.field);
}

size_t flow_kept_bytes(const ode_flow *self) {
    const size_t length = state_of(self, self->batch_max).length;
    return self->record.capacity * solve_kept(&self->spec.solver, length, self->record.stages) * sizeof(real);
}

void flow_initialise(const ode_flow *self, uint64_t seed, real *params) {
    field_initialise(self->of.field, seed, params);
    context_initialise(self->of.context, seed, params);
    if (self->spec.learn_end_time) params[self->of.end_time] = (real)sqrt(self->spec.end_time);
}

void flow_set_tolerances(ode_flow *self, double atol, double rtol) {
    self->spec.solver.options.atol = atol;
    self->spec.solver.options.rtol = rtol;
}

double flow_end_time(const ode_flow *self, const real *params) {
    if (!self->spec.learn_end_time) return self->spec.end_time;
    real root;
    self->backend->copy_to_host(self->backend, sizeof root, params + self->of.end_time, &root);
    return (double)root * (double)root;
}
