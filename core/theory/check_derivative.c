/* check_derivative.c - four methods for dz(T)/dtheta that agree as the step shrinks.
 *
 * Differences are the largest over all entries, relative to the largest entry. The reference is backpropagation through
 * the steps with the smallest step. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/derivative.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

static const char item[] = "derivative";

enum { N_MAX = 16, FIRST = 8, LAST = 64, FINE = 192 };

typedef struct derivative_case {
    const theory_subject *subject;
    const char *name;
    size_t pieces;
    const derivative_piece *piece;
    size_t P;
    const real *w;
} derivative_case;

static status take(const derivative_case *c, derivative_way way, size_t steps, double *out) {
    return derivative_take(way, c->pieces, c->piece, c->P, steps, c->w, out);
}

static status run_way(const derivative_case *c, derivative_way way, const double *fine, double scale, double *room) {
    static const char *const orders[DERIVATIVE_WAYS] = {"order of the cable rule", "order of forward sensitivity",
                                                        "order of the adjoint", "order through the steps"};
    const size_t count = c->piece[0].of->z * c->P;
    double error = NAN, before = NAN;
    for (size_t steps = FIRST; steps <= LAST; steps *= 2) {
        before = error;
        TRY(take(c, way, steps, room));
        error = matrix_distance(count, room, fine) / scale;
        TRY(theory_show(c->subject, item, c->name, derivative_name(way), 1.0 / (double)steps, error));
    }
    TRY(theory_claim(c->subject, item, c->name, orders[way], 0, theory_order(before, error), THEORY_AT_LEAST, 3.2));
    TRY(take(c, way, FINE, room));
    return theory_claim(c->subject, item, c->name, "largest difference on the finest grid", (double)way,
                        matrix_distance(count, room, fine) / scale, THEORY_AT_MOST, 1e-5);
}

static status run_case(const derivative_case *c) {
    const size_t count = c->piece[0].of->z * c->P;
    double *fine = calloc(2 * count, sizeof *fine);
    if (!fine) return STATUS_MEMORY;
    status outcome = take(c, DERIVATIVE_STEPS, FINE, fine);
    const double scale = matrix_largest(count, fine);
    for (derivative_way way = 0; way < DERIVATIVE_WAYS && outcome == STATUS_OK; way++)
        outcome = run_way(c, way, fine, scale, fine + count);
    free(fine);
    return outcome;
}

static status run_field(const theory_subject *subject, const char *name, dynamics *of, double T) {
    const derivative_piece piece = {.of = of, .time = T, .factor = 1};
    real z[N_MAX], w[N_MAX];
    theory_point(subject, 6, of->z, z);
    dynamics_start(of, z, w);
    return run_case(&(derivative_case){
        .subject = subject, .name = name, .pieces = 1, .piece = &piece, .P = of->parameters, .w = w});
}

/* Check appendix C: one field on the first half of [0, T] and another on the second, with the same or different
 * parameters. */
static status run_halves(const theory_subject *subject, dynamics *first, dynamics *second) {
    const size_t P = first->parameters;
    const derivative_piece shared[] = {{.of = second, .time = 0.5, .factor = 1},
                                       {.of = second, .time = 0.5, .factor = -0.7}};
    const derivative_piece distance[] = {{.of = first, .time = 0.5, .factor = 1},
                                         {.of = second, .time = 0.5, .factor = 1, .first = P}};
    real z[N_MAX], w[N_MAX];
    theory_point(subject, 7, first->z, z);
    dynamics_start(first, z, w);
    TRY(run_case(&(derivative_case){.subject = subject,
                                    .name = "two fields of the same parameters",
                                    .pieces = 2,
                                    .piece = shared,
                                    .P = P,
                                    .w = w}));
    return run_case(&(derivative_case){.subject = subject,
                                       .name = "two fields of their own parameters",
                                       .pieces = 2,
                                       .piece = distance,
                                       .P = 2 * P,
                                       .w = w});
}

status theory_derivative(const theory_subject *subject) {
    theory_fields fields;
    if (subject->flow.dimension + subject->flow.augmented_dimension + 1 > N_MAX) return STATUS_INVALID;
    TRY(theory_fields_open(subject, &fields));
    status outcome = run_field(subject, "trained", fields.trained, 1);
    if (outcome == STATUS_OK) outcome = run_field(subject, "drawn", fields.drawn, 0.5);
    if (outcome == STATUS_OK) outcome = run_halves(subject, fields.trained, fields.drawn);
    theory_fields_close(&fields);
    return outcome;
}
