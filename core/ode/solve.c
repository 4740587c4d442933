/* solve.c - y+ = y + h sum_i b_i k_i, k_i = F(t + c_i h, Y_i), Y_i = y + h sum_{j<i} a_ij k_j, with fixed steps, or
 * with h chosen to keep h sum_i (b_i - bhat_i) k_i within tolerances; and the backward solve from its record.
 *
 * Stage s is the derivative at the step's end: its row of a is b, so Y_s is the step's result. Backward: with ybar+ the
 * cotangent of y+, from the last stage to the first,
 *
 *   kbar_i = h b_i ybar+ + h sum_{j>i} a_ji Ybar_j,  Ybar_i = (dF/dy)^T kbar_i,  ybar = ybar+ + sum_i Ybar_i
 *
 * (Hager 2000: the backward solve is a Runge-Kutta method too). */
#include "ode/solve.h"

#include <math.h>
#include <stdint.h>

#include "backend/memory.h"

/* A solve in progress, forward or backward. */
typedef struct solver {
    const solve_spec *by;
    const ode_system *system;
    const backend_ops *backend;
    step_control *control; /* in the backend's memory, with the coefficients of the current step */
    size_t n, stages; /* stages: s; in the backward solve, those of its steps */
    bool host;
    const adaptive_record *record; /* NULL: store nothing */
    size_t kept_stride; /* reals that it stores per step */
    size_t evaluation; /* number of the next evaluation; with fixed steps, of stage 0's */
    real *k[RK_WEIGHTS_MAX]; /* (n) each, the derivatives; in the backward solve, the cotangents of the Y_i */
    real *y; /* (n) the last accepted state; in the backward solve, its cotangent */
    real *next; /* (n) an attempt's or a stage's state; in the backward solve, kbar */
    real *states; /* (s + 1, n), for the backward solve */
} solver;

size_t solve_workspace(const solve_spec *by, size_t length) {
    return (by->method->stages + (by->steps ? 1 : 3)) * length;
}

size_t solve_backward_workspace(const solve_spec *by, size_t length) {
    return (2 * by->method->stages + 3) * length;
}

/* An adaptive step whose result was interpolated uses its last stage. */
size_t solve_kept(const solve_spec *by, size_t length, bool stages) {
    return stages ? (by->method->stages + (by->steps ? 0 : 1)) * length : length;
}

static solver solver_of(const solve_spec *by, const ode_system *system, const adaptive_record *record,
                        step_control *own) {
    return (solver){.by = by,
                    .system = system,
                    .backend = system->backend,
                    .control = system->control ? system->control : own,
                    .n = system->length,
                    .stages = by->method->stages,
                    .host = backend_is_host(system->backend),
                    .record = record,
                    .kept_stride = record ? solve_kept(by, system->length, record->stages) : 0};
}

static step_control control_of(const solver *s, double start, double end) {
    const adaptive_record *record = s->record;
    return (step_control){.method = *s->by->method,
                          .start = start,
                          .end = end,
                          .fixed_steps = s->by->steps,
                          .capacity = record ? record->capacity : SIZE_MAX,
                          .times = record ? record->time : NULL,
                          .sizes = record ? record->step : NULL,
                          .going = 1};
}

static void decide(const solver *s, step_action action) {
    s->backend->decide(s->backend, action, s->control);
}

/* Call step(s) until the solve ends: by the backend, or in a loop. */
static void repeat(solver *s, void (*step)(void *argument)) {
    if (s->backend->repeat) s->backend->repeat(s->backend, step, s, &s->control->going);
    else
        while (s->control->going) step(s);
}

/* --- A step --- */

/* Store y (n), the Y_i of stage i, in the record of the current step. */
static void keep(const solver *s, size_t i, const real *y) {
    s->backend->copy_slot(s->backend, s->n, &s->control->steps, y, 0, s->record->states + i * s->n, s->kept_stride);
}

/* k[i] <- stage i, for i = first .. last - 1, from y (n) and earlier stages; the numbers of evaluations start at
 * `evaluation`. Y_i is written to states + i * stride; stride 0 uses one buffer (n) for all, which then has the
 * last. */
