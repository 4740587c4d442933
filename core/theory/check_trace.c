/* check_trace.c - log |det dz(T)/dz(0)| by the cable rule, by the trace and by Hutchinson's estimator. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/magnus.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

static const char item[] = "trace";

enum { D_MAX = 8, C_MAX = 16, N_MAX = D_MAX + C_MAX };
static const size_t probes = 4096;

/* Check appendix E: commutators have no trace, so only the first term of the series has one. */
static status run_terms(const theory_subject *subject, const char *name, dynamics *of, double T) {
    static const char *const quantities[] = {"|tr Omega_2|", "|tr Omega_3|", "|tr Omega_4|"};
    const size_t D = of->z, count = D * D;
    const solve_spec by = {.method = tableau_get(TABLEAU_DOPRI5), .steps = 64};
    real w[N_MAX], z[D_MAX];
    double omega[MAGNUS_TERMS * D_MAX * D_MAX], Y[D_MAX * D_MAX];
    theory_point(subject, 3, D, z);
    dynamics_start(of, z, w);
    TRY(magnus_solve(of, &by, T, w, omega, Y));
    for (size_t k = 1; k < MAGNUS_TERMS; k++)
        TRY(theory_claim(subject, item, name, quantities[k - 1], 0, fabs(matrix_trace(D, omega + k * count)),
                         THEORY_AT_MOST, 1e-12));
    return STATUS_OK;
}

/* *out <- log |det| of the block dz(T)/dz(0). */
static status log_det_z(const dynamics *of, const double *Y, double *out) {
    double block[D_MAX * D_MAX];
    matrix_corner(of->n, Y, of->z, block);
    return matrix_log_determinant(of->z, block, out);
}

/* Check eq. 6 and 72 at several points. */
static status run_determinant(const theory_subject *subject, const char *name, dynamics *of, double T) {
    const solve_spec by = {.method = tableau_get(TABLEAU_DOPRI5), .steps = 128};
    double worst = 0, worst_all = 0;
    for (uint64_t point = 10; point < 15; point++) {
        real w[N_MAX], z[D_MAX];
        double Y[N_MAX * N_MAX], determinant, all;
        cable out = {.Y = Y};
        theory_point(subject, point, of->z, z);
        dynamics_start(of, z, w);
        TRY(cable_solve(of, &by, T, w, &out));
        TRY(log_det_z(of, Y, &determinant));
        TRY(matrix_log_determinant(of->n, Y, &all));
        worst = fmax(worst, fabs(determinant - out.trace_z));
        worst_all = fmax(worst_all, fabs(all - out.trace));
    }
    TRY(theory_claim(subject, item, name, "log|det dz(T)/dz(0)| - int tr df/dz dt", 0, worst, THEORY_AT_MOST, 1e-7));
    return theory_claim(subject, item, name, "the same of z and its context", 0, worst_all, THEORY_AT_MOST, 1e-7);
}

/* Compare the mean of many one-probe estimates at one point with the exact log-density, in standard errors. */
static status run_hutchinson(const theory_subject *subject, cnf_divergence kind, const char *quantity) {
    cnf_spec spec = subject->flow;
    cnf *exact = NULL, *estimated = NULL;
    real *x = calloc(probes * spec.dimension, sizeof *x);
    double *log_density = calloc(probes, sizeof *log_density), truth = 0, sum = 0, squares = 0;
    status outcome = x && log_density ? STATUS_OK : STATUS_MEMORY;
    spec.divergence = DIVERGENCE_EXACT;
    if (outcome == STATUS_OK) outcome = cnf_create(&spec, 1, NULL, &exact, NULL);
    spec.divergence = kind;
    if (outcome == STATUS_OK) outcome = cnf_create(&spec, 1, NULL, &estimated, NULL);
    if (outcome == STATUS_OK) {
        const random_stream stream = {.seed = subject->seed, .purpose = RANDOM_PROBE};
        theory_point(subject, 4, spec.dimension, x);
        for (size_t i = 1; i < probes; i++) memcpy(x + i * spec.dimension, x, spec.dimension * sizeof *x);
        cnf_log_density(exact, subject->params, x, 1, stream, &truth, NULL);
        cnf_log_density(estimated, subject->params, x, probes, stream, log_density, NULL);
        for (size_t i = 0; i < probes; i++) sum += log_density[i] - truth;
        for (size_t i = 0; i < probes; i++) squares += pow(log_density[i] - truth - sum / (double)probes, 2);
    }
    cnf_destroy(&exact);
    cnf_destroy(&estimated);
    free(x);
    free(log_density);
    TRY(outcome);
    const double error = sqrt(squares / (double)(probes - 1) / (double)probes);
    return theory_claim(subject, item, "trained", quantity, 0, fabs(sum / (double)probes) / error, THEORY_AT_MOST, 4);
}

status theory_trace(const theory_subject *subject) {
    theory_fields fields;
    if (subject->flow.dimension > D_MAX || subject->flow.augmented_dimension > C_MAX) return STATUS_INVALID;
    TRY(theory_fields_open(subject, &fields));
    status outcome = run_terms(subject, "trained", fields.trained, subject->flow.end_time);
    if (outcome == STATUS_OK) outcome = run_terms(subject, "drawn", fields.drawn, 1);
    if (outcome == STATUS_OK) outcome = run_determinant(subject, "trained", fields.trained, subject->flow.end_time);
    if (outcome == STATUS_OK) outcome = run_determinant(subject, "drawn", fields.drawn, 1);
    theory_fields_close(&fields);
    TRY(outcome);
    TRY(run_hutchinson(subject, DIVERGENCE_RADEMACHER, "Hutchinson, 4096 Rademacher probes, in standard errors"));
    return run_hutchinson(subject, DIVERGENCE_GAUSSIAN, "Hutchinson, 4096 Gaussian probes, in standard errors");
}
