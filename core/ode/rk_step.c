/* rk_step.c - y_i = y + h sum_j a_ij k_j,  k_i = F(t + c_i h, y_i),  y+ = y + h sum_i b_i k_i, and its reverse.
 *
 * Reverse: with ybar+ the cotangent of y+, going through the stages from the last,
 *   kbar_i = h b_i ybar+ + h sum_{j>i} a_ji Ybar_j,  Ybar_i = (dF/dy)^T kbar_i,  ybar = ybar+ + sum_i Ybar_i
 * (Hager 2000: the reverse of a Runge-Kutta method is one too). */
#include "ode/rk_step.h"

static const double *row(const tableau *method, size_t stage) {
    return stage < method->stages ? method->a[stage] : method->b;
}

void rk_step_combine(const rk_step *step, size_t stages, const double *w, const real *y, real *const *k, real *out) {
    double weights[RK_WEIGHTS_MAX];
    for (size_t i = 0; i < stages; i++) weights[i] = step->h * w[i];
    const backend_ops *backend = step->system->backend;
    backend->combine(backend, step->system->length, y, stages, weights, (const real *const *)k, out);
}

void rk_step_stages(const rk_step *step, size_t first, size_t last, const real *y, real *states, size_t stride,
                    real *const *k) {
    const ode_system *system = step->system;
    for (size_t i = first; i < last; i++) {
        real *state = states + i * stride;
        rk_step_combine(step, i, row(step->method, i), y, k, state);
        system->evaluate(system->context, step->evaluation + i, step->time[i], state, k[i]);
    }
}

void rk_step_reverse(const rk_step *step, size_t stages, const double *w, const real *states, const real *sources,
                     real *ybar, real *kbar, real *const *Ybar) {
    const ode_system *system = step->system;
    const backend_ops *backend = system->backend;
    const size_t n = system->length;
    double ones[RK_WEIGHTS_MAX], weights[RK_WEIGHTS_MAX];
    const real *terms[RK_WEIGHTS_MAX]; /* ybar+, then the Ybar of later stages */
    for (size_t i = 0; i < stages; i++) ones[i] = 1;

    for (size_t i = stages; i-- > 0;) {
        weights[0] = step->h * w[i];
        terms[0] = ybar;
        for (size_t j = i + 1; j < stages; j++) {
            weights[j - i] = step->h * row(step->method, j)[i];
            terms[j - i] = Ybar[j];
        }
        backend->zero(backend, n, kbar);
        backend->combine(backend, n, kbar, stages - i, weights, terms, kbar);
        system->reverse(system->context, step->evaluation + i, step->time[i], states + i * n, kbar, Ybar[i]);
        if (sources) {
            const real *source = sources + i * n;
            backend->combine(backend, n, Ybar[i], 1, ones, &source, Ybar[i]);
        }
    }
    backend->combine(backend, n, ybar, stages, ones, (const real *const *)Ybar, ybar);
}
