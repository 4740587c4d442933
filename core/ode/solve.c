/* solve.c - solves on a fixed grid, and the reverse of every solve from the record that it left. */
#include "ode/solve.h"

#include <math.h>
#include <stdint.h>

#include "backend/memory.h"
#include "ode/adaptive.h"
#include "ode/step.h"

size_t solve_workspace(const solve_spec *by, size_t length) {
    return by->steps ? (by->method->stages + 1) * length : adaptive_workspace(by->method, length);
}

size_t solve_reverse_workspace(const solve_spec *by, size_t length) {
    return (2 * by->method->stages + 3) * length;
}

/* The last stage of an adaptive step is needed where the solve's end was interpolated. */
size_t solve_kept(const solve_spec *by, size_t length, bool stages) {
    return stages ? (by->method->stages + (by->steps ? 0 : 1)) * length : length;
}

/* --- A fixed grid --- */

typedef struct grid_solve {
    const ode_system *system;
    step_control *control; /* in the backend's memory */
    rk_step step;
    bool stages; /* are kept */
    real *
        direct; /* (steps, s, n): where stages are kept, in the program's memory; NULL on a device or where they aren't */
    real *y, *stage; /* (n) each */
    real *k[RK_STAGES_MAX]; /* (n) each */
} grid_solve;

static void step_once(void *argument) {
    grid_solve *s = argument;
    const backend_ops *backend = s->system->backend;
    const step_numbers *numbers = s->step.numbers;
    const size_t n = s->system->length, stages = s->step.method->stages;
    rk_step stepping = s->step;
    if (!s->stages) rk_step_keep(&s->step, 0, s->y);
    if (!s->stages || s->direct) stepping.kept = NULL;
    if (s->direct) rk_step_stages(&stepping, 0, stages, s->y, s->direct + s->step.evaluation * n, n, s->k);
    else rk_step_stages(&stepping, 0, stages, s->y, s->stage, 0, s->k);
    backend->combine(backend, n, s->y, stages, numbers->stage[stages], (const real *const *)s->k, s->y);
    backend->decide(backend, STEP_DONE, s->control);
    s->step.evaluation += stages;
}

static status integrate_grid(const solve_spec *by, grid g, const ode_system *system, real *y, adaptive_record *record,
                             real *workspace, adaptive_statistics *count) {
    const backend_ops *backend = system->backend;
    const bool host = backend_is_near(backend);
    const size_t n = system->length, stages = by->method->stages;
    step_control own = {.going = 0}, c = {.method = *by->method,
                                          .start = g.start,
                                          .end = g.end,
                                          .grid = g.steps,
                                          .capacity = record ? record->capacity : SIZE_MAX,
                                          .going = 1};
    grid_solve s = {.system = system,
                    .control = system->control ? system->control : &own,
                    .step = {.method = by->method, .system = system},
                    .y = y,
                    .stage = workspace};
    if (!system->control && !host) return STATUS_INVALID;
    if (record && record->capacity < g.steps) return STATUS_RECORD_FULL;
    for (size_t i = 0; i < stages; i++) s.k[i] = workspace + (i + 1) * n;
    s.step.numbers = &s.control->numbers;
    if (record) {
        c.times = record->time, c.sizes = record->step;
        s.stages = record->stages;
        s.direct = host && record->stages ? record->states : NULL;
        s.step.kept = record->states, s.step.apart = solve_kept(by, n, record->stages);
        s.step.slot = &s.control->steps;
        record->steps = g.steps, record->start = g.start, record->reached = record->end = g.end;
    }
    step_control_begin_grid(&c);
    backend->upload(backend, sizeof c, &c, s.control);
    rk_step_repeat(backend, step_once, &s, &s.control->going);
    *count = (adaptive_statistics){.evaluations = g.steps * stages, .accepted = g.steps, .time = g.end};
    count->smallest = count->largest = fabs(grid_step(g));
    return backend->is_finite(backend, n, y) ? STATUS_OK : STATUS_NON_FINITE;
}

status solve_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                       adaptive_record *record, real *workspace, adaptive_statistics *statistics) {
    if (!by->steps) return adaptive_integrate(by, start, end, system, y, record, NULL, workspace, statistics);
    adaptive_statistics count = {.time = start};
    const grid g = {.start = start, .end = end, .steps = by->steps};
    const status outcome = integrate_grid(by, g, system, y, record, workspace, &count);
    if (statistics) *statistics = count;
    return outcome;
}

