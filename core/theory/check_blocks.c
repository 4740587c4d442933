/* check_blocks.c - the blocks of the Jacobian of [z, z*], for AFFJORD and for the general augmentation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

static const char item[] = "blocks";

enum { N_MAX = 16 };

/* Results for a joint field with `z` entries of z followed by `star` entries of z*. */
typedef struct blocks {
    double below; /* largest entry of dz*(T)/dz(0) */
    double difference; /* |log|det dz(T)/dz(0)| - int tr df/dz dt| */
    double whole; /* the same difference for [z, z*] together */
} blocks;

/* Integrate the trace over the first entries by Simpson's rule on a fine grid. The cable rule gives the trace over all
 * of z, which in the general form has more entries. */
static status trace_of_first(dynamics *of, size_t first, double T, const real *start, double *out) {
    enum { PARTS = 400 };
    const solve_spec by = {.method = tableau_get(TABLEAU_RK4), .steps = 1};
    real w[N_MAX];
    double A[N_MAX * N_MAX], sum = 0;
    memcpy(w, start, of->n * sizeof *w);
    for (size_t k = 0; k <= PARTS; k++) {
        if (k > 0) TRY(cable_move(of, &by, T / PARTS, w));
        dynamics_linearise(of, w, A, NULL);
        double trace = 0;
        for (size_t i = 0; i < first; i++) trace += A[i * of->n + i];
        sum += trace * (k == 0 || k == PARTS ? 1 : k % 2 ? 4 : 2);
    }
    *out = sum * T / PARTS / 3;
    return STATUS_OK;
}

static status look(dynamics *of, size_t z, size_t star, double T, const real *start, blocks *out) {
    const solve_spec by = {.method = tableau_get(TABLEAU_DOPRI5), .steps = 128};
    const size_t n = of->n, joint = z + star;
    real w[N_MAX];
    double Y[N_MAX * N_MAX], block[N_MAX * N_MAX], determinant, trace;
    cable c = {.Y = Y};
    memcpy(w, start, n * sizeof *w);
    TRY(cable_solve(of, &by, T, w, &c));
    *out = (blocks){.below = 0};
    for (size_t i = z; i < joint; i++)
        for (size_t j = 0; j < z; j++) out->below = fmax(out->below, fabs(Y[i * n + j]));
    matrix_corner(n, Y, z, block);
    TRY(matrix_log_determinant(z, block, &determinant));
    TRY(trace_of_first(of, z, T, start, &trace));
    out->difference = fabs(determinant - trace);
    TRY(matrix_log_determinant(n, Y, &determinant));
    out->whole = fabs(determinant - c.trace);
    return STATUS_OK;
}

static status run_special(const theory_subject *subject, const char *name, dynamics *of, double T) {
    real z[N_MAX], w[N_MAX];
    blocks seen;
    theory_point(subject, 5, of->z, z);
    dynamics_start(of, z, w);
    TRY(look(of, of->z, of->c, T, w, &seen));
    TRY(theory_claim(subject, item, name, "largest entry of dz*(T)/dz(0)", 0, seen.below, THEORY_AT_MOST, 0));
    TRY(theory_claim(subject, item, name, "log|det dz(T)/dz(0)| - int tr df/dz dt", 0, seen.difference, THEORY_AT_MOST,
                     1e-7));
    return theory_claim(subject, item, name, "log|det| - int tr, of [z, z*]", 0, seen.whole, THEORY_AT_MOST, 1e-7);
}

/* Check the general form (eq. 7): one field moves z and z*, and each depends on both. */
static status run_general(const theory_subject *subject) {
    static const char name[] = "general augmentation";
    const size_t z = subject->flow.dimension, star = subject->flow.augmented_dimension;
    cnf_spec spec = subject->flow;
    dynamics *of;
    real *params, point[N_MAX] = {0}, w[N_MAX];
    blocks seen;
    spec.dimension = z + star;
    spec.context = CONTEXT_CLOCK;
    spec.join = false;
    TRY(theory_draw(&spec, subject->seed + 4, 3, &of, &params));
    theory_point(subject, 5, z, point); /* z* starts at zero */
    dynamics_start(of, point, w);
    const status outcome = look(of, z, star, 1, w, &seen);
    dynamics_destroy(&of);
    free(params);
    TRY(outcome);
    TRY(theory_claim(subject, item, name, "largest entry of dz*(T)/dz(0)", 0, seen.below, THEORY_AT_LEAST, 1e-3));
    TRY(theory_claim(subject, item, name, "log|det dz(T)/dz(0)| - int tr df/dz dt", 0, seen.difference, THEORY_AT_LEAST,
                     1e-4));
    return theory_claim(subject, item, name, "log|det| - int tr, of [z, z*]", 0, seen.whole, THEORY_AT_MOST, 1e-7);
}

status theory_blocks(const theory_subject *subject) {
    theory_fields fields;
    if (subject->flow.dimension + subject->flow.augmented_dimension + 1 > N_MAX) return STATUS_INVALID;
    TRY(theory_fields_open(subject, &fields));
    status outcome = run_special(subject, "trained", fields.trained, subject->flow.end_time);
    if (outcome == STATUS_OK) outcome = run_special(subject, "drawn", fields.drawn, 1);
    theory_fields_close(&fields);
    return outcome == STATUS_OK ? run_general(subject) : outcome;
}