static void make_stages(const solver *s, size_t first, size_t last, size_t evaluation, bool kept, const real *y,
                        real *states, size_t stride) {
    const step_coefficients *coefficients = &s->control->coefficients;
    for (size_t i = first; i < last; i++) {
        real *state = states + i * stride;
        s->backend->combine(s->backend, s->n, y, i, coefficients->stage[i], (const real *const *)s->k, state);
        if (kept) keep(s, i, state);
        s->system->evaluate(s->system->context, evaluation + i, &coefficients->time[i], state, s->k[i]);
    }
}

/* Propagate backward through the stages and their sum: s->y, the cotangent of that sum, becomes that of the step's
 * start. `states` (stages, n) has the Y_i; `sources` (stages, n), if not NULL, more cotangents of them. */
static void backward_stages(const solver *s, const real *states, const real *sources) {
    const backend_ops *backend = s->backend;
    const step_coefficients *coefficients = &s->control->coefficients;
    const real *terms[RK_WEIGHTS_MAX]; /* ybar+, then the Ybar of later stages */
    for (size_t i = s->stages; i-- > 0;) {
        terms[0] = s->y;
        for (size_t j = i + 1; j < s->stages; j++) terms[j - i] = s->k[j];
        backend->zero(backend, s->n, s->next);
        backend->combine(backend, s->n, s->next, s->stages - i, coefficients->backward[i], terms, s->next);
        s->system->backward(s->system->context, s->evaluation + i, &coefficients->time[i], states + i * s->n, s->next,
                            s->k[i]);
        if (sources) {
            const real *source = sources + i * s->n;
            backend->combine(backend, s->n, s->k[i], 1, coefficients->one, &source, s->k[i]);
        }
    }
    backend->combine(backend, s->n, s->y, s->stages, coefficients->one, (const real *const *)s->k, s->y);
}

/* --- Fixed steps --- */

static void grid_step_once(void *argument) {
    solver *s = argument;
    const bool stages = s->record && s->record->stages;
    if (s->record && !stages) keep(s, 0, s->y);
    if (stages && s->host)
        make_stages(s, 0, s->stages, s->evaluation, false, s->y, s->record->states + s->evaluation * s->n, s->n);
    else make_stages(s, 0, s->stages, s->evaluation, stages, s->y, s->next, 0);
    s->backend->combine(s->backend, s->n, s->y, s->stages, s->control->coefficients.stage[s->stages],
                        (const real *const *)s->k, s->y);
    decide(s, STEP_DONE);
    s->evaluation += s->stages;
}

static status integrate_grid(const solve_spec *by, time_grid g, const ode_system *system, real *y,
                             adaptive_record *record, real *workspace, adaptive_statistics *count) {
    const backend_ops *backend = system->backend;
    step_control own = {.going = 0};
    solver s = solver_of(by, system, record, &own);
    if (!system->control && !s.host) return STATUS_INVALID;
    if (record && record->capacity < g.steps) return STATUS_RECORD_FULL;
    s.y = y;
    s.next = workspace;
    for (size_t i = 0; i < s.stages; i++) s.k[i] = workspace + (i + 1) * s.n;
    if (record) record->steps = g.steps, record->start = g.start, record->reached = record->end = g.end;
    step_control c = control_of(&s, g.start, g.end);
    step_control_begin_fixed(&c);
    backend->copy_to_device(backend, sizeof c, &c, s.control);
    repeat(&s, grid_step_once);
    *count = (adaptive_statistics){.evaluations = g.steps * s.stages, .accepted = g.steps, .time = g.end};
    count->smallest = count->largest = fabs(time_grid_step(g));
    return backend->is_finite(backend, s.n, y) ? STATUS_OK : STATUS_NON_FINITE;
}

/* --- Adaptive steps --- */

static bool is_size(double x) {
    return x >= 0 && isfinite(x);
}

static bool valid(const solver *s, double start, double end) {
    const adaptive_options *o = &s->by->options;
    if (!s->system->control && !s->host) return false;
    if (!tableau_is_pair(s->by->method) || !isfinite(start) || !isfinite(end)) return false;
    if (!is_size(o->atol) || o->atol == 0 || !is_size(o->rtol)) return false;
    if (!is_size(o->first_step) || !is_size(o->min_step) || !is_size(o->max_step)) return false;
    if (o->max_step != 0 && o->max_step < o->min_step) return false;
    size_t rest = s->n;
    if (rest == 0 || o->norm.parts > ADAPTIVE_PARTS_MAX) return false;
    for (size_t part = 0; part < o->norm.parts; rest -= o->norm.length[part++])
        if (o->norm.length[part] == 0 || o->norm.length[part] > rest) return false;
    return true;
}

