/* test_theory_magnus.c - the Magnus series and the cable rule against closed forms and each other. */
#include <criterion/criterion.h>

#ifdef AFFJORD_DOUBLE

#include <math.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/derivative.h"
#include "theory/magnus.h"
#include "theory_support.h"

/* dz/dt = (M0 + c M1) z in three dimensions, with the clock. */
typedef struct linear {
    dynamics base;
    double M0[9], M1[9];
} linear;

static void linear_start(dynamics *base, const real *z, real *w) {
    memcpy(w, z, base->z * sizeof *w);
    w[base->z] = 0;
}

static void linear_linearise(dynamics *base, const real *w, double *A, double *B) {
    (void)B;
    const linear *self = (linear *)base;
    memset(A, 0, 16 * sizeof *A);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            A[i * 4 + j] = self->M0[i * 3 + j] + w[3] * self->M1[i * 3 + j];
            A[i * 4 + 3] += self->M1[i * 3 + j] * w[j];
        }
}

static void linear_value(dynamics *base, const real *w, real *h) {
    double A[16];
    linear_linearise(base, w, A, NULL);
    for (size_t i = 0; i < 3; i++) {
        h[i] = 0;
        for (size_t j = 0; j < 3; j++) h[i] += A[i * 4 + j] * w[j];
    }
    h[3] = 1;
}

static const dynamics_ops linear_ops = {
    .name = "linear", .start = linear_start, .value = linear_value, .linearise = linear_linearise};

static linear make_linear(bool constant) {
    linear self = {.base = {.ops = &linear_ops, .backend = cpu_backend(cpu_level_best()), .z = 3, .c = 1, .n = 4}};
    draw(21, 9, self.M0);
    if (!constant) draw(22, 9, self.M1);
    return self;
}

static solve_spec fixed(size_t steps) {
    return (solve_spec){.method = tableau_get(TABLEAU_DOPRI5), .steps = steps};
}

TestSuite(theory_magnus, .timeout = 60);

Test(theory_magnus, one_term_is_all_where_the_field_is_constant) {
    linear self = make_linear(true);
    const double T = 0.9;
    const solve_spec by = fixed(128);
    double a[9], expected[9], omega[MAGNUS_TERMS * 9], Y[9], series[9], whole[16], block[9], norm, reach;
    real w[4], at[4];
    cable out = {.Y = whole};
    for (size_t i = 0; i < 9; i++) a[i] = T * self.M0[i];
    cr_assert_eq(matrix_exponential(3, a, expected), STATUS_OK);
    begin_at(&self.base, 1, w);
    memcpy(at, w, sizeof at);
    cr_assert_eq(magnus_solve(&self.base, &by, T, at, omega, Y), STATUS_OK);
    CHECK_CLOSE(9, omega, a, 1e-14);
    CHECK_CLOSE(9, Y, expected, 1e-12);
    cr_assert_leq(matrix_largest(27, omega + 9), 1e-14);
    cr_assert_eq(magnus_exponential(3, 1, omega, series), STATUS_OK);
    CHECK_CLOSE(9, series, expected, 1e-13);
    memcpy(at, w, sizeof at);
    cr_assert_eq(cable_solve(&self.base, &by, T, at, &out), STATUS_OK);
    for (size_t i = 0; i < 3; i++) memcpy(block + 3 * i, whole + 4 * i, 3 * sizeof *block);
    CHECK_CLOSE(9, block, expected, 1e-12);
    cr_assert_float_eq(out.trace, matrix_trace(3, a), 1e-13);
    cr_assert_eq(matrix_norm(3, self.M0, &norm), STATUS_OK);
    cr_assert_eq(magnus_reach(&self.base, &by, T, w, 5, &reach), STATUS_OK);
    cr_assert_float_eq(reach, T * norm, 1e-13);
}

/* For A = M0 + t M1, Omega_2 = -T^3/12 C and Omega_3 = -T^5/240 [M1, C] with C = [M0, M1]; Omega_4 begins with
 * T^5/720 [M0, [M0, C]] (Blanes et al. 2009, section 5.1, about the middle of [0, T]). */
Test(theory_magnus, terms_of_a_linear_matrix_are_known) {
    linear self = make_linear(false);
    double C[9], MC[9], inner[9], middle[9], four[9], omega[MAGNUS_TERMS * 9], Y[9], expected[9], before = NAN;
    matrix_commute(3, 1, self.M0, self.M1, 0, C);
    matrix_commute(3, 1, self.M1, C, 0, MC);
    for (double T = 0.2; T > 0.02; T /= 2) {
        real w[4];
        begin_at(&self.base, 1, w);
        cr_assert_eq(
            magnus_solve(&self.base, &(solve_spec){.method = tableau_get(TABLEAU_DOPRI5), .steps = 32}, T, w, omega, Y),
            STATUS_OK);
        for (size_t i = 0; i < 9; i++) expected[i] = T * self.M0[i] + T * T / 2 * self.M1[i];
        CHECK_CLOSE(9, omega, expected, 1e-14);
        for (size_t i = 0; i < 9; i++) expected[i] = -pow(T, 3) / 12 * C[i];
        CHECK_CLOSE(9, omega + 9, expected, 1e-14);
        for (size_t i = 0; i < 9; i++) expected[i] = -pow(T, 5) / 240 * MC[i];
        CHECK_CLOSE(9, omega + 18, expected, 1e-14);
        for (size_t i = 0; i < 9; i++) middle[i] = self.M0[i] + T / 2 * self.M1[i];
        matrix_commute(3, 1, middle, C, 0, inner);
        matrix_commute(3, pow(T, 5) / 720, middle, inner, 0, four);
        const double distance = matrix_distance(9, omega + 27, four) / matrix_largest(9, four);
        cr_assert_lt(distance, 0.2, "T = %g: %g", T, distance);
        if (!isnan(before)) cr_assert_gt(log2(before / distance), 1.7, "T = %g: %g after %g", T, distance, before);
        before = distance;
    }
}

