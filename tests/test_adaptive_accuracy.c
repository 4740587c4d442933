/* test_adaptive_accuracy.c - the stages of a backward pass; in the double build, errors against tolerances, and
 * gradients against differences. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "adaptive_support.h"
#include "backend/step_control.h"

static solution found;

static bool same(size_t n, const real *x, const real *y) {
    return memcmp(x, y, n * sizeof *x) == 0;
}

/* --- Reverse ------------------------------------------------------------------------------------------------------ */

/* The evaluations of a solve, and whether the backward pass repeats them. */
typedef struct trail {
    equation *e;
    size_t count, next; /* evaluations of the solve; number expected next in the backward pass */
    bool reversing, ordered, known;
    double time[20 * STEPS_MAX];
    real states[20 * STEPS_MAX * LENGTH_MAX];
} trail;

static void trail_evaluate(void *context, size_t evaluation, const double *t, const real *y, real *dy) {
    trail *l = context;
    const size_t n = l->e->length;
    if (l->reversing) {
        bool seen = false;
        for (size_t i = 0; i < l->count; i++)
            seen = seen || (l->time[i] == *t && same(n, l->states + i * LENGTH_MAX, y));
        l->known = l->known && seen;
        l->ordered = l->ordered && evaluation == l->next++;
    } else {
        l->time[l->count] = *t;
        memcpy(l->states + l->count++ * LENGTH_MAX, y, n * sizeof *y);
    }
    l->e->f(*t, l->e->strength, y, dy);
}

static void trail_backward(void *context, size_t evaluation, const double *t, const real *y, const real *k,
                           real *ybar) {
    trail *l = context;
    l->ordered = l->ordered && evaluation == --l->next;
    l->e->vjp(*t, l->e->strength, y, k, ybar);
}

Test(adaptive, backward_repeats_the_stages_of_accepted_steps) {
    static trail l;
    EACH_PAIR(id)
    for (int stop_at_end = 0; stop_at_end < 2; stop_at_end++) {
        const tableau *m = tableau_get(id);
        equation e = equation_make(2);
        l.e = &e, l.count = l.next = 0, l.reversing = false, l.ordered = l.known = true;
        ode_system system = equation_system(&e);
        system.context = &l, system.evaluate = trail_evaluate, system.backward = trail_backward;
        const adaptive_options options = {.atol = 1e-3, .rtol = 1e-3, .stop_at_end = stop_at_end};
        adaptive_record record = {
            .capacity = STEPS_MAX, .time = found.time, .step = found.step, .states = found.states};
        real y[LENGTH_MAX], ybar[LENGTH_MAX] = {1, 2, 3, 4}, workspace[(2 * RK_STAGES_MAX + 3) * LENGTH_MAX];
        adaptive_statistics count;
        memcpy(y, e.start, sizeof y);
        cr_assert_eq(solve_integrate(&(solve_spec){.method = m, .options = options}, e.end, 0, &system, y, &record,
                                     workspace, NULL),
                     STATUS_OK);
        l.reversing = true;
        cr_assert_eq(solve_backward(&(solve_spec){.method = m}, &record, &system, ybar, workspace, &count), STATUS_OK);
        cr_assert(l.known && l.ordered, "%s", m->name);
        cr_assert_eq(l.next, 0, "every evaluation is reversed");
        cr_assert_eq(count.evaluations, m->stages * record.steps + !stop_at_end);
        cr_assert_eq(count.vjps, count.evaluations);
        cr_assert_eq(count.time, e.end);
    }
}

Test(adaptive, backward_of_no_steps_and_of_non_finite_values) {
    equation e = equation_make(0);
    const ode_system system = equation_system(&e);
    const adaptive_options options = {.atol = 1e-3, .rtol = 1e-3};
    real ybar[LENGTH_MAX] = {3, 4}, workspace[(2 * RK_STAGES_MAX + 3) * LENGTH_MAX];
    solution_find(tableau_get(TABLEAU_DOPRI5), &e, 1, 1, &options, &found);
    cr_assert_eq(solve_backward(&(solve_spec){.method = tableau_get(TABLEAU_DOPRI5)}, &found.record, &system, ybar,
                                workspace, NULL),
                 STATUS_OK);
    cr_assert_eq(ybar[0], 3);
    solution_find(tableau_get(TABLEAU_DOPRI5), &e, 0, 1, &options, &found);
    ybar[0] = (real)INFINITY;
    cr_assert_eq(solve_backward(&(solve_spec){.method = tableau_get(TABLEAU_DOPRI5)}, &found.record, &system, ybar,
                                workspace, NULL),
                 STATUS_NON_FINITE);
}

