/* rk.c - the tables of coefficients, and solves on a fixed grid. */
#include "ode/rk.h"

#include "ode/rk_step.h"

#define ROW(...)                                                                                                       \
    { __VA_ARGS__ }
static const tableau tableaus[TABLEAU_COUNT] = {
#define TABLEAU(symbol, name_, order_, stages_, a_, b_, c_)                                                            \
    [TABLEAU_##symbol] = {.name = name_, .order = order_, .stages = stages_, .a = a_, .b = b_, .c = c_},
#include "ode/tableau.def"
};
static const tableau pairs[PAIR_COUNT] = {
#define PAIR(symbol, name_, order_, stages_, a_, b_, c_, error_, mid_)                                                 \
    [PAIR_##symbol] = {                                                                                                \
        .name = name_, .order = order_, .stages = stages_, .a = a_, .b = b_, .c = c_, .error = error_, .mid = mid_},
#include "ode/tableau.def"
};

const tableau *tableau_get(tableau_id id) {
    return &tableaus[id];
}

const tableau *tableau_pair(pair_id id) {
    return &pairs[id];
}

void tableau_dense(const tableau *pair, double x, double *w) {
    step_dense(pair, x, w);
}

size_t rk_workspace(const tableau *method, size_t length) {
    return (method->stages + 1) * length;
}

/* Step number `index` of the grid. */
static void place(rk_step *step, grid g, size_t index, step_numbers *numbers) {
    const size_t stages = step->method->stages;
    step->evaluation = index * stages;
    for (size_t i = 0; i < stages; i++) numbers->time[i] = grid_time(g, step->method, step->evaluation + i);
}

void rk_integrate(const tableau *method, grid g, const ode_system *system, real *y, real *states, real *workspace) {
    const size_t n = system->length, stages = method->stages;
    const backend_ops *backend = system->backend;
    step_numbers numbers; /* as large as the largest method's; what this one lacks is never read */
    rk_step step = {.method = method, .system = system, .numbers = &numbers};
    real *k[RK_STAGES_MAX];
    for (size_t i = 0; i < stages; i++) k[i] = workspace + (i + 1) * n;

    step_numbers_weigh(method, grid_step(g), false, &numbers);
    for (size_t index = 0; index < g.steps; index++) {
        place(&step, g, index, &numbers);
        rk_step_stages(&step, 0, stages, y, states ? states + step.evaluation * n : workspace, states ? n : 0, k);
        backend->combine(backend, n, y, stages, numbers.stage[stages], (const real *const *)k, y);
    }
}

void rk_reverse(const tableau *method, grid g, const ode_system *system, const real *states, const real *sources,
                real *ybar, real *workspace) {
    const size_t n = system->length, stages = method->stages;
    step_numbers numbers;
    rk_step step = {.method = method, .system = system, .numbers = &numbers};
    real *Ybar[RK_STAGES_MAX];
    for (size_t i = 0; i < stages; i++) Ybar[i] = workspace + (i + 1) * n;

    step_numbers_weigh(method, grid_step(g), true, &numbers);
    for (size_t index = g.steps; index-- > 0;) {
        place(&step, g, index, &numbers);
        const size_t first = step.evaluation * n;
        rk_step_reverse(&step, stages, states + first, sources ? sources + first : NULL, ybar, workspace, Ybar);
    }
}