Test(theory_magnus, terms_have_no_trace_and_the_cable_rule_is_the_same) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        real *params, w[N_MAX], at[N_MAX];
        dynamics *of = make(toy(context, true, 3), &params);
        const solve_spec by = fixed(64);
        double omega[MAGNUS_TERMS * 9], Y[9], whole[N_MAX * N_MAX], block[9], near[N_MAX * N_MAX], determinant;
        cable out = {.Y = whole};
        begin_at(of, 5, w);
        memcpy(at, w, sizeof at);
        cr_assert_eq(magnus_solve(of, &by, 1, at, omega, Y), STATUS_OK);
        for (size_t k = 1; k < MAGNUS_TERMS; k++) {
            cr_assert_leq(fabs(matrix_trace(3, omega + 9 * k)), 1e-15, "Omega_%zu", k + 1);
            cr_assert_gt(matrix_largest(9, omega + 9 * k), 1e-9, "Omega_%zu is there", k + 1);
        }
        memcpy(at, w, sizeof at);
        cr_assert_eq(cable_solve(of, &by, 1, at, &out), STATUS_OK);
        for (size_t i = 0; i < 3; i++) memcpy(block + 3 * i, whole + of->n * i, 3 * sizeof *block);
        CHECK_CLOSE(9, Y, block, 1e-13);
        cr_assert_float_eq(matrix_trace(3, omega), out.trace_z, 1e-13);
        cr_assert_eq(matrix_log_determinant(of->n, whole, &determinant), STATUS_OK);
        cr_assert_float_eq(determinant, out.trace, 1e-10);
        cr_assert_eq(cable_differences(of, &by, 1, w, 1e-4, near), STATUS_OK);
        CHECK_CLOSE(of->n * of->n, near, whole, 1e-8); /* a short step, as g has a kink in its second derivative */
        drop(&of, params);
    }
}

Test(theory_magnus, integrals_approach_the_recursion_with_second_order) {
    real *params, w[N_MAX], at[N_MAX];
    dynamics *of = make(toy(CONTEXT_AUGMENTED, true, 2), &params);
    const solve_spec by = fixed(32);
    double omega[MAGNUS_TERMS * 4], Y[4], sums[12], before[3] = {0};
    begin_at(of, 5, w);
    memcpy(at, w, sizeof at);
    cr_assert_eq(magnus_solve(of, &by, 1.5, at, omega, Y), STATUS_OK);
    for (size_t nodes = 10; nodes <= 40; nodes *= 2) {
        cr_assert_eq(
            magnus_integrals(of, &(solve_spec){.method = tableau_get(TABLEAU_DOPRI5), .steps = 4}, 1.5, w, nodes, sums),
            STATUS_OK);
        for (size_t k = 0; k < 3; k++) {
            const double distance = matrix_distance(4, sums + 4 * k, omega + 4 * k);
            if (nodes > 10)
                cr_assert(log2(before[k] / distance) > 1.8 && log2(before[k] / distance) < 2.2,
                          "Omega_%zu, %zu nodes: %g after %g", k + 1, nodes, distance, before[k]);
            before[k] = distance;
        }
    }
    drop(&of, params);
}

Test(theory_magnus, one_term_is_all_in_one_dimension) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        real *params, w[N_MAX];
        dynamics *of = make(toy(context, true, 1), &params);
        double omega[MAGNUS_TERMS], Y, series;
        begin_at(of, 5, w);
        cr_assert_eq(
            magnus_solve(of, &(solve_spec){.method = tableau_get(TABLEAU_DOPRI5), .steps = 128}, 2, w, omega, &Y),
            STATUS_OK);
        cr_assert_eq(magnus_exponential(1, 1, omega, &series), STATUS_OK);
        cr_assert_float_eq(series / Y, 1, 1e-11, "%.15g is not %.15g", series, Y);
        cr_assert(omega[0] != 0 && omega[1] == 0 && omega[2] == 0 && omega[3] == 0);
        drop(&of, params);
    }
}

Test(theory_magnus, a_non_finite_state_is_an_error) {
    real *params, w[N_MAX], at[N_MAX];
    dynamics *of = make(toy(CONTEXT_CLOCK, false, 2), &params);
    const solve_spec by = fixed(2);
    double omega[MAGNUS_TERMS * 4], Y[N_MAX];
    cable out = {.Y = Y};
    begin_at(of, 1, w);
    w[0] = NAN;
    memcpy(at, w, sizeof at);
    cr_assert_eq(cable_move(of, &by, 1, at), STATUS_NON_FINITE);
    memcpy(at, w, sizeof at);
    cr_assert_eq(cable_solve(of, &by, 1, at, &out), STATUS_NON_FINITE);
    cr_assert_eq(magnus_solve(of, &by, 1, at, omega, Y), STATUS_NON_FINITE);
    const derivative_piece piece = {.of = of, .time = 1, .factor = 1};
    double *derivative = calloc(2 * of->parameters, sizeof *derivative);
    for (derivative_way way = 0; way < DERIVATIVE_WAYS; way++)
        cr_assert_eq(derivative_take(way, 1, &piece, of->parameters, 2, w, derivative), STATUS_NON_FINITE, "%s",
                     derivative_name(way));
    free(derivative);
    drop(&of, params);
}

#endif
