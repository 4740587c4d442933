/* adaptive.c - y+ = y + h sum_i b_i k_i with h chosen such that h sum_i (b_i - bhat_i) k_i stays within tolerances. */
#include "ode/adaptive.h"

#include <math.h>
#include <stdint.h>

#include "backend/memory.h"
#include "ode/step.h"

/* A solve under way. Its states and slopes are in a row, so that one of two is a slot of a pair. */
typedef struct solver {
    const adaptive_options *options;
    const ode_system *system;
    step_control *control; /* in the backend's memory */
    rk_step step;
    real *y, *next; /* (n) the last accepted state, and the attempt's */
    real *k[RK_WEIGHTS_MAX]; /* (n) each, s + 1 of them */
    const adaptive_record *record;
    const adaptive_outputs *outputs;
    size_t shown; /* outputs */
} solver;

size_t adaptive_workspace(const tableau *pair, size_t length) {
    return (pair->stages + 3) * length;
}

static bool is_size(double x) {
    return x >= 0 && isfinite(x);
}

/* times (count) lead from start to end; none is NaN. */
static bool in_order(size_t count, const double *times, double start, double end) {
    const double direction = end < start ? -1 : 1;
    for (size_t i = 0; i < count; start = times[i++])
        if (!(direction * (times[i] - start) >= 0 && direction * (end - times[i]) >= 0)) return false;
    return true;
}

static bool valid(const tableau *pair, double start, double end, const adaptive_options *o, const ode_system *system,
                  const adaptive_outputs *outputs) {
    if ((!system->control || outputs) && !backend_is_near(system->backend)) return false;
    if (!tableau_is_pair(pair) || !isfinite(start) || !isfinite(end)) return false;
    if (!is_size(o->atol) || o->atol == 0 || !is_size(o->rtol)) return false;
    if (!is_size(o->first_step) || !is_size(o->min_step) || !is_size(o->max_step)) return false;
    if (o->max_step != 0 && o->max_step < o->min_step) return false;
    size_t rest = system->length;
    if (rest == 0 || o->norm.parts > ADAPTIVE_PARTS_MAX) return false;
    for (size_t part = 0; part < o->norm.parts; rest -= o->norm.length[part++])
        if (o->norm.length[part] == 0 || o->norm.length[part] > rest) return false;
    return !outputs || in_order(outputs->count, outputs->times, start, end);
}

/* How the solve measures errors; `whole`: NaN also for a state or last derivative that isn't finite where the norm
 * doesn't look. */
static error_norm norm_of(const solver *s, bool whole) {
    const adaptive_options *o = s->options;
    const bool parts = o->norm.parts > 0;
    return (error_norm){.atol = o->atol,
                        .rtol = o->rtol,
                        .parts = parts ? o->norm.parts : 1,
                        .length = parts ? o->norm.length : &s->system->length,
                        .finite = whole ? s->system->length : 0};
}

static void copy(const solver *s, const real *from, real *to) {
    s->system->backend->copy(s->system->backend, s->system->length, from, to);
}

static void decide(const solver *s, step_action action) {
    s->system->backend->decide(s->system->backend, action, s->control);
}

/* *out <- norm of sum_j weight_j k_j at the accepted state alone. */
static void norm_here(const solver *s, bool whole, size_t terms, const double *weight, const real *const *k,
                      double *out) {
    const backend_ops *backend = s->system->backend;
    const error_norm norm = norm_of(s, whole);
    backend->measure_error(backend, &norm, terms, weight, k, s->y, s->y, out);
}

/* Where the program can look, a start that is not finite is seen before more is evaluated. */
static bool is_lost(const solver *s) {
    const step_control *c = s->control;
    return backend_is_near(s->system->backend) && (isnan(c->size_norm) || isnan(c->slope_norm));
}

/* The derivative at the start, the norms there and along an Euler step, and what follows from them. */
static void begin(solver *s) {
    const ode_system *system = s->system;
    const backend_ops *backend = system->backend;
    step_control *c = s->control;
    const step_numbers *numbers = &c->numbers;
    const real *value = s->y, *slopes[2] = {s->k[1], s->k[0]};
    norm_here(s, true, 1, numbers->one, &value, &c->size_norm);
    if (!is_lost(s)) system->evaluate(system->context, s->step.evaluation++, &c->t, s->y, s->k[0]);
    if (!is_lost(s)) norm_here(s, true, 1, numbers->one, &slopes[1], &c->slope_norm);
    if (s->options->first_step == 0 && !is_lost(s)) {
        decide(s, STEP_EULER);
        backend->combine(backend, system->length, s->y, 1, numbers->result, (const real *const *)s->k, s->next);
        system->evaluate(system->context, s->step.evaluation++, &numbers->time[1], s->next, s->k[1]);
        norm_here(s, false, 2, numbers->apart, slopes, &c->bend_norm);
    }
    decide(s, STEP_BEGIN);
}

/* out (n) <- the state at t, in the step that was judged. Near backends alone. */
static void interpolate(const solver *s, double t, real *out) {
    const backend_ops *backend = s->system->backend;
    const step_control *c = s->control;
    const size_t stages = s->step.method->stages;
    double w[RK_WEIGHTS_MAX];
    if (t == c->until) {
        copy(s, s->next, out);
        return;
    }
    tableau_dense(s->step.method, (t - c->t) / (c->until - c->t), w);
    for (size_t i = 0; i <= stages; i++) w[i] = c->h * w[i];
    backend->combine(backend, s->system->length, s->y, stages + 1, w, (const real *const *)s->k, out);
}

