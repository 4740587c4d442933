/* check_magnus.c - truncations of the Magnus series against the cable rule.
 *
 * With k terms the error falls with T as T^3, T^5, T^5, T^7 (k = 1 to 4): terms come in pairs because the series is
 * symmetric in time about the middle of [0, T] (Blanes et al. 2009, section 5.1). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/magnus.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

static const char item[] = "magnus";
static const char *const truncations[MAGNUS_TERMS] = {"1 term", "2 terms", "3 terms", "4 terms"};
static const char *const slopes[MAGNUS_TERMS] = {"power of T, 1 term", "power of T, 2 terms", "power of T, 3 terms",
                                                 "power of T, 4 terms"};
static const double least[MAGNUS_TERMS] = {2.6, 4.3, 4, 5.8};
static const double rounding = 1e-12; /* below it, rounding hides the order */

enum { D_MAX = 8, COUNT_MAX = D_MAX * D_MAX, LONG = 16 /* LONG: a long end time */ };
static const double pi = 3.14159265358979323846;

/* Compute relative errors of the four truncations at T, and Y. */
static status errors_at(const theory_subject *subject, dynamics *of, double T, double error[MAGNUS_TERMS],
                        double *omega) {
    const size_t D = of->z, count = D * D;
    const solve_spec by = {.method = tableau_get(TABLEAU_DOPRI5), .steps = T > 2 ? (size_t)(24 * T) : 48};
    real w[2 * D_MAX], z[D_MAX];
    double Y[COUNT_MAX], series[COUNT_MAX];
    theory_point(subject, 2, D, z);
    dynamics_start(of, z, w);
    TRY(magnus_solve(of, &by, T, w, omega, Y));
    const double scale = matrix_largest(count, Y);
    for (size_t k = 0; k < MAGNUS_TERMS; k++) {
        TRY(magnus_exponential(D, k + 1, omega, series));
        error[k] = matrix_distance(count, series, Y) / scale;
    }
    return STATUS_OK;
}

/* Report errors for each halving of T, and the order from the last halving above the rounding error. */
static status run_slopes(const theory_subject *subject, const char *name, dynamics *of, double T) {
    double error[MAGNUS_TERMS], before[MAGNUS_TERMS], power[MAGNUS_TERMS], omega[MAGNUS_TERMS * COUNT_MAX];
    TRY(errors_at(subject, of, T, error, omega));
    for (size_t k = 0; k < MAGNUS_TERMS; k++) TRY(theory_show(subject, item, name, truncations[k], T, error[k]));
    for (int halving = 0; halving < 6; halving++) {
        T /= 2;
        memcpy(before, error, sizeof before);
        TRY(errors_at(subject, of, T, error, omega));
        for (size_t k = 0; k < MAGNUS_TERMS; k++) {
            TRY(theory_show(subject, item, name, truncations[k], T, error[k]));
            if (halving == 0 || error[k] > rounding) power[k] = theory_order(before[k], error[k]);
        }
    }
    for (size_t k = 0; k < MAGNUS_TERMS; k++)
        TRY(theory_claim(subject, item, name, slopes[k], 0, power[k], THEORY_AT_LEAST, least[k]));
    return STATUS_OK;
}

/* Compare the recursion of magnus_solve with the paper's integrals. */
static status run_integrals(const theory_subject *subject, const char *name, dynamics *of, double T) {
    static const char *const quantities[] = {"Omega_1 against eq. 43", "Omega_2 against eq. 44",
                                             "Omega_3 against eq. 46"};
    const size_t D = of->z, count = D * D;
    const solve_spec by = {.method = tableau_get(TABLEAU_RK4), .steps = 4};
    double error[MAGNUS_TERMS], omega[MAGNUS_TERMS * COUNT_MAX], sums[3 * COUNT_MAX];
    real w[2 * D_MAX], z[D_MAX];
    TRY(errors_at(subject, of, T, error, omega));
    theory_point(subject, 2, D, z);
    dynamics_start(of, z, w);
    TRY(magnus_integrals(of, &by, T, w, 120, sums));
    for (size_t k = 0; k < 3; k++) {
        const double scale = matrix_largest(count, omega + k * count);
        TRY(theory_claim(subject, item, name, quantities[k], 0,
                         matrix_distance(count, omega + k * count, sums + k * count) / scale, THEORY_AT_MOST, 2e-2));
    }
    return STATUS_OK;
}