#ifdef AFFJORD_DOUBLE

static solution other;

/* sum_i (1 + i) y_i at the end, solving the recorded steps again, plainly, from other values. */
static double replay(const tableau *m, const equation *e, const adaptive_record *record, const real *start) {
    const size_t n = e->length;
    real y[LENGTH_MAX], k[RK_WEIGHTS_MAX][LENGTH_MAX];
    memcpy(y, start, n * sizeof *y);
    for (size_t step = 0; step < record->steps; step++) {
        const double t = record->time[step], h = record->step[step];
        for (size_t i = 0; i <= m->stages; i++) {
            real state[LENGTH_MAX];
            for (size_t d = 0; d < n; d++) {
                state[d] = y[d];
                for (size_t j = 0; j < i; j++) state[d] += h * (i < m->stages ? m->a[i] : m->b)[j] * k[j][d];
            }
            e->f(t + (i < m->stages ? m->c[i] : 1) * h, e->strength, state, k[i]);
        }
        double w[RK_WEIGHTS_MAX];
        step_dense(m, step + 1 < record->steps ? 1 : (record->end - t) / h, w);
        for (size_t d = 0; d < n; d++)
            for (size_t i = 0; i <= m->stages; i++) y[d] += h * w[i] * k[i][d];
    }
    double loss = 0;
    for (size_t d = 0; d < n; d++) loss += (double)(d + 1) * y[d];
    return loss;
}

static void check_backward(const tableau *m, size_t which, bool back, bool stop_at_end) {
    equation e = equation_make(which);
    const ode_system system = equation_system(&e);
    const adaptive_options options = {.atol = 1e-3, .rtol = 1e-3, .stop_at_end = stop_at_end};
    const double half = e.end / 2, delta = 1e-5;
    real ybar[LENGTH_MAX], workspace[(2 * RK_STAGES_MAX + 3) * LENGTH_MAX];
    solution_find(m, &e, back ? e.end : half, back ? half : e.end, &options, &found);
    cr_assert_eq(found.outcome, STATUS_OK);
    double loss = 0, scale = 0;
    for (size_t d = 0; d < e.length; d++) {
        loss += (double)(d + 1) * found.y[d];
        ybar[d] = (double)(d + 1);
    }
    cr_assert_float_eq(replay(m, &e, &found.record, e.start), loss, 1e-12 * (1 + fabs(loss)), "%s", m->name);

    cr_assert_eq(solve_backward(&(solve_spec){.method = m}, &found.record, &system, ybar, workspace, NULL), STATUS_OK);
    double gradient[LENGTH_MAX + 1], difference[LENGTH_MAX + 1]; /* by the start, and by strength */
    for (size_t d = 0; d <= e.length; d++) {
        gradient[d] = d < e.length ? ybar[d] : e.gradient;
        double side[2];
        for (int up = 0; up < 2; up++) {
            equation moved = e;
            *(d < e.length ? &moved.start[d] : &moved.strength) += up ? delta : -delta;
            side[up] = replay(m, &moved, &found.record, moved.start);
        }
        difference[d] = (side[1] - side[0]) / (2 * delta);
        scale = fmax(scale, fabs(difference[d]));
    }
    for (size_t d = 0; d <= e.length; d++) {
        cr_assert_gt(fabs(gradient[d]), d + 1 == e.length ? 0 : 1e-6 * scale);
        cr_assert_float_eq(gradient[d], difference[d], 2e-8 * scale, "%s, %s, %zu: %.12g, differences give %.12g",
                           m->name, e.name, d, gradient[d], difference[d]);
    }
}

