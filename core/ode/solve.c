/* solve.c - a fixed grid leaves the same record as adaptive steps, so that one reverse serves both. */
#include "ode/solve.h"

#include <math.h>

#include "backend/memory.h"
#include "ode/rk_step.h"

size_t solve_workspace(const solve_spec *by, size_t length) {
    return by->steps ? rk_workspace(by->method, length) + length : adaptive_workspace(by->method, length);
}

size_t solve_reverse_workspace(const solve_spec *by, size_t length) {
    return adaptive_reverse_workspace(by->method, length);
}

/* A solve on a grid under way. */
typedef struct grid_solve {
    const ode_system *system;
    step_control *control; /* in the backend's memory */
    rk_step step;
    bool stages; /* are kept */
    real *y, *stage; /* (n) each */
    real *k[RK_STAGES_MAX]; /* (n) each */
} grid_solve;

static void step_once(void *argument) {
    const grid_solve *s = argument;
    const backend_ops *backend = s->system->backend;
    const step_numbers *numbers = s->step.numbers;
    const size_t n = s->system->length, stages = s->step.method->stages;
    rk_step stepping = s->step;
    if (!s->stages) {
        rk_step_keep(&s->step, 0, s->y);
        stepping.kept = NULL;
    }
    rk_step_stages(&stepping, 0, stages, s->y, s->stage, 0, s->k);
    backend->combine(backend, n, s->y, stages, numbers->stage[stages], (const real *const *)s->k, s->y);
    backend->decide(backend, STEP_DONE, s->control);
}

static status integrate_grid(const solve_spec *by, grid g, const ode_system *system, real *y, adaptive_record *record,
                             real *workspace, adaptive_statistics *count) {
    const backend_ops *backend = system->backend;
    const size_t n = system->length, stages = by->method->stages;
    step_control own = {.going = 0},
                 c = {.method = *by->method, .start = g.start, .end = g.end, .grid = g.steps, .going = 1};
    grid_solve s = {.system = system,
                    .control = system->control ? system->control : &own,
                    .step = {.method = by->method, .system = system},
                    .y = workspace + rk_workspace(by->method, n),
                    .stage = workspace};
    if (!system->control && !backend_is_near(backend)) return STATUS_INVALID;
    if (record && record->capacity < g.steps) return STATUS_RECORD_FULL;
    for (size_t i = 0; i < stages; i++) s.k[i] = workspace + (i + 1) * n;
    s.step.numbers = &s.control->numbers;
    if (record) {
        c.times = record->time, c.sizes = record->step;
        s.stages = record->stages;
        s.step.kept = record->states, s.step.apart = adaptive_kept(by->method, n, record->stages);
        s.step.slot = &s.control->steps;
    }
    step_control_begin_grid(&c);
    backend->upload(backend, sizeof c, &c, s.control);
    backend->copy(backend, n, y, s.y);
    rk_step_repeat(backend, step_once, &s, &s.control->going);
    *count = (adaptive_statistics){.evaluations = g.steps * stages, .accepted = g.steps, .time = g.end};
    count->smallest = count->largest = fabs(grid_step(g));
    if (record) record->steps = g.steps, record->start = g.start, record->reached = record->end = g.end;
    if (!backend->is_finite(backend, n, s.y)) return STATUS_NON_FINITE;
    backend->copy(backend, n, s.y, y);
    return STATUS_OK;
}

status solve_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                       adaptive_record *record, real *workspace, adaptive_statistics *statistics) {
    if (!by->steps)
        return adaptive_integrate(by->method, start, end, &by->options, system, y, record, NULL, workspace, statistics);
    adaptive_statistics count = {.time = start};
    const grid g = {.start = start, .end = end, .steps = by->steps};
    const status outcome = integrate_grid(by, g, system, y, record, workspace, &count);
    if (statistics) *statistics = count;
    return outcome;
}

status solve_reverse(const solve_spec *by, const adaptive_record *record, const ode_system *system, real *ybar,
                     real *workspace, adaptive_statistics *statistics) {
    return adaptive_reverse(by->method, record, system, ybar, workspace, statistics);
}
