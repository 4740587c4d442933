/* solve.c - a fixed grid leaves the same record as adaptive steps, so that one reverse serves both. */
#include "ode/solve.h"

#include <math.h>

size_t solve_workspace(const solve_spec *by, size_t length) {
    return by->steps ? rk_workspace(by->method, length) + length : adaptive_workspace(by->method, length);
}

size_t solve_reverse_workspace(const solve_spec *by, size_t length) {
    return adaptive_reverse_workspace(by->method, length);
}

static status integrate_grid(const solve_spec *by, grid g, const ode_system *system, real *y, adaptive_record *record,
                             real *workspace, adaptive_statistics *count) {
    const backend_ops *backend = system->backend;
    const size_t n = system->length;
    real *next = workspace + rk_workspace(by->method, n);
    if (record && record->capacity < g.steps) return STATUS_RECORD_FULL;
    backend->copy(backend, n, y, next);
    for (size_t i = 0; i < g.steps; i++) {
        const double t = g.start + (double)i * grid_step(g);
        const double until = i + 1 == g.steps ? g.end : g.start + (double)(i + 1) * grid_step(g);
        real *kept = record ? record->states + i * adaptive_kept(by->method, n, record->stages) : NULL;
        if (record) {
            record->time[i] = t;
            record->step[i] = until - t;
            backend->copy(backend, n, next, kept);
        }
        rk_integrate(by->method, (grid){.start = t, .end = until, .steps = 1}, system, next,
                     record && record->stages ? kept : NULL, workspace);
        count->evaluations += by->method->stages;
        count->accepted++;
        count->time = until;
    }
    count->smallest = count->largest = fabs(grid_step(g));
    if (record) record->steps = g.steps, record->reached = record->end = g.end;
    if (!backend->is_finite(backend, n, next)) return STATUS_NON_FINITE;
    backend->copy(backend, n, next, y);
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
