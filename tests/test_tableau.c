/* test_tableau.c - the coefficients of the embedded pairs against the order conditions, their convergence, and the error
 * of RK4 that a training can profit from.
 *
 * A method has order p if for every rooted tree of up to p vertices sum_i b_i Phi_i = 1 / gamma; with one new root over
 * trees t_1 .. t_m, Phi_i = prod_k sum_j a_ij Phi_j(t_k) and gamma = size prod_k gamma(t_k). Weights of an output
 * inside the step, at t + x h, have x^size / gamma on the right. */
#include <criterion/criterion.h>
#include <math.h>

#include "backend/cpu/cpu.h"
#include "backend/step_control.h"
#include "base/random.h"
#include "adaptive_support.h"

enum { ORDER_MAX = 9, TREES_MAX = 500 };

typedef struct tree {
    size_t size;
    double gamma, phi[RK_WEIGHTS_MAX];
} tree;

typedef struct forest {
    const tableau *pair;
    size_t count, known; /* trees, and those smaller than the ones being built */
    tree trees[TREES_MAX];
} forest;

/* Add all combinations of the trees first .. known - 1 with `rest` vertices in total below the root of `root`. */
static void grow(forest *f, tree root, size_t rest, size_t first) {
    if (rest == 0) {
        root.gamma *= (double)root.size;
        cr_assert_lt(f->count, TREES_MAX);
        f->trees[f->count++] = root;
        return;
    }
    const tableau *m = f->pair;
    for (size_t k = first; k < f->known && f->trees[k].size <= rest; k++) {
        tree more = root;
        more.gamma *= f->trees[k].gamma;
        for (size_t i = 0; i <= m->stages; i++) {
            const double *a = i < m->stages ? m->a[i] : m->b; /* the last stage is at the step's end */
            double sum = 0;
            for (size_t j = 0; j < i; j++) sum += a[j] * f->trees[k].phi[j];
            more.phi[i] *= sum;
        }
        grow(f, more, rest - f->trees[k].size, k);
    }
}

static void plant(forest *f, const tableau *pair) {
    static const size_t expected[ORDER_MAX] = {1, 2, 4, 8, 17, 37, 85, 200, 486};
    *f = (forest){.pair = pair};
    for (size_t size = 1; size <= ORDER_MAX; size++) {
        tree root = {.size = size, .gamma = 1};
        for (size_t i = 0; i <= pair->stages; i++) root.phi[i] = 1;
        grow(f, root, size - 1, 0);
        f->known = f->count;
        cr_assert_eq(f->count, expected[size - 1], "%zu trees of up to %zu vertices", f->count, size);
    }
}

/* Largest error in the conditions of one order, for weights of `stages` stages and an output at x. */
static double defect(const forest *f, size_t order, size_t stages, const double *weights, double x) {
    double worst = 0;
    for (size_t k = 0; k < f->count; k++) {
        const tree *t = &f->trees[k];
        if (t->size != order) continue;
        double sum = 0;
        for (size_t i = 0; i < stages; i++) sum += weights[i] * t->phi[i];
        worst = fmax(worst, fabs(sum - pow(x, (double)order) / t->gamma));
    }
    return worst;
}

/* The conditions hold up to `order`, and not beyond it. */
static void check_order(const forest *f, const char *what, size_t order, size_t stages, const double *weights,
                        double x) {
    for (size_t p = 1; p <= order; p++)
        cr_assert_lt(defect(f, p, stages, weights, x), 3e-14, "%s, %s: order %zu is off by %g", f->pair->name, what, p,
                     defect(f, p, stages, weights, x));
    cr_assert_gt(defect(f, order + 1, stages, weights, x), 1e-7, "%s, %s: order %zu holds too", f->pair->name, what,
                 order + 1);
}

static const size_t middle_order[] = {[TABLEAU_HEUN2] = 2, 3, 4, 4, 5},
                    dense_order[] = {[TABLEAU_HEUN2] = 2, 3, 4, 4, 4};

Test(tableau, pairs_satisfy_all_order_conditions) {
    static forest f;
    EACH_PAIR(id) {
        const tableau *m = tableau_get(id);
        const size_t s = m->stages;
        plant(&f, m);
        for (size_t i = 0; i < s; i++) {
            double sum = 0;
            for (size_t j = 0; j < RK_STAGES_MAX; j++) {
                sum += m->a[i][j];
                if (j >= i) cr_assert_eq(m->a[i][j], 0, "%s is explicit", m->name);
            }
            cr_assert_float_eq(sum, m->c[i], 2e-15, "%s, row %zu: %g", m->name, i, sum - m->c[i]);
        }
        check_order(&f, "result", m->order, s, m->b, 1);
        double lower[RK_WEIGHTS_MAX], dense[RK_WEIGHTS_MAX];
        for (size_t i = 0; i <= s; i++) lower[i] = (i < s ? m->b[i] : 0) - m->error[i];
        check_order(&f, "inner method", m->order - 1, s + 1, lower, 1);
        check_order(&f, "middle", middle_order[id], s + 1, m->mid, 0.5);
        for (double x = 0.15; x < 1; x += 0.2) {
            step_dense(m, x, dense);
            check_order(&f, "dense output", dense_order[id], s + 1, dense, x);
        }
    }
}

