/* step.c - y_i = y + h sum_j a_ij k_j,  k_i = F(t + c_i h, y_i),  y+ = y + h sum_i b_i k_i, and its reverse.
 *
 * Reverse: with ybar+ the cotangent of y+, going through the stages from the last,
 *   kbar_i = h b_i ybar+ + h sum_{j>i} a_ji Ybar_j,  Ybar_i = (dF/dy)^T kbar_i,  ybar = ybar+ + sum_i Ybar_i
 * (Hager 2000: the reverse of a Runge-Kutta method is one too). */
#include "ode/step.h"

void rk_step_keep(const rk_step *step, size_t i, const real *y) {
    const backend_ops *backend = step->system->backend;
    const size_t n = step->system->length;
    if (step->kept) backend->copy_slot(backend, n, step->slot, y, 0, step->kept + i * n, step->apart);
}

void rk_step_stages(const rk_step *step, size_t first, size_t last, const real *y, real *states, size_t stride,
                    real *const *k) {
    const ode_system *system = step->system;
    const backend_ops *backend = system->backend;
    const step_numbers *numbers = step->numbers;
    for (size_t i = first; i < last; i++) {
        real *state = states + i * stride;
        backend->combine(backend, system->length, y, i, numbers->stage[i], (const real *const *)k, state);
        rk_step_keep(step, i, state);
        system->evaluate(system->context, step->evaluation + i, &numbers->time[i], state, k[i]);
    }
}

void rk_step_reverse(const rk_step *step, size_t stages, const real *states, const real *sources, real *ybar,
                     real *kbar, real *const *Ybar) {
    const ode_system *system = step->system;
    const backend_ops *backend = system->backend;
    const step_numbers *numbers = step->numbers;
    const size_t n = system->length;
    const real *terms[RK_WEIGHTS_MAX]; /* ybar+, then the Ybar of later stages */

    for (size_t i = stages; i-- > 0;) {
        terms[0] = ybar;
        for (size_t j = i + 1; j < stages; j++) terms[j - i] = Ybar[j];
        backend->zero(backend, n, kbar);
        backend->combine(backend, n, kbar, stages - i, numbers->back[i], terms, kbar);
        system->reverse(system->context, step->evaluation + i, &numbers->time[i], states + i * n, kbar, Ybar[i]);
        if (sources) {
            const real *source = sources + i * n;
            backend->combine(backend, n, Ybar[i], 1, numbers->one, &source, Ybar[i]);
        }
    }
    backend->combine(backend, n, ybar, stages, numbers->one, (const real *const *)Ybar, ybar);
}

void rk_step_repeat(const backend_ops *backend, void (*step)(void *argument), void *argument, const int *going) {
    if (backend->repeat) backend->repeat(backend, step, argument, going);
    else
        while (*going) step(argument);
}