/* *out <- norm of sum_j weight_j k_j, with tolerances by the states a and b. `whole`: NaN also if a state or the
 * last derivative is not finite where the norm does not look. */
static void measure(const solver *s, bool whole, size_t terms, const double *weight, const real *const *k,
                    const real *a, const real *b, double *out) {
    const adaptive_options *o = &s->by->options;
    const bool parts = o->norm.parts > 0;
    const error_norm norm = {.atol = o->atol,
                             .rtol = o->rtol,
                             .parts = parts ? o->norm.parts : 1,
                             .length = parts ? o->norm.length : &s->n,
                             .finite = whole ? s->n : 0};
    s->backend->measure_error(s->backend, &norm, terms, weight, k, a, b, out);
}

/* If the host can read it, a start that is not finite is detected before further evaluations. */
static bool is_lost(const solver *s) {
    return s->host && (isnan(s->control->state_norm) || isnan(s->control->derivative_norm));
}

static void evaluate_at(solver *s, const double *t, const real *y, real *k) {
    s->system->evaluate(s->system->context, s->evaluation++, t, y, k);
}

/* The derivative at the start, the norms there and after an Euler step, and the first step size from them. */
static void begin(solver *s) {
    step_control *c = s->control;
    const step_coefficients *coefficients = &c->coefficients;
    const real *value = s->y, *slopes[2] = {s->k[1], s->k[0]};
    measure(s, true, 1, coefficients->one, &value, s->y, s->y, &c->state_norm);
    if (!is_lost(s)) evaluate_at(s, &c->t, s->y, s->k[0]);
    if (!is_lost(s)) measure(s, true, 1, coefficients->one, &slopes[1], s->y, s->y, &c->derivative_norm);
    if (s->by->options.first_step == 0 && !is_lost(s)) {
        decide(s, STEP_EULER);
        s->backend->combine(s->backend, s->n, s->y, 1, coefficients->result, (const real *const *)s->k, s->next);
        evaluate_at(s, &coefficients->time[1], s->next, s->k[1]);
        measure(s, false, 2, coefficients->difference, slopes, s->y, s->y, &c->second_derivative_norm);
    }
    decide(s, STEP_BEGIN);
}

/* One attempt. The ratio is NaN if the state or the derivative at the step's end is not finite, whether or not the
 * norm and the estimate use it. An accepted step's last stage is the next step's first. */
static void attempt(void *argument) {
    solver *s = argument;
    const backend_ops *backend = s->backend;
    step_control *c = s->control;
    if (s->record) keep(s, 0, s->y);
    make_stages(s, 1, s->stages + 1, s->evaluation - 1, s->record && s->record->stages, s->y, s->next, 0);
    s->evaluation += s->stages;
    measure(s, true, s->stages + 1, c->coefficients.error, (const real *const *)s->k, s->y, s->next, &c->ratio);
    decide(s, STEP_ACCEPT_REJECT);
    backend->copy_slot(backend, s->n, &c->advance, s->y, s->n, s->y, 0);
    backend->copy_slot(backend, s->n, &c->advance, s->k[0], s->stages * s->n, s->k[0], 0);
    decide(s, STEP_NEXT_SIZE);
}

/* Accept or reject the attempt. A failed device returns only NaN. */
static status outcome_of(const solver *s, const step_control *c, adaptive_record *record, adaptive_statistics *count) {
    if (isnan(c->t)) return STATUS_NON_FINITE;
    *count = (adaptive_statistics){.evaluations = is_lost(s) ? s->evaluation : c->evaluations,
                                   .accepted = c->accepted,
                                   .rejected = c->rejected,
                                   .smallest = c->smallest,
                                   .largest = c->largest,
                                   .time = c->reached};
    if (record) record->steps = c->steps, record->reached = c->reached;
    return (status)c->outcome;
}

