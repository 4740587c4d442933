/* step_rules.h - the decisions of a solver (step_control.h), one text for both compilers.
 *
 * The including file defines STEP_FUNCTION, the qualifiers of a function, and STEP_POWER(x, y), x^y in double. The
 * rules are torchdiffeq's (see ode/solve.h). Compilers must not contract, so all devices give the same bits. */
#ifndef AFFJORD_BACKEND_STEP_RULES_H
#define AFFJORD_BACKEND_STEP_RULES_H

#include <math.h>
#include <stdint.h>

#include "backend/step_control.h"

/* p(x) = y + x h k_0 + x^2 (...) + x^3 (...) + x^4 (...), sorted by term. */
STEP_FUNCTION void rules_dense(const tableau *pair, double x, double *w) {
    const size_t s = pair->stages;
    const double square = x * x;
    const double end = square * (-5 + x * (14 - 8 * x)); /* of y+ - y */
    const double middle = 16 * square * (1 - x) * (1 - x); /* of y(t + h/2) - y */
    for (size_t i = 0; i < s; i++) w[i] = end * pair->b[i] + middle * pair->mid[i];
    w[0] += x * (1 + x * (-4 + x * (5 - 2 * x)));
    w[s] = middle * pair->mid[s] + square * (1 + x * (-3 + 2 * x));
}

/* --- The coefficients of a step --- */

STEP_FUNCTION double rules_entry(const tableau *m, size_t stage, size_t j) {
    return stage < m->stages ? m->a[stage][j] : m->b[j];
}

STEP_FUNCTION void rules_coefficients(const tableau *m, double h, step_coefficients *out) {
    for (size_t i = 0; i <= m->stages; i++)
        for (size_t j = 0; j < i; j++) out->stage[i][j] = h * rules_entry(m, i, j);
    for (size_t j = 0; j <= m->stages; j++) out->error[j] = h * m->error[j];
}

/* Set the coefficients of the backward pass of a step with `stages` stages whose result has the weights w. */
STEP_FUNCTION void rules_backward_coefficients(const tableau *m, double h, size_t stages, const double *w,
                                               step_coefficients *out) {
    for (size_t i = 0; i < stages; i++) {
        out->backward[i][0] = h * w[i];
        for (size_t j = i + 1; j < stages; j++) out->backward[i][j - i] = h * rules_entry(m, j, i);
    }
}

/* Set the times of the stages of a step; a stage at its end has exactly the end's time. */
STEP_FUNCTION void rules_stage_times(const tableau *m, double t, double t_next, double h, step_coefficients *out) {
    for (size_t i = 0; i < m->stages; i++) out->time[i] = m->c[i] == 1 ? t_next : t + m->c[i] * h;
    out->time[m->stages] = t_next;
}

/* --- Adaptive steps --- */

STEP_FUNCTION void rules_stop(step_control *c, status outcome) {
    c->going = 0;
    c->outcome = outcome;
}

/* Return the reason why the step cannot be smaller. */
STEP_FUNCTION status rules_min_step_status(const step_control *c) {
    return c->finite ? STATUS_STEP_TOO_SMALL : STATUS_NON_FINITE;
}

STEP_FUNCTION void rules_set_step(step_control *c) {
    if (c->max_step != 0 && c->size > c->max_step) c->size = c->max_step;
    if (c->size < c->min_step) c->size = c->min_step;
    const bool stopping = c->stop_at_end && c->size >= fabs(c->end - c->t);
    c->h = stopping ? c->end - c->t : c->direction * c->size;
    c->t_next = stopping ? c->end : c->t + c->h;
    if (c->t_next == c->t) rules_stop(c, rules_min_step_status(c));
    else if (c->accepted + c->rejected == c->attempts) rules_stop(c, STATUS_TOO_MANY_STEPS);
    else if (c->steps == c->capacity) rules_stop(c, STATUS_RECORD_FULL);
    else {
        rules_stage_times(&c->method, c->t, c->t_next, c->h, &c->coefficients);
        rules_coefficients(&c->method, c->h, &c->coefficients);
    }
}

/* Return a step size for which an explicit Euler step is small. */
STEP_FUNCTION double rules_euler_size(const step_control *c) {
    const double ratio = c->state_norm / c->derivative_norm;
    return c->state_norm < 1e-5 || c->derivative_norm < 1e-5 || !isfinite(ratio)
               ? 1e-6
               : 0.01 * c->state_norm / c->derivative_norm;
}

STEP_FUNCTION void rules_euler(step_control *c) {
    c->coefficients.result[0] = c->direction * rules_euler_size(c);
    c->coefficients.time[1] = c->t + c->coefficients.result[0];
}

/* Return a step size for which the error is small, judged by the second derivative from the Euler step. */
STEP_FUNCTION double rules_first_size(const step_control *c) {
    const double h0 = rules_euler_size(c), d1 = c->derivative_norm, d2 = c->second_derivative_norm / h0;
    if (!isfinite(d2)) return h0 * 1e-3; /* the Euler step was already too long */
    const double most = d1 > d2 ? d1 : d2, cautious = h0 * 1e-3 > 1e-6 ? h0 * 1e-3 : 1e-6;
    const double h1 = most <= 1e-15 ? cautious : STEP_POWER(0.01 / most, 1.0 / (double)c->method.order);
    return h1 < 100 * h0 ? h1 : 100 * h0;
}