/* Check eq. 35: in one dimension all matrices commute, and the first term is exact. */
static status run_one_dimension(const theory_subject *subject) {
    cnf_spec spec = subject->flow;
    dynamics *of;
    real *params;
    double error[MAGNUS_TERMS], omega[MAGNUS_TERMS * COUNT_MAX];
    spec.dimension = 1;
    TRY(theory_draw(&spec, subject->seed + 2, 3, &of, &params));
    const status outcome = errors_at(subject, of, 2, error, omega);
    dynamics_destroy(&of);
    free(params);
    TRY(outcome);
    return theory_claim(subject, item, "one dimension", "exp(Omega_1), eq. 35", 0, error[0], THEORY_AT_MOST, 1e-7);
}

/* Compute the errors of one and of four terms at T, and int |A| dt over [0, T]. */
static status look_at_reach(const theory_subject *subject, dynamics *of, double T, double *reach,
                            double error[MAGNUS_TERMS]) {
    const solve_spec by = {.method = tableau_get(TABLEAU_RK4), .steps = 4};
    real z[D_MAX], w[2 * D_MAX];
    double omega[MAGNUS_TERMS * COUNT_MAX];
    theory_point(subject, 2, of->z, z);
    dynamics_start(of, z, w);
    TRY(magnus_reach(of, &by, T, w, 100, reach));
    return errors_at(subject, of, T, error, omega);
}

static status report_reach(const theory_subject *subject, dynamics *of) {
    double error[MAGNUS_TERMS], reach = 0, inside = 0, outside = 0;
    for (int halvings = 5; halvings >= 0; halvings--) {
        const double T = ldexp(LONG, -halvings);
        TRY(look_at_reach(subject, of, T, &reach, error));
        TRY(theory_show(subject, item, "lively to the end", truncations[0], reach, error[0]));
        TRY(theory_show(subject, item, "lively to the end", truncations[3], reach, error[3]));
        if (reach < 1) inside = fmax(inside, error[3] / error[0]);
        else if (reach > pi) outside = fmax(outside, error[3] / error[0]);
    }
    TRY(theory_claim(subject, item, "lively to the end", "4 terms against 1 well inside pi", 0, inside, THEORY_AT_MOST,
                     0.1));
    return theory_claim(subject, item, "lively to the end", "4 terms against 1 beyond pi", 0, outside, THEORY_AT_LEAST,
                        1);
}

/* Check convergence: the series converges where int |A| dt < pi. To show that it need not converge beyond, find the
 * first drawn field for which four terms are worse than one. */
static status run_reach(const theory_subject *subject) {
    enum { DRAWS = 24 };
    cnf_spec spec = subject->flow;
    spec.context = CONTEXT_CLOCK;
    spec.join = false;
    status outcome = STATUS_OK;
    bool found = false;
    for (uint64_t draw = 0; draw < DRAWS && !found && outcome == STATUS_OK; draw++) {
        double error[MAGNUS_TERMS] = {1}, reach = 0;
        dynamics *of;
        real *params;
        TRY(theory_draw(&spec, subject->seed + 3 + draw, 3, &of, &params));
        outcome = look_at_reach(subject, of, LONG, &reach, error);
        found = outcome == STATUS_OK && ((reach > pi && error[3] >= error[0]) || draw + 1 == DRAWS);
        if (found) outcome = report_reach(subject, of);
        dynamics_destroy(&of);
        free(params);
    }
    return outcome;
}

status theory_magnus(const theory_subject *subject) {
    theory_fields fields;
    if (subject->flow.dimension > D_MAX ||
        subject->flow.dimension + subject->flow.augmented_dimension > (size_t)2 * D_MAX)
        return STATUS_INVALID;
    TRY(theory_fields_open(subject, &fields));
    status outcome = run_slopes(subject, "trained", fields.trained, 4);
    if (outcome == STATUS_OK) outcome = run_slopes(subject, "drawn", fields.drawn, 2);
    if (outcome == STATUS_OK) outcome = run_integrals(subject, "drawn", fields.drawn, 1);
    theory_fields_close(&fields);
    if (outcome == STATUS_OK) outcome = run_one_dimension(subject);
    return outcome == STATUS_OK ? run_reach(subject) : outcome;
}