/* Solve from the state in s->y to `end`; y <- the state there. */
static status run(solver *s, double start, double end, real *y, adaptive_record *record, adaptive_statistics *count) {
    const backend_ops *backend = s->backend;
    const adaptive_options *o = &s->by->options;
    if (start == end) return backend->is_finite(backend, s->n, s->y) ? STATUS_OK : STATUS_NON_FINITE;
    step_control c = control_of(s, start, end);
    c.direction = end < start ? -1 : 1;
    c.first_step = o->first_step, c.min_step = o->min_step, c.max_step = o->max_step;
    c.stop_at_end = o->stop_at_end;
    c.attempts = o->max_attempts ? o->max_attempts : ADAPTIVE_ATTEMPTS;
    c.t = c.reached = start;
    c.finite = true;
    c.evaluations = o->first_step != 0 ? 1 : 2;
    step_coefficients_set(&c.method, 0, false, &c.coefficients);
    backend->copy_to_device(backend, sizeof c, &c, s->control);
    begin(s);
    repeat(s, attempt);
    backend->copy_to_host(backend, sizeof c, s->control, &c);
    TRY(outcome_of(s, &c, record, count));
    backend->combine(backend, s->n, s->y, s->stages + 1, s->control->coefficients.result, (const real *const *)s->k, y);
    return STATUS_OK;
}

static status integrate_adaptive(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                                 adaptive_record *record, real *workspace, adaptive_statistics *count) {
    step_control own = {.going = 0};
    solver s = solver_of(by, system, record, &own);
    s.y = workspace;
    s.next = workspace + s.n;
    if (!valid(&s, start, end)) return STATUS_INVALID;
    for (size_t i = 0; i <= s.stages; i++) s.k[i] = workspace + (i + 2) * s.n;
    if (record) record->steps = 0, record->start = record->reached = start, record->end = end;
    s.backend->copy(s.backend, s.n, y, s.y);
    return run(&s, start, end, y, record, count);
}

/* --- Fixed or adaptive --- */

status solve_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                       adaptive_record *record, real *workspace, adaptive_statistics *statistics) {
    adaptive_statistics count = {.time = start};
    const time_grid g = {.start = start, .end = end, .steps = by->steps};
    const status outcome = by->steps ? integrate_grid(by, g, system, y, record, workspace, &count)
                                     : integrate_adaptive(by, start, end, system, y, record, workspace, &count);
    if (statistics) *statistics = count;
    return outcome;
}

/* --- Backward --- */

static void backward_step(void *argument) {
    solver *s = argument;
    const backend_ops *backend = s->backend;
    const adaptive_record *record = s->record;
    const size_t *slot = &s->control->steps;
    const bool on_grid = s->by->steps > 0;
    const real *states = s->states, *sources = NULL;
    decide(s, STEP_BACKWARD);
    if (on_grid && s->host) s->evaluation = *slot * s->by->method->stages;
    if (on_grid && record->sources) sources = record->sources + s->evaluation * s->n;
    if (record->stages && s->host) {
        states = record->states + *slot * s->kept_stride;
    } else if (record->stages) {
        backend->copy_slot(backend, s->stages * s->n, slot, record->states, s->kept_stride, s->states, 0);
    } else {
        backend->copy_slot(backend, s->n, slot, record->states, s->kept_stride, s->next, 0);
        make_stages(s, 0, s->stages, s->evaluation, false, s->next, s->states, s->n);
    }
    backward_stages(s, states, sources);
}

status solve_backward(const solve_spec *by, const adaptive_record *record, const ode_system *system, real *ybar,
                      real *workspace, adaptive_statistics *statistics) {
    step_control own = {.going = 0};
    solver s = solver_of(by, system, record, &own);
    const bool further = record->reached != record->end; /* an interpolated last step has one stage more */
    adaptive_statistics count = {.time = record->end};
    if ((!system->control || record->sources) && !s.host) return STATUS_INVALID;
    s.y = ybar;
    s.next = workspace;
    s.states = workspace + s.n;
    for (size_t i = 0; i <= s.stages; i++) s.k[i] = s.states + (s.stages + 1 + i) * s.n;
    if (record->steps > 0) {
        step_control c = control_of(&s, record->start, record->end);
        c.reached = record->reached;
        c.steps = c.count = record->steps;
        step_coefficients_set(&c.method, 0, false, &c.coefficients);
        s.backend->copy_to_device(s.backend, sizeof c, &c, s.control);
        count.vjps = record->steps * s.stages + further;
        count.evaluations = record->stages ? 0 : count.vjps;
        count.time = record->start;
        if (further) {
            s.stages++;
            repeat(&s, backward_step);
            s.stages--;
            decide(&s, STEP_BACKWARD_REST);
        }
        repeat(&s, backward_step);
    }
    if (statistics) *statistics = count;
    return s.backend->is_finite(s.backend, s.n, ybar) ? STATUS_OK : STATUS_NON_FINITE;
}
