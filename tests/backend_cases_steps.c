/* backend_cases_steps.c - cases of step control, and of repeated steps. */
#include <math.h>
#include <string.h>

#include "backend/memory.h"
#include "backend_cases_internal.h"
#include "ode/tableau.h"

/* Put a control into device memory, and record all its fields. */
static step_control *control_on(work *w, const step_control *control) {
    step_control *c;
    case_must(BACKEND_NEW(w->backend, &w->memory, 1, &c));
    w->backend->copy_to_device(w->backend, sizeof *control, control, c);
    return c;
}
static void result_control(work *w, const step_control *c) {
    static step_control host;
    w->backend->copy_to_host(w->backend, sizeof host, c, &host);
    const double numbers[] = {host.going,
                              host.outcome,
                              host.size,
                              host.t,
                              host.t_next,
                              host.h,
                              host.reached,
                              (double)host.steps,
                              host.finite,
                              host.smallest,
                              (double)host.advance,
                              (double)host.evaluations,
                              (double)host.rejected,
                              host.largest,
                              (double)host.accepted};
    double *all = case_values(w, sizeof numbers / sizeof *numbers);
    memcpy(all, numbers, sizeof numbers);
    case_give(w, sizeof numbers / sizeof *numbers, all);
    const size_t count = sizeof host.coefficients / sizeof(double);
    all = case_values(w, count);
    memcpy(all, &host.coefficients, count * sizeof *all);
    case_give(w, count, all);
}

/* A solve with given errors: accepted, rejected, NaN, past the end; and the backward solve. */
void case_control(work *w) {
    const backend_ops *b = w->backend;
    const double ratios[] = {0.3, 0, 1.7, NAN, 1, 0.99, 40, 1e-9, 0.5, 0.5, 0.5, 0.5};
    enum { CAPACITY = 20, RATIOS = sizeof ratios / sizeof *ratios };
    for (size_t p = 0; p < 2 * (TABLEAU_COUNT - TABLEAU_HEUN2); p++) {
        const tableau *pair = tableau_get((tableau_id)(TABLEAU_HEUN2 + p / 2));
        step_control c = {.method = *pair,
                          .end = p % 2 ? -2 : 2,
                          .direction = p % 2 ? -1 : 1,
                          .max_step = 1.5,
                          .stop_at_end = p % 4 == 1,
                          .attempts = 100,
                          .capacity = CAPACITY,
                          .going = 1,
                          .finite = true,
                          .evaluations = 2,
                          .state_norm = 0.7,
                          .derivative_norm = 0.2 + (double)p,
                          .second_derivative_norm = 0.01};
        c.times = case_room_double(w, CAPACITY), c.sizes = case_room_double(w, CAPACITY);
        step_coefficients_set(&c.method, 0, false, &c.coefficients);
        step_control *device = control_on(w, &c);
        b->decide(b, STEP_EULER, device);
        b->decide(b, STEP_BEGIN, device);
        for (size_t i = 0; i < RATIOS; i++) {
            b->copy_to_device(b, sizeof(double), &ratios[i], &device->ratio);
            b->decide(b, STEP_ACCEPT_REJECT, device);
            b->decide(b, STEP_NEXT_SIZE, device);
            if (i % 5 == 3 || i + 1 == RATIOS) result_control(w, device);
        }
        b->copy_to_host(b, sizeof c, device, &c);
        c.count = c.steps, c.going = 1;
        b->copy_to_device(b, sizeof c, &c, device);
        for (size_t i = 0; i < 2 && i < c.count; i++) b->decide(b, STEP_BACKWARD, device);
        result_control(w, device);
        b->decide(b, STEP_BACKWARD_REST, device);
        case_result_double(w, CAPACITY, c.times);
        case_result_double(w, CAPACITY, c.sizes);
    }
}

void case_grid(work *w) {
    const backend_ops *b = w->backend;
    step_control c = {.method = *tableau_get(TABLEAU_RK4), .start = 0.3, .end = 1, .fixed_steps = 3, .going = 1};
    step_control_begin_fixed(&c);
    step_control *device = control_on(w, &c);
    for (size_t i = 0; i < 3; i++) {
        result_control(w, device);
        b->decide(b, STEP_DONE, device);
    }
    result_control(w, device);
}

/* y <- sums of the steps' numbers, repeated until all fixed steps are done; unchanged if they are already done. */
typedef struct repeated {
    const backend_ops *b;
    step_control *control;
    const real *x;
    real *y;
} repeated;
static void repeat_once(void *argument) {
    const repeated *r = argument;
    r->b->combine(r->b, 100, r->y, 1, &r->control->coefficients.time[1], &r->x, r->y);
    r->b->decide(r->b, STEP_DONE, r->control);
}
void case_repeat(work *w) {
    const backend_ops *b = w->backend;
    for (size_t steps = 1; steps < 5; steps++) {
        step_control c = {.method = *tableau_get(TABLEAU_RK4), .end = 1, .fixed_steps = steps, .going = 1};
        step_control_begin_fixed(&c);
        repeated r = {b, control_on(w, &c), case_drawn(w, 100, 1), case_room(w, 100)};
        for (size_t again = 0; again < 3; again++) {
            if (b->repeat) b->repeat(b, repeat_once, &r, &r.control->going);
            else
                while (r.control->going) repeat_once(&r);
            case_result(w, 100, r.y);
            if (again == 1) b->copy_to_device(b, sizeof c, &c, r.control);
        }
        result_control(w, r.control);
    }
}
