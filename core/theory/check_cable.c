/* check_cable.c - the cable rule against finite differences of the flow, and the discrete chain whose limit it is.
 *
 * Errors are the largest over all entries of dw(T)/dw(0), relative to the largest entry. The reference is the cable
 * rule with a quarter of the smallest step that is shown; it agrees with finite differences to their accuracy. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

static const char item[] = "cable";

typedef struct cable_case {
    const theory_subject *subject;
    const char *name;
    dynamics *of;
    double T;
    const real *w; /* (n) at 0 */
    size_t first, last; /* numbers of steps: first, 2 first, ..., last; differences use four times as many */
    real *at; /* (n) */
    double *finest, *Y, scale; /* (n, n); scale is the largest entry */
} cable_case;

static status relative(const cable_case *c, double *error) {
    const size_t n = c->of->n;
    *error = matrix_distance(n * n, c->Y, c->finest) / c->scale;
    return isfinite(*error) ? STATUS_OK : STATUS_NON_FINITE;
}

static status cable_error(const cable_case *c, size_t steps, double *error) {
    const solve_spec by = {.method = tableau_get(TABLEAU_RK4), .steps = steps};
    cable out = {.Y = c->Y};
    memcpy(c->at, c->w, c->of->n * sizeof *c->at);
    TRY(cable_solve(c->of, &by, c->T, c->at, &out));
    return relative(c, error);
}

static status product_error(const cable_case *c, size_t steps, double *error) {
    memcpy(c->at, c->w, c->of->n * sizeof *c->at);
    TRY(cable_product(c->of, steps, c->T, c->at, c->Y));
    return relative(c, error);
}

/* Report errors for each halving of the step, then the order from the last halving. */
static status report_errors(const cable_case *c, const char *quantity, const char *order, double least,
                            status (*error_of)(const cable_case *c, size_t steps, double *error)) {
    double error = NAN, before = NAN;
    for (size_t steps = c->first; steps <= c->last; steps *= 2) {
        before = error;
        TRY(error_of(c, steps, &error));
        TRY(theory_show(c->subject, item, c->name, quantity, c->T / (double)steps, error));
    }
    return theory_claim(c->subject, item, c->name, order, 0, theory_order(before, error), THEORY_AT_LEAST, least);
}

static status report_case(cable_case *c) {
    const size_t n = c->of->n;
    const solve_spec fine = {.method = tableau_get(TABLEAU_RK4), .steps = 4 * c->last};
    cable out = {.Y = c->finest};
    double distance;
    memcpy(c->at, c->w, n * sizeof *c->at);
    TRY(cable_solve(c->of, &fine, c->T, c->at, &out));
    c->scale = matrix_largest(n * n, c->finest);
    TRY(report_errors(c, "cable rule, eq. 11", "order of the cable rule", 3.5, cable_error));
    TRY(report_errors(c, "product of Jacobians, eq. 20", "order of the product", 0.8, product_error));
    TRY(cable_differences(c->of, &fine, c->T, c->w, 1e-3, c->Y));
    TRY(relative(c, &distance));
    return theory_claim(c->subject, item, c->name, "cable rule against differences", 0, distance, THEORY_AT_MOST, 1e-5);
}

static status run_case(const theory_subject *subject, const char *name, dynamics *of, double T, size_t first,
                       size_t last) {
    const size_t n = of->n;
    real *w = calloc(2 * n, sizeof *w);
    double *room = calloc(2 * n * n, sizeof *room);
    status outcome = w && room ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        cable_case c = {.subject = subject,
                        .name = name,
                        .of = of,
                        .T = T,
                        .w = w,
                        .first = first,
                        .last = last,
                        .at = w + n,
                        .finest = room,
                        .Y = room + n * n};
        theory_point(subject, 1, of->z, c.at);
        dynamics_start(of, c.at, w);
        outcome = report_case(&c);
    }
    free(w);
    free(room);
    return outcome;
}

/* Check the first flow of an AFFJORD on images of 8 x 8 with z* concatenated: 64 entries of z, and the entries of z*
 * that move. */
static status run_image(const theory_subject *subject) {
    image_spec spec = subject->image;
    spec.channels = 1;
    spec.height = spec.width = 8;
    spec.architecture = IMAGE_AFFJORD;
    spec.variant = IMAGE_PAPER;
    const image_flow flow = {.channels = 1, .height = 8, .width = 8};
    const conv_field_spec about = conv_field_specify(&spec, &flow, subject->function);
    dynamics *of;
    TRY(dynamics_image(&about, spec.moving, subject->seed, 2, &of, NULL));
    const status outcome = run_case(subject, "image of 8 x 8", of, 1, 2, 8);
    dynamics_destroy(&of);
    return outcome;
}

status theory_cable(const theory_subject *subject) {
    theory_fields fields;
    TRY(theory_fields_open(subject, &fields));
    status outcome = run_case(subject, "trained", fields.trained, subject->flow.end_time, 16, 128);
    if (outcome == STATUS_OK) outcome = run_case(subject, "drawn", fields.drawn, 1, 16, 128);
    theory_fields_close(&fields);
    return outcome == STATUS_OK ? run_image(subject) : outcome;
}