status solve_with_outputs(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                          adaptive_record *record, const adaptive_outputs *outputs, real *workspace,
                          adaptive_statistics *statistics) {
    if (by->steps) return STATUS_INVALID;
    return adaptive_integrate(by, start, end, system, y, record, outputs, workspace, statistics);
}

/* --- The reverse --- */

typedef struct reversal {
    const ode_system *system;
    const adaptive_record *record;
    step_control *control; /* in the backend's memory */
    rk_step step;
    bool on_grid, host;
    size_t stages; /* of the steps that are reversed */
    size_t apart; /* reals that the record keeps of a step */
    real *ybar, *kbar, *states; /* (n), (n), (s + 1, n) */
    real *k[RK_WEIGHTS_MAX]; /* (n) each; the derivatives, then the cotangents of the states */
} reversal;

static void reverse_one(void *argument) {
    reversal *r = argument;
    const backend_ops *backend = r->system->backend;
    const adaptive_record *record = r->record;
    const size_t n = r->system->length;
    const size_t *slot = &r->control->steps;
    const real *states = r->states, *sources = NULL;
    backend->decide(backend, STEP_BACK, r->control);
    if (r->on_grid && r->host) r->step.evaluation = *slot * r->step.method->stages;
    if (r->on_grid && record->sources) sources = record->sources + r->step.evaluation * n;
    if (record->stages && r->host) {
        states = record->states + *slot * r->apart;
    } else if (record->stages) {
        backend->copy_slot(backend, r->stages * n, slot, record->states, r->apart, r->states, 0);
    } else {
        backend->copy_slot(backend, n, slot, record->states, r->apart, r->kbar, 0);
        rk_step_stages(&r->step, 0, r->stages, r->kbar, r->states, n, r->k);
    }
    rk_step_reverse(&r->step, r->stages, states, sources, r->ybar, r->kbar, r->k);
}

/* Steps of the record, from the last; an interpolated last one has a stage more. */
static void reverse_all(reversal *r) {
    const backend_ops *backend = r->system->backend;
    const adaptive_record *record = r->record;
    if (record->reached != record->end) {
        r->stages++;
        rk_step_repeat(backend, reverse_one, r, &r->control->going);
        r->stages--;
        backend->decide(backend, STEP_FURTHER, r->control);
    }
    rk_step_repeat(backend, reverse_one, r, &r->control->going);
}

status solve_reverse(const solve_spec *by, const adaptive_record *record, const ode_system *system, real *ybar,
                     real *workspace, adaptive_statistics *statistics) {
    const backend_ops *backend = system->backend;
    const tableau *method = by->method;
    const size_t n = system->length, extra = record->reached != record->end;
    const bool host = backend_is_near(backend);
    if ((!system->control || record->sources) && !host) return STATUS_INVALID;
    step_control own = {.going = 0}, c = {.method = *method,
                                          .start = record->start,
                                          .end = record->end,
                                          .grid = by->steps,
                                          .times = record->time,
                                          .sizes = record->step,
                                          .going = 1,
                                          .reached = record->reached,
                                          .steps = record->steps,
                                          .count = record->steps};
    reversal r = {.system = system,
                  .record = record,
                  .control = system->control ? system->control : &own,
                  .step = {.method = method, .system = system},
                  .on_grid = by->steps > 0,
                  .host = host,
                  .stages = method->stages,
                  .apart = solve_kept(by, n, record->stages),
                  .ybar = ybar,
                  .kbar = workspace,
                  .states = workspace + n};
    adaptive_statistics count = {.time = record->end};
    r.step.numbers = &r.control->numbers;
    for (size_t i = 0; i <= method->stages; i++) r.k[i] = r.states + (method->stages + 1 + i) * n;
    if (record->steps > 0) {
        step_numbers_weigh(&c.method, 0, false, &c.numbers);
        backend->upload(backend, sizeof c, &c, r.control);
        reverse_all(&r);
        count.reversals = record->steps * method->stages + extra;
        count.evaluations = record->stages ? 0 : count.reversals;
        count.time = record->start;
    }
    if (statistics) *statistics = count;
    return backend->is_finite(backend, n, ybar) ? STATUS_OK : STATUS_NON_FINITE;
}