STEP_FUNCTION void rules_begin(step_control *c) {
    if (isnan(c->state_norm) || isnan(c->derivative_norm)) {
        rules_stop(c, STATUS_NON_FINITE);
        return;
    }
    c->size = c->first_step != 0 ? c->first_step : rules_first_size(c);
    rules_set_step(c);
}

/* Return the factor for the next step's size. If the ratio is NaN, it is the smallest factor. */
STEP_FUNCTION double rules_factor(const step_control *c) {
    const double safety = 0.9, most = 10, least = 0.2, ratio = c->ratio;
    if (ratio == 0) return most;
    const double low = ratio < 1 ? 1 : least;
    const double wanted = safety / STEP_POWER(ratio, 1.0 / (double)c->method.order);
    if (!(wanted > low)) return low;
    return wanted < most ? wanted : most;
}

/* Accept the current step. */
STEP_FUNCTION void rules_accept(step_control *c, double size) {
    if (c->times) {
        c->times[c->steps] = c->t;
        c->sizes[c->steps] = c->h;
    }
    if (c->capacity != SIZE_MAX) c->steps++;
    if (c->accepted == 0 || size < c->smallest) c->smallest = size;
    if (size > c->largest) c->largest = size;
    c->accepted++;
    c->reached = c->t_next;
}

/* Set the weights of the state at the end, which the last step may exceed. */
STEP_FUNCTION void rules_finish(step_control *c) {
    const tableau *m = &c->method;
    double *w = c->coefficients.result;
    for (size_t i = 0; i < m->stages; i++) w[i] = m->b[i];
    w[m->stages] = 0;
    if (c->t_next != c->end) rules_dense(m, (c->end - c->t) / (c->t_next - c->t), w);
    for (size_t i = 0; i <= m->stages; i++) w[i] = c->h * w[i];
    rules_stop(c, STATUS_OK);
}

STEP_FUNCTION void rules_accept_reject(step_control *c) {
    c->evaluations += c->method.stages;
    c->size = fabs(c->h);
    c->advance = 0;
    if (c->ratio <= 1) {
        rules_accept(c, c->size);
        c->finite = true;
        c->advance = c->direction * (c->t_next - c->end) < 0;
        if (c->advance == 0) rules_finish(c);
    } else {
        c->rejected++;
        c->finite = isfinite(c->ratio);
        if (c->size <= c->min_step) rules_stop(c, rules_min_step_status(c));
    }
    c->size *= rules_factor(c);
}

STEP_FUNCTION void rules_next_size(step_control *c) {
    if (!c->going) return;
    if (c->advance) c->t = c->t_next;
    rules_set_step(c);
}

/* --- Equal steps --- */

/* Prepare step number `index`. All have the same size; times are those of time_grid_time (ode/solve.h). */
STEP_FUNCTION void rules_fixed_step(step_control *c, size_t index) {
    const tableau *m = &c->method;
    const double each = (c->end - c->start) / (double)c->fixed_steps;
    c->t = c->start + (double)index * each;
    c->t_next = index + 1 == c->fixed_steps ? c->end : c->start + (double)(index + 1) * each;
    c->h = each;
    for (size_t i = 0; i < m->stages; i++) c->coefficients.time[i] = c->start + ((double)index + m->c[i]) * each;
    c->coefficients.time[m->stages] = c->t_next;
    rules_coefficients(m, each, &c->coefficients);
}

STEP_FUNCTION void rules_fixed_done(step_control *c) {
    rules_accept(c, fabs(c->h));
    c->going = c->accepted < c->fixed_steps;
    if (c->going) rules_fixed_step(c, c->accepted);
}

/* --- The backward pass --- */

STEP_FUNCTION void rules_backward(step_control *c) {
    const tableau *m = &c->method;
    const size_t i = --c->steps;
    const bool last = i + 1 == c->count;
    double dense[RK_WEIGHTS_MAX];
    c->going = i > 0;
    if (c->fixed_steps) {
        rules_fixed_step(c, i);
        rules_backward_coefficients(m, c->h, m->stages, m->b, &c->coefficients);
        return;
    }
    c->t = c->times[i];
    c->h = c->sizes[i];
    c->t_next = last ? c->reached : c->times[i + 1];
    rules_stage_times(m, c->t, c->t_next, c->h, &c->coefficients);
    rules_coefficients(m, c->h, &c->coefficients);
    if (last && c->t_next != c->end) {
        rules_dense(m, (c->end - c->t) / (c->t_next - c->t), dense);
        rules_backward_coefficients(m, c->h, m->stages + 1, dense, &c->coefficients);
        c->going = 0; /* the others have one stage fewer */
    } else {
        rules_backward_coefficients(m, c->h, m->stages, m->b, &c->coefficients);
    }
}

STEP_FUNCTION void rules_act(step_action action, step_control *c) {
    switch (action) {
    case STEP_EULER: rules_euler(c); break;
    case STEP_BEGIN: rules_begin(c); break;
    case STEP_ACCEPT_REJECT: rules_accept_reject(c); break;
    case STEP_NEXT_SIZE: rules_next_size(c); break;
    case STEP_DONE: rules_fixed_done(c); break;
    case STEP_BACKWARD: rules_backward(c); break;
    case STEP_BACKWARD_REST: c->going = c->steps > 0; break;
    }
}

#endif
