/* rk.c - y_i = y + h sum_j a_ij k_j,  k_i = F(t + c_i h, y_i),  y+ = y + h sum_i b_i k_i, and its reverse.
 *
 * Reverse: with ybar+ the cotangent of y+, going through the stages from the last,
 *   kbar_i = h b_i ybar+ + h sum_{j>i} a_ji Ybar_j,  Ybar_i = (dF/dy)^T kbar_i,  ybar = ybar+ + sum_i Ybar_i
 * (Hager 2000: the reverse of a Runge-Kutta method is one too). */
#include "ode/rk.h"

#include <string.h>

#define ROW(...)                                                                                                       \
    { __VA_ARGS__ }
static const tableau tableaus[TABLEAU_COUNT] = {
#define TABLEAU(symbol, name_, order_, stages_, a_, b_, c_)                                                            \
    [TABLEAU_##symbol] = {.name = name_, .order = order_, .stages = stages_, .a = a_, .b = b_, .c = c_},
#include "ode/tableau.def"
#undef TABLEAU
};

const tableau *tableau_get(tableau_id id) {
    return &tableaus[id];
}

size_t rk_workspace(const tableau *method, size_t length) {
    return (method->stages + 1) * length;
}

/* weights (terms) <- h times a column or row of coefficients. */
static void scale(size_t terms, double h, const double *coefficients, size_t stride, double *weights) {
    for (size_t j = 0; j < terms; j++) weights[j] = h * coefficients[j * stride];
}

void rk_integrate(const tableau *method, grid g, const ode_system *system, real *y, real *states, real *workspace) {
    const size_t n = system->length, stages = method->stages;
    const double h = grid_step(g);
    double weights[RK_STAGES_MAX];
    real *k[RK_STAGES_MAX];
    for (size_t i = 0; i < stages; i++) k[i] = workspace + (i + 1) * n;

    for (size_t step = 0; step < g.steps; step++) {
        for (size_t i = 0; i < stages; i++) {
            const size_t evaluation = step * stages + i;
            real *state = states ? states + evaluation * n : workspace;
            scale(i, h, method->a[i], 1, weights);
            system->backend->combine(n, y, i, weights, (const real *const *)k, state);
            system->evaluate(system->context, evaluation, grid_time(g, method, evaluation), state, k[i]);
        }
        scale(stages, h, method->b, 1, weights);
        system->backend->combine(n, y, stages, weights, (const real *const *)k, y);
    }
}

void rk_reverse(const tableau *method, grid g, const ode_system *system, const real *states, const real *sources,
                real *ybar, real *workspace) {
    const size_t n = system->length, stages = method->stages;
    const double h = grid_step(g);
    const double ones[RK_STAGES_MAX] = {1, 1, 1, 1};
    double weights[RK_STAGES_MAX + 1];
    real *kbar = workspace; /* (n) */
    const real *terms[RK_STAGES_MAX + 1]; /* ybar+, then the Ybar of later stages */
    real *Ybar[RK_STAGES_MAX]; /* (n) each */
    for (size_t i = 0; i < stages; i++) Ybar[i] = workspace + (i + 1) * n;

    for (size_t step = g.steps; step-- > 0;) {
        for (size_t i = stages; i-- > 0;) {
            const size_t evaluation = step * stages + i;
            weights[0] = h * method->b[i];
            terms[0] = ybar;
            for (size_t j = i + 1; j < stages; j++) {
                weights[j - i] = h * method->a[j][i];
                terms[j - i] = Ybar[j];
            }
            memset(kbar, 0, n * sizeof *kbar);
            system->backend->combine(n, kbar, stages - i, weights, terms, kbar);
            system->reverse(system->context, evaluation, grid_time(g, method, evaluation), states + evaluation * n,
                            kbar, Ybar[i]);
            if (sources) {
                const real *source = sources + evaluation * n;
                system->backend->combine(n, Ybar[i], 1, ones, &source, Ybar[i]);
            }
        }
        system->backend->combine(n, ybar, stages, ones, (const real *const *)Ybar, ybar);
    }
}
