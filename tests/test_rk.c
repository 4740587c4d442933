/* test_rk.c - the solvers on equations with known solutions. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/parallel.h"
#include "ode/solve.h"

enum { STEPS_MAX = 400, LENGTH = 2 };

static real workspace[(2 * RK_STAGES_MAX + 3) * LENGTH], states[STEPS_MAX * RK_STAGES_MAX * LENGTH];

/* A pendulum with a time-dependent force: nonlinear and non-autonomous. */
typedef struct counters {
    size_t evaluations, reverses, next;
    bool in_order;
} counters;

static void pendulum(void *context, size_t evaluation, const double *t, const real *y, real *dy) {
    counters *count = context;
    count->in_order = count->in_order && evaluation == count->evaluations;
    count->evaluations++;
    dy[0] = y[1];
    dy[1] = (real)(-sin((double)y[0]) + 0.5 * cos(*t));
}

static void pendulum_backward(void *context, size_t evaluation, const double *t, const real *y, const real *k,
                              real *ybar) {
    (void)evaluation, (void)t;
    ((counters *)context)->reverses++;
    ybar[0] = (real)(-cos((double)y[0]) * (double)k[1]);
    ybar[1] = k[0];
}

static ode_system make(counters *count) {
    *count = (counters){.in_order = true};
    return (ode_system){.backend = cpu_backend(cpu_level_best()),
                        .length = LENGTH,
                        .context = count,
                        .evaluate = pendulum,
                        .backward = pendulum_backward};
}

Test(rk, counts_evaluations_exactly_and_in_order) {
    const size_t expected[TABLEAU_COUNT] = {40, 80, 160, 160, 80, 120, 240, 240, 520};
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++) {
        counters count;
        const ode_system system = make(&count);
        const time_grid g = {.start = 0, .end = 2, .steps = 40};
        real y[LENGTH] = {1, 0}, ybar[LENGTH] = {1, 1};
        adaptive_record record = {.capacity = STEPS_MAX, .states = states, .stages = true};
        const solve_spec by = {.method = tableau_get(id), .steps = g.steps};
        cr_assert_eq(solve_integrate(&by, g.start, g.end, &system, y, &record, workspace, NULL), STATUS_OK);
        cr_assert_eq(count.evaluations, expected[id], "%s: %zu", tableau_get(id)->name, count.evaluations);
        cr_assert(count.in_order);
        cr_assert_eq(solve_backward(&by, &record, &system, ybar, workspace, NULL), STATUS_OK);
        cr_assert_eq(count.reverses, expected[id]);
        cr_assert_eq(count.evaluations, expected[id], "the reverse evaluates nothing");
    }
}

Test(rk, methods_are_found_by_their_names) {
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++) {
        const tableau *m = tableau_get(id);
        cr_assert_eq(tableau_find(m->name), m);
        cr_assert_eq(tableau_is_pair(m), id >= TABLEAU_HEUN2, "%s", m->name);
    }
    cr_assert_null(tableau_find("dopri"));
    cr_assert_null(tableau_find(""));
}

Test(rk, tableaus_satisfy_their_order_conditions) {
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++) {
        const tableau *m = tableau_get(id);
        double b = 0, bc = 0, bcc = 0, bac = 0;
        for (size_t i = 0; i < m->stages; i++) {
            double row = 0, ac = 0;
            for (size_t j = 0; j < m->stages; j++) {
                row += m->a[i][j];
                ac += m->a[i][j] * m->c[j];
                if (j >= i) cr_assert_eq(m->a[i][j], 0, "%s is explicit", m->name);
            }
            cr_assert_float_eq(row, m->c[i], 1e-15);
            b += m->b[i];
            bc += m->b[i] * m->c[i];
            bcc += m->b[i] * m->c[i] * m->c[i];
            bac += m->b[i] * ac;
        }
        cr_assert_float_eq(b, 1, 1e-15);
        if (m->order >= 2) cr_assert_float_eq(bc, 1.0 / 2, 1e-15);
        if (m->order >= 3) cr_assert_float_eq(bcc, 1.0 / 3, 1e-15);
        if (m->order >= 3) cr_assert_float_eq(bac, 1.0 / 6, 1e-15);
    }
}

#ifdef AFFJORD_DOUBLE

static double solve(const tableau *method, time_grid g, const real start[LENGTH], real end[LENGTH]) {
    counters count;
    const ode_system system = make(&count);
    memcpy(end, start, LENGTH * sizeof *end);
    adaptive_record record = {.capacity = STEPS_MAX, .states = states, .stages = true};
    const solve_spec by = {.method = method, .steps = g.steps};
    cr_assert_eq(solve_integrate(&by, g.start, g.end, &system, end, &record, workspace, NULL), STATUS_OK);
    return (double)end[0] + 0.3 * (double)end[1];
}