Test(tableau, dense_output_passes_through_the_ends_and_the_middle) {
    EACH_PAIR(id) {
        const tableau *m = tableau_get(id);
        const size_t s = m->stages;
        double w[3][RK_WEIGHTS_MAX], near[2][RK_WEIGHTS_MAX];
        for (int i = 0; i < 3; i++) step_dense(m, 0.5 * i, w[i]);
        step_dense(m, 1e-9, near[0]);
        step_dense(m, 1 - 1e-9, near[1]);
        for (size_t i = 0; i <= s; i++) {
            const double b = i < s ? m->b[i] : 0;
            cr_assert_eq(w[0][i], 0);
            cr_assert_float_eq(w[1][i], m->mid[i], 1e-16);
            cr_assert_eq(w[2][i], b);
            cr_assert_float_eq(near[0][i] / 1e-9, i == 0, 1e-6, "%s: slope at the start", m->name);
            cr_assert_float_eq((b - near[1][i]) / 1e-9, i == s, 1e-6, "%s: slope at the end", m->name);
        }
    }
}

/* --- The error that a training can profit from (docs/guide/experiments.md#few-steps) --- */

/* Return the gain of a step with the rates x: what the trace adds to log p, minus the log of the step's factor. *cost <-
 * W, the regularizer's. */
static double gain(const tableau *m, const double *x, double *cost) {
    double k[RK_STAGES_MAX], trace = 0, factor = 1;
    *cost = 0;
    for (size_t i = 0; i < m->stages; i++) {
        double z = 1;
        for (size_t j = 0; j < i; j++) z += m->a[i][j] * k[j];
        k[i] = x[i] * z;
        trace += m->b[i] * x[i];
        factor += m->b[i] * k[i];
        *cost += m->b[i] * x[i] * x[i];
    }
    return trace - log(factor);
}

Test(tableau, gain_of_an_rk4_step_is_bounded_by_the_regularizer) {
    const tableau *m = tableau_get(TABLEAU_RK4);
    const random_stream stream = {.seed = 1, .purpose = RANDOM_TEST_PROBE};
    const double largest[2][4] = {{1, -1, 1, -1}, {2, -1, -1, 2}}, bound[2] = {0.5, 0.25};
    double cost, x[4];
    for (int same = 0; same < 2; same++) { /* whether the stages in the middle have one rate, as with time */
        for (size_t i = 0; i < 4; i++) x[i] = 1e-4 * largest[same][i];
        const double most = gain(m, x, &cost);
        cr_expect_float_eq(most / cost, bound[same], 1e-3, "%g of %g", most, cost);
        for (uint64_t n = 0; n < 1000; n++) {
            random_uniform4(stream, n, 0, x);
            for (size_t i = 0; i < 4; i++) x[i] = 1e-4 * (2 * x[i] - 1);
            if (same) x[2] = x[1];
            const double other = gain(m, x, &cost);
            cr_expect_leq(other, (bound[same] + 1e-3) * cost);
        }
    }
}

#ifdef AFFJORD_DOUBLE

static void pendulum(void *context, size_t evaluation, const double *t, const real *y, real *dy) {
    cr_assert_eq(evaluation, (*(size_t *)context)++);
    dy[0] = y[1];
    dy[1] = -sin(y[0]) + 0.5 * cos(*t);
}

static void solve(const tableau *m, size_t steps, real y[2]) {
    real workspace[2 * (RK_STAGES_MAX + 1)];
    size_t evaluations = 0;
    const ode_system system = {
        .backend = cpu_backend(CPU_PORTABLE), .length = 2, .context = &evaluations, .evaluate = pendulum};
    y[0] = 1, y[1] = 0.2;
    const solve_spec by = {.method = m, .steps = steps};
    solve_integrate(&by, 0, 2, &system, y, NULL, workspace, NULL);
    cr_assert_eq(evaluations, steps * m->stages);
}

/* Pairs work with fixed steps too, without the stage that only the error estimate needs. */
Test(tableau, error_of_pairs_falls_with_the_order_on_a_grid) {
    const size_t steps[] = {[TABLEAU_HEUN2] = 80, 40, 16, 16, 4};
    real truth[2], y[2];
    solve(tableau_get(TABLEAU_DOPRI8), 150, truth);
    EACH_PAIR(id) {
        const tableau *m = tableau_get(id);
        double error[2];
        for (size_t i = 0; i < 2; i++) {
            solve(m, (i + 1) * steps[id], y);
            error[i] = hypot(y[0] - truth[0], y[1] - truth[1]);
        }
        cr_assert_float_eq(log2(error[0] / error[1]), (double)m->order, 0.4, "%s: order %g, errors %g and %g", m->name,
                           log2(error[0] / error[1]), error[0], error[1]);
    }
}

#endif