Test(adaptive, backward_is_the_gradient_with_fixed_steps) {
    EACH_PAIR(id)
    for (size_t which = 0; which < EQUATIONS; which++)
        for (int form = 0; form < 4; form++) check_backward(tableau_get(id), which, form & 1, form & 2);
}

/* Solve and return the error; failures end the test. */
static void find_truth(equation *e, double start, double end, real y[LENGTH_MAX]) {
    const adaptive_options options = {.atol = 1e-14, .rtol = 1e-13, .stop_at_end = true};
    solution_find(tableau_get(TABLEAU_DOPRI8), e, start, end, &options, &other);
    cr_assert_eq(other.outcome, STATUS_OK);
    memcpy(y, other.y, sizeof other.y);
}

static double distance(size_t n, const real *x, const real *y) {
    double square = 0;
    for (size_t d = 0; d < n; d++) square += (x[d] - y[d]) * (x[d] - y[d]);
    return sqrt(square / (double)n);
}

Test(adaptive, errors_are_proportional_to_tolerances) {
    real truth[LENGTH_MAX];
    for (size_t which = 0; which < EQUATIONS; which++) {
        equation e = equation_make(which);
        find_truth(&e, 0, e.end, truth);
        EACH_PAIR(id)
        /* dopri8's steps are too long to interpolate. */
        for (int stop_at_end = id == TABLEAU_DOPRI8; stop_at_end < 2; stop_at_end++) {
            const int tightest = id == TABLEAU_HEUN2 ? 6 : 9;
            double error[10] = {0};
            for (int digits = 3; digits <= tightest; digits++) {
                const double tolerance = pow(10, -digits);
                const adaptive_options options = {.atol = tolerance, .rtol = tolerance, .stop_at_end = stop_at_end};
                solution_find(tableau_get(id), &e, 0, e.end, &options, &found);
                cr_assert_eq(found.outcome, STATUS_OK);
                error[digits] = distance(e.length, found.y, truth);
                cr_assert_lt(error[digits], 60 * tolerance, "%s, %s: error %g at tolerance %g", tableau_get(id)->name,
                             e.name, error[digits], tolerance);
            }
            const double power = log10(error[4] / error[tightest]) / (tightest - 4);
            cr_assert_float_eq(power, 1, 0.2, "%s, %s: error goes as the tolerance to the %g", tableau_get(id)->name,
                               e.name, power);
        }
    }
}

Test(adaptive, interpolation_has_the_order_of_the_table) {
    const size_t orders[] = {[TABLEAU_HEUN2] = 2, 3, 4, 4, 4};
    EACH_PAIR(id) {
        const tableau *m = tableau_get(id);
        double error[2];
        for (int halved = 0; halved < 2; halved++) {
            equation e = equation_make(0);
            real truth[LENGTH_MAX];
            const double h = (id == TABLEAU_DOPRI8 ? 0.6 : 0.2) / (1 + halved);
            const adaptive_options options = {.atol = 1e3, .first_step = h};
            find_truth(&e, 0, 0.37 * h, truth);
            solution_find(m, &e, 0, 0.37 * h, &options, &found);
            cr_assert_eq(found.count.accepted, 1);
            error[halved] = distance(e.length, found.y, truth);
        }
        cr_assert_float_eq(log2(error[0] / error[1]), (double)orders[id] + 1, 0.3, "%s: order %g", m->name,
                           log2(error[0] / error[1]) - 1);
    }
}

Test(adaptive, forward_and_backward_solves_cancel) {
    EACH_PAIR(id)
    if (id != TABLEAU_HEUN2)
        for (size_t which = 0; which < EQUATIONS; which++) {
            equation e = equation_make(which);
            const adaptive_options options = {.atol = 1e-8, .rtol = 1e-8, .stop_at_end = true};
            const equation begin = e;
            solution_find(tableau_get(id), &e, 0, e.end, &options, &found);
            memcpy(e.start, found.y, sizeof e.start);
            solution_find(tableau_get(id), &e, e.end, 0, &options, &found);
            cr_assert_lt(distance(e.length, found.y, begin.start), 3e-6, "%s, %s", tableau_get(id)->name, e.name);
        }
}

#endif