Test(rk, error_falls_with_the_order_when_steps_are_halved) {
    const real start[LENGTH] = {1, 0.2};
    real end[LENGTH];
    const double truth =
        solve(tableau_get(TABLEAU_RK4), (time_grid){.start = 0, .end = 2, .steps = STEPS_MAX}, start, end);
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++) {
        if (tableau_is_pair(tableau_get(id))) continue; /* test_tableau.c has them */
        const tableau *m = tableau_get(id);
        const size_t steps = m->order == 4 ? 12 : 60;
        const double coarse = solve(m, (time_grid){.start = 0, .end = 2, .steps = steps}, start, end) - truth;
        const double fine = solve(m, (time_grid){.start = 0, .end = 2, .steps = 2 * steps}, start, end) - truth;
        cr_assert_float_eq(log2(fabs(coarse / fine)), (double)m->order, 0.25, "%s: order %g", m->name,
                           log2(fabs(coarse / fine)));
    }
}

Test(rk, goes_back_to_where_it_started) {
    const real start[LENGTH] = {1, 0.2};
    real there[LENGTH], back[LENGTH];
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++) {
        if (tableau_is_pair(tableau_get(id))) continue; /* test_tableau.c has them */
        const double bound = pow(2.0 / STEPS_MAX, (double)tableau_get(id)->order) * 10;
        solve(tableau_get(id), (time_grid){.start = 0, .end = 2, .steps = STEPS_MAX}, start, there);
        solve(tableau_get(id), (time_grid){.start = 2, .end = 0, .steps = STEPS_MAX}, there, back);
        for (size_t i = 0; i < LENGTH; i++) cr_assert_float_eq(back[i], start[i], bound);
    }
}

Test(rk, backward_is_the_gradient_of_the_computed_solution) {
    const time_grid g = {.start = 0.3, .end = 2.1, .steps = 7};
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++) {
        const tableau *m = tableau_get(id);
        counters count;
        const ode_system system = make(&count);
        real y[LENGTH] = {1, 0.2}, ybar[LENGTH] = {1, 0.3}, end[LENGTH];
        adaptive_record record = {.capacity = STEPS_MAX, .states = states, .stages = true};
        const solve_spec by = {.method = m, .steps = g.steps};
        cr_assert_eq(solve_integrate(&by, g.start, g.end, &system, y, &record, workspace, NULL), STATUS_OK);
        cr_assert_eq(solve_backward(&by, &record, &system, ybar, workspace, NULL), STATUS_OK);
        for (size_t i = 0; i < LENGTH; i++) {
            real up[LENGTH] = {1, 0.2}, down[LENGTH] = {1, 0.2};
            up[i] += 1e-6;
            down[i] -= 1e-6;
            const double difference = (solve(m, g, up, end) - solve(m, g, down, end)) / 2e-6;
            cr_assert_float_eq(ybar[i], difference, 1e-8, "%s, start %zu", m->name, i);
        }
    }
}

/* A loss that also depends on the states of the evaluations: sum over them of y_0 / 10. */
Test(rk, backward_adds_the_sources_of_the_states) {
    const time_grid g = {.start = 0, .end = 1.5, .steps = 5};
    static real sources[STEPS_MAX * RK_STAGES_MAX * LENGTH];
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++) {
        const tableau *m = tableau_get(id);
        const size_t evaluations = g.steps * m->stages;
        for (size_t i = 0; i < evaluations; i++) sources[i * LENGTH] = 0.1;
        double loss[2];
        for (int side = 0; side < 2; side++) {
            real start[LENGTH] = {1, 0.2}, end[LENGTH];
            start[1] += side ? 1e-6 : -1e-6;
            solve(m, g, start, end);
            loss[side] = 0;
            for (size_t i = 0; i < evaluations; i++) loss[side] += 0.1 * states[i * LENGTH];
        }
        counters count;
        const ode_system system = make(&count);
        real y[LENGTH] = {1, 0.2}, ybar[LENGTH] = {0, 0};
        adaptive_record record = {.capacity = STEPS_MAX, .states = states, .stages = true, .sources = sources};
        const solve_spec by = {.method = m, .steps = g.steps};
        cr_assert_eq(solve_integrate(&by, g.start, g.end, &system, y, &record, workspace, NULL), STATUS_OK);
        cr_assert_eq(solve_backward(&by, &record, &system, ybar, workspace, NULL), STATUS_OK);
        cr_assert_float_eq(ybar[1], (loss[1] - loss[0]) / 2e-6, 1e-8, "%s", m->name);
    }
}

#endif

static void mark(void *argument, size_t task, size_t thread) {
    unsigned char(*done)[8] = argument;
    done[task][thread]++;
}

Test(parallel, does_every_task_once) {
    static unsigned char done[1000][8];
    parallel *workers = NULL;
    cr_assert_eq(parallel_create(0, &workers), STATUS_INVALID);
    for (size_t threads = 1; threads <= 5; threads++) {
        cr_assert_eq(parallel_create(threads, &workers), STATUS_OK);
        cr_assert_eq(parallel_threads(workers), threads);
        for (size_t tasks = 0; tasks <= 1000; tasks += 250) {
            memset(done, 0, sizeof done);
            parallel_for(workers, tasks, mark, done);
            for (size_t task = 0; task < 1000; task++) {
                unsigned total = 0;
                for (size_t thread = 0; thread < 8; thread++) {
                    total += done[task][thread];
                    cr_assert(thread < threads || done[task][thread] == 0);
                }
                cr_assert_eq(total, task < tasks);
            }
        }
        parallel_destroy(&workers);
        cr_assert_null(workers);
    }
}