/* Outputs that lie in the step that was judged, if it was accepted. */
static void show(solver *s) {
    const step_control *c = s->control;
    const adaptive_outputs *outputs = s->outputs;
    for (; c->ratio <= 1 && s->shown < outputs->count; s->shown++) {
        if (c->direction * (outputs->times[s->shown] - c->until) > 0) return;
        interpolate(s, outputs->times[s->shown], outputs->states + s->shown * s->system->length);
    }
}

/* One attempt. The ratio is NaN where the state or the derivative at the step's end is not finite, whether or not the
 * norm and the estimate look at it. An accepted step's last stage is the next step's first. */
static void attempt(void *argument) {
    solver *s = argument;
    const backend_ops *backend = s->system->backend;
    step_control *c = s->control;
    const size_t stages = s->step.method->stages, n = s->system->length;
    const error_norm norm = norm_of(s, true);
    rk_step stepping = s->step;
    if (s->record) {
        rk_step_keep(&s->step, 0, s->y);
        if (!s->record->stages) stepping.kept = NULL;
    }
    stepping.evaluation--; /* stage 0 is there */
    rk_step_stages(&stepping, 1, stages + 1, s->y, s->next, 0, s->k);
    s->step.evaluation += stages;
    backend->measure_error(backend, &norm, stages + 1, c->numbers.error, (const real *const *)s->k, s->y, s->next,
                           &c->ratio);
    decide(s, STEP_JUDGE);
    if (s->outputs) show(s);
    backend->copy_slot(backend, n, &c->advance, s->y, n, s->y, 0);
    backend->copy_slot(backend, n, &c->advance, s->k[0], stages * n, s->k[0], 0);
    decide(s, STEP_PLAN);
}

/* The control of a solve that begins. */
static step_control control_of(const solver *s, double start, double end) {
    const adaptive_options *o = s->options;
    const adaptive_record *record = s->record;
    step_control c = {.method = *s->step.method,
                      .start = start,
                      .end = end,
                      .direction = end < start ? -1 : 1,
                      .first_step = o->first_step,
                      .min_step = o->min_step,
                      .max_step = o->max_step,
                      .land = o->land,
                      .attempts = o->max_attempts ? o->max_attempts : ADAPTIVE_ATTEMPTS,
                      .capacity = record ? record->capacity : SIZE_MAX,
                      .times = record ? record->time : NULL,
                      .sizes = record ? record->step : NULL,
                      .going = 1,
                      .t = start,
                      .reached = start,
                      .finite = true,
                      .evaluations = o->first_step != 0 ? 1 : 2};
    step_numbers_weigh(&c.method, 0, false, &c.numbers);
    return c;
}

/* What became of it. A device that has failed gives nothing but NaN. */
static status outcome_of(const solver *s, const step_control *c, adaptive_record *record, adaptive_statistics *count) {
    if (isnan(c->t)) return STATUS_NON_FINITE;
    *count = (adaptive_statistics){.evaluations = is_lost(s) ? s->step.evaluation : c->evaluations,
                                   .accepted = c->accepted,
                                   .rejected = c->rejected,
                                   .smallest = c->smallest,
                                   .largest = c->largest,
                                   .time = c->reached};
    if (record) record->steps = c->steps, record->reached = c->reached;
    return (status)c->outcome;
}

/* From the state in s->y to `end`, where y gets the state. */
static status run(solver *s, double start, double end, real *y, adaptive_record *record, adaptive_statistics *count) {
    const backend_ops *backend = s->system->backend;
    const size_t n = s->system->length, stages = s->step.method->stages;
    const adaptive_outputs *outputs = s->outputs;
    if (start == end || outputs) {
        if (!backend->is_finite(backend, n, s->y)) return STATUS_NON_FINITE;
        for (; outputs && s->shown < outputs->count && outputs->times[s->shown] == start; s->shown++)
            copy(s, s->y, outputs->states + s->shown * n);
        if (start == end) return STATUS_OK;
    }
    step_control c = control_of(s, start, end);
    backend->upload(backend, sizeof c, &c, s->control);
    begin(s);
    rk_step_repeat(backend, attempt, s, &s->control->going);
    backend->download(backend, sizeof c, s->control, &c);
    TRY(outcome_of(s, &c, record, count));
    backend->combine(backend, n, s->y, stages + 1, s->control->numbers.result, (const real *const *)s->k, y);
    return STATUS_OK;
}

status adaptive_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                          adaptive_record *record, const adaptive_outputs *outputs, real *workspace,
                          adaptive_statistics *statistics) {
    const size_t n = system->length;
    const tableau *pair = by->method;
    const adaptive_options *options = &by->options;
    step_control own = {.going = 0};
    solver s = {.options = options,
                .system = system,
                .control = system->control ? system->control : &own,
                .step = {.method = pair, .system = system},
                .y = workspace,
                .next = workspace + n,
                .record = record,
                .outputs = outputs};
    adaptive_statistics count = {.time = start};
    status outcome = STATUS_INVALID;
    if (valid(pair, start, end, options, system, outputs)) {
        for (size_t i = 0; i <= pair->stages; i++) s.k[i] = workspace + (i + 2) * n;
        s.step.numbers = &s.control->numbers;
        if (record) {
            s.step.kept = record->states;
            s.step.apart = solve_kept(by, n, record->stages);
            s.step.slot = &s.control->steps;
            record->steps = 0, record->start = record->reached = start, record->end = end;
        }
        copy(&s, y, s.y);
        outcome = run(&s, start, end, y, record, &count);
    }
    if (statistics) *statistics = count;
    return outcome;
}
