/* backend_cases_steps.c - the cases of what a solver decides, and of steps that are repeated. */
#include <math.h>
#include <string.h>

#include "backend/memory.h"
#include "backend_cases_internal.h"
#include "ode/tableau.h"

/* A control on the device, and all that it became. */
static step_control *control_on(work *w, const step_control *control) {
    step_control *c;
    case_must(BACKEND_NEW(w->backend, &w->memory, 1, &c));
    w->backend->upload(w->backend, sizeof *control, control, c);
    return c;
}
static void result_control(work *w, const step_control *c) {
    static step_control near;
    w->backend->download(w->backend, sizeof near, c, &near);
    const double numbers[] = {near.going,
                              near.outcome,
                              near.size,
                              near.t,
                              near.until,
                              near.h,
                              near.reached,
                              (double)near.steps,
                              near.finite,
                              near.smallest,
                              (double)near.advance,
                              (double)near.evaluations,
                              (double)near.rejected,
                              near.largest,
                              (double)near.accepted};
    double *all = case_values(w, sizeof numbers / sizeof *numbers);
    memcpy(all, numbers, sizeof numbers);
    case_give(w, sizeof numbers / sizeof *numbers, all);
    const size_t count = sizeof near.numbers / sizeof(double);
    all = case_values(w, count);
    memcpy(all, &near.numbers, count * sizeof *all);
    case_give(w, count, all);
}

/* A solve whose errors are given: accepted, rejected, not a number, past the end; and the way back. */
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
                          .land = p % 4 == 1,
                          .attempts = 100,
                          .capacity = CAPACITY,
                          .going = 1,
                          .finite = true,
                          .evaluations = 2,
                          .size_norm = 0.7,
                          .slope_norm = 0.2 + (double)p,
                          .bend_norm = 0.01};
        c.times = case_room_double(w, CAPACITY), c.sizes = case_room_double(w, CAPACITY);
        step_numbers_weigh(&c.method, 0, false, &c.numbers);
        step_control *far = control_on(w, &c);
        b->decide(b, STEP_EULER, far);
        b->decide(b, STEP_BEGIN, far);
        for (size_t i = 0; i < RATIOS; i++) {
            b->upload(b, sizeof(double), &ratios[i], &far->ratio);
            b->decide(b, STEP_JUDGE, far);
            b->decide(b, STEP_PLAN, far);
            if (i % 5 == 3 || i + 1 == RATIOS) result_control(w, far);
        }
        b->download(b, sizeof c, far, &c);
        c.count = c.steps, c.going = 1;
        b->upload(b, sizeof c, &c, far);
        for (size_t i = 0; i < 2 && i < c.count; i++) b->decide(b, STEP_BACK, far);
        result_control(w, far);
        b->decide(b, STEP_FURTHER, far);
        case_result_double(w, CAPACITY, c.times);
        case_result_double(w, CAPACITY, c.sizes);
    }
}

void case_grid(work *w) {
    const backend_ops *b = w->backend;
    step_control c = {.method = *tableau_get(TABLEAU_RK4), .start = 0.3, .end = 1, .grid = 3, .going = 1};
    step_control_begin_grid(&c);
    step_control *far = control_on(w, &c);
    for (size_t i = 0; i < 3; i++) {
        result_control(w, far);
        b->decide(b, STEP_DONE, far);
    }
    result_control(w, far);
}

/* y <- sums of the steps' numbers, repeated until the grid is done; and nothing where it is done already. */
typedef struct repeated {
    const backend_ops *b;
    step_control *control;
    const real *x;
    real *y;
} repeated;
static void repeat_once(void *argument) {
    const repeated *r = argument;
    r->b->combine(r->b, 100, r->y, 1, &r->control->numbers.time[1], &r->x, r->y);
    r->b->decide(r->b, STEP_DONE, r->control);
}
void case_repeat(work *w) {
    const backend_ops *b = w->backend;
    for (size_t steps = 1; steps < 5; steps++) {
        step_control c = {.method = *tableau_get(TABLEAU_RK4), .end = 1, .grid = steps, .going = 1};
        step_control_begin_grid(&c);
        repeated r = {b, control_on(w, &c), case_drawn(w, 100, 1), case_room(w, 100)};
        for (size_t again = 0; again < 3; again++) {
            if (b->repeat) b->repeat(b, repeat_once, &r, &r.control->going);
            else
                while (r.control->going) repeat_once(&r);
            case_result(w, 100, r.y);
            if (again == 1) b->upload(b, sizeof c, &c, r.control);
        }
        result_control(w, r.control);
    }
}
