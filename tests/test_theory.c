/* test_theory.c - matrices, equations with their derivatives, the Magnus series, total derivatives and mappings: against
 * closed forms, differences and each other.
 *
 * In the double build; float has no digits to compare. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "theory/cable.h"
#include "theory/derivative.h"
#include "theory/magnus.h"
#include "theory/mapping.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

#ifdef AFFJORD_DOUBLE

enum { N_MAX = 24 };

/* a (count) <- numbers of the standard normal distribution. */
static void draw(uint64_t seed, size_t count, double *a) {
    const random_stream stream = {.seed = seed, .purpose = RANDOM_TARGET};
    for (size_t i = 0; i < count; i++) {
        double u[4];
        random_normal4(stream, i, 0, u);
        a[i] = u[0];
    }
}

static double largest(size_t count, const double *a) {
    double size = 0;
    for (size_t i = 0; i < count; i++) size = fmax(size, fabs(a[i]));
    return size;
}

#define CHECK_CLOSE(count, seen, expected, within)                                                                     \
    do {                                                                                                               \
        const double apart_ = matrix_distance(count, seen, expected);                                                  \
        cr_assert_leq(apart_, within, "line %d: %g apart", __LINE__, apart_);                                          \
    } while (0)

/* --- matrix -------------------------------------------------------------------------------------------------------- */

TestSuite(theory_matrix, .timeout = 20);

Test(theory_matrix, log_determinants_are_known) {
    const double three[] = {2, 1, 0, 1, 3, 1, 0, 1, 4}, swapped[] = {0, 2, 3, 0}, one[] = {-5};
    const double wide[] = {1e200, 0, 0, 0, 1e200, 0, 0, 0, 1e-200};
    double seen;
    cr_assert_eq(matrix_log_determinant(3, three, &seen), STATUS_OK);
    cr_assert_float_eq(seen, log(18), 1e-14);
    cr_assert_eq(matrix_log_determinant(2, swapped, &seen), STATUS_OK);
    cr_assert_float_eq(seen, log(6), 1e-14, "the sign of the determinant does not count");
    cr_assert_eq(matrix_log_determinant(1, one, &seen), STATUS_OK);
    cr_assert_float_eq(seen, log(5), 1e-14);
    cr_assert_eq(matrix_log_determinant(3, wide, &seen), STATUS_OK);
    cr_assert_float_eq(seen, 200 * log(10), 1e-12, "where the determinant itself would overflow");
}

Test(theory_matrix, singular_and_non_finite_matrices_are_told) {
    const double singular[] = {1, 2, 2, 4}, zero[4] = {0}, wrong[][4] = {{NAN, 1, 1, 2}, {1, 0, 0, NAN}};
    const double infinite[][4] = {{INFINITY, 0, 0, 1}, {1, 0, 0, -INFINITY}};
    double seen = 7, x[] = {3, 4}, all[4] = {0};
    cr_assert_eq(matrix_log_determinant(2, singular, &seen), STATUS_NON_FINITE);
    cr_assert_eq(matrix_log_determinant(2, zero, &seen), STATUS_NON_FINITE);
    cr_assert_eq(matrix_solve(2, 1, singular, x), STATUS_NON_FINITE);
    cr_assert(x[0] == 3 && x[1] == 4);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(matrix_log_determinant(2, wrong[i], &seen), STATUS_NON_FINITE);
        cr_assert_eq(matrix_log_determinant(2, infinite[i], &seen), STATUS_NON_FINITE);
        cr_assert_eq(matrix_solve(2, 1, wrong[i], x), STATUS_NON_FINITE);
        cr_assert_eq(matrix_norm(2, wrong[i], &seen), STATUS_NON_FINITE);
        cr_assert_eq(matrix_exponential(2, wrong[i], all), STATUS_NON_FINITE);
        cr_assert_eq(matrix_exponential(2, infinite[i], all), STATUS_NON_FINITE);
    }
    cr_assert_eq(seen, 7, "what fails leaves its result alone");
    cr_assert_eq(largest(4, all), 0);
}

Test(theory_matrix, a_distance_is_nan_wherever_the_nan_is) {
    const double zero[3] = {0}, wrong[3][3] = {{NAN, 1, 2}, {1, NAN, 2}, {1, 2, NAN}}, right[] = {1, -3, 2};
    for (size_t i = 0; i < 3; i++) cr_assert(isnan(matrix_distance(3, wrong[i], zero)), "entry %zu", i);
    cr_assert_eq(matrix_distance(3, right, zero), 3);
}

static void check_exponential(size_t n, const double *a, const double *expected, double within) {
    double seen[36];
    cr_assert_eq(matrix_exponential(n, a, seen), STATUS_OK);
    CHECK_CLOSE(n * n, seen, expected, within * fmax(1, largest(n * n, expected)));
}

Test(theory_matrix, exponentials_have_closed_forms) {
    const double angles[] = {0.3, 3, 40};
    for (size_t i = 0; i < 3; i++) {
        const double t = angles[i];
        check_exponential(2, (double[]){0, -t, t, 0}, (double[]){cos(t), -sin(t), sin(t), cos(t)}, 1e-13);
    }
    const double shift[16] = {0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, row[] = {1, 1, 1.0 / 2, 1.0 / 6};
    double series[16] = {0};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = i; j < 4; j++) series[i * 4 + j] = row[j - i];
    check_exponential(4, shift, series, 1e-15);
    /* Large entries are halved eight times; the small exponential keeps its digits too. */
    double seen[9];
    cr_assert_eq(matrix_exponential(3, (double[]){300, 0, 0, 0, -300, 0, 0, 0, 1}, seen), STATUS_OK);
    cr_assert_float_eq(seen[0] / exp(300), 1, 1e-12);
    cr_assert_float_eq(seen[4] / exp(-300), 1, 1e-12);
    cr_assert_float_eq(seen[8] / exp(1), 1, 1e-12);
    check_exponential(2, (double[]){2, 5, 0, -1}, (double[]){exp(2), 5 * (exp(2) - exp(-1)) / 3, 0, exp(-1)}, 1e-14);
    check_exponential(2, (double[4]){0}, (double[]){1, 0, 0, 1}, 1e-15);
    check_exponential(1, (double[]){-20}, (double[]){exp(-20)}, 1e-15);
}

Test(theory_matrix, exponential_of_the_negative_is_the_inverse) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        enum { N = 6, COUNT = N * N };
        double a[COUNT], back[COUNT], there[COUNT], product[COUNT], unit[COUNT], determinant;
        draw(seed, COUNT, a);
        for (size_t i = 0; i < COUNT; i++) a[i] *= 0.2 * (double)(seed + 1), back[i] = -a[i];
        cr_assert_eq(matrix_exponential(N, a, there), STATUS_OK);
        cr_assert_eq(matrix_log_determinant(N, there, &determinant), STATUS_OK);
        cr_assert_float_eq(determinant, matrix_trace(N, a), 1e-10);
        cr_assert_eq(matrix_exponential(N, back, back), STATUS_OK, "in place");
        matrix_multiply(N, 1, there, back, 0, product);
        matrix_unit(N, unit);
        CHECK_CLOSE(COUNT, product, unit, 1e-13 * largest(COUNT, there) * largest(COUNT, back));
    }
}

Test(theory_matrix, solutions_norms_and_commutators) {
    enum { N = 5, COLUMNS = 3 };
    double a[N * N], x[N * COLUMNS], b[N * COLUMNS] = {0}, norm;
    draw(11, N * N, a), draw(12, N * COLUMNS, x);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++)
            for (size_t j = 0; j < COLUMNS; j++) b[i * COLUMNS + j] += a[i * N + k] * x[k * COLUMNS + j];
    cr_assert_eq(matrix_solve(N, COLUMNS, a, b), STATUS_OK);
    CHECK_CLOSE(N * COLUMNS, b, x, 1e-12);

    cr_assert_eq(matrix_norm(2, (double[]){0, -3, 3, 0}, &norm), STATUS_OK);
    cr_assert_float_eq(norm, 3, 1e-14);
    cr_assert_eq(matrix_norm(2, (double[]){3, 6, 4, 8}, &norm), STATUS_OK); /* (3, 4)^T (1, 2) */
    cr_assert_float_eq(norm, 5 * sqrt(5), 1e-13);
    cr_assert_eq(matrix_norm(3, (double[]){1, 0, 0, 0, -7, 0, 0, 0, 2}, &norm), STATUS_OK);
    cr_assert_float_eq(norm, 7, 1e-14);

    const double e[] = {0, 1, 0, 0}, f[] = {0, 0, 1, 0}, h[] = {1, 0, 0, -1};
    double c[] = {1, 0, 0, -1};
    matrix_commute(2, -1, e, f, 2, c); /* 2 h - [e, f] */
    CHECK_CLOSE(4, c, h, 0);
    matrix_commute(2, 0.5, h, e, 0, c);
    CHECK_CLOSE(4, c, e, 0);
    cr_assert_eq(matrix_trace(2, (double[]){1, 7, 7, 5}), 6);
}

/* --- dynamics ------------------------------------------------------------------------------------------------------ */

static cnf_spec toy(cnf_context context, bool join, size_t dimension) {
    return (cnf_spec){.dimension = dimension,
                      .width = 4,
                      .context = context,
                      .join = join,
                      .hypernet_layers = 1,
                      .hypernet_width = 4,
                      .augmented_dimension = 2,
                      .augmented_width = 3,
                      .learn_start = true,
                      .end_time = 1,
                      .base_variance = 1,
                      .solver = SOLVER_RK4,
                      .steps = 8};
}

/* A field with parameters twice those of a training's start. */
static dynamics *make(cnf_spec spec, real **params) {
    dynamics *of = NULL;
    cr_assert_eq(theory_draw(&spec, 7, 2, &of, params), STATUS_OK);
    cr_assert_leq(of->n, (size_t)N_MAX);
    return of;
}

static void drop(dynamics **of, real *params) {
    dynamics_destroy(of);
    free(params);
}

static void begin_at(dynamics *of, uint64_t seed, real *w) {
    real z[N_MAX];
    draw(seed, of->z, z);
    dynamics_start(of, z, w);
}

/* out (n) <- dh(w)/d*at, at an entry of w or of the parameters: central differences, extrapolated once. */
static void difference(dynamics *of, const real *w, real *at, double *out) {
    static const double by[] = {1e-3, -1e-3, 2e-3, -2e-3};
    real h[4][N_MAX];
    const real kept = *at;
    for (size_t k = 0; k < 4; k++) {
        *at = kept + by[k];
        dynamics_value(of, w, h[k]);
    }
    *at = kept;
    for (size_t i = 0; i < of->n; i++) {
        const double near = (h[0][i] - h[1][i]) / 2e-3, far = (h[2][i] - h[3][i]) / 4e-3;
        out[i] = (4 * near - far) / 3;
    }
}

static void check_state_derivative(dynamics *of, real *w, const double *A, const char *name) {
    const size_t n = of->n;
    for (size_t j = 0; j < n; j++) {
        double expected[N_MAX];
        difference(of, w, &w[j], expected);
        for (size_t i = 0; i < n; i++)
            cr_assert_float_eq(A[i * n + j], expected[i], 1e-9, "%s: A[%zu][%zu] is %.12g, differences give %.12g",
                               name, i, j, A[i * n + j], expected[i]);
    }
    for (size_t i = of->z; i < n; i++)
        for (size_t j = 0; j < of->z; j++) cr_assert_eq(A[i * n + j], 0, "%s: dg/dz[%zu][%zu]", name, i, j);
}

TestSuite(theory_dynamics, .timeout = 60);

static void check_toy(cnf_spec spec) {
    real *params, w[N_MAX];
    dynamics *of = make(spec, &params);
    char name[64];
    snprintf(name, sizeof name, "context %d, join %d, D = %zu", (int)spec.context, (int)spec.join, spec.dimension);
    const size_t n = of->n, P = of->parameters;
    double A[N_MAX * N_MAX], again[N_MAX * N_MAX], *B = calloc(n * P, sizeof *B), expected[N_MAX];
    begin_at(of, 3, w);
    for (size_t k = of->z; k < n; k++) w[k] += 0.4; /* away from where the context starts */
    dynamics_linearise(of, w, A, B);
    check_state_derivative(of, w, A, name);
    for (size_t p = 0; p < P; p++) {
        difference(of, w, &params[p], expected);
        for (size_t i = 0; i < n; i++)
            cr_assert_float_eq(B[i * P + p], expected[i], 1e-9, "%s: B[%zu][%zu] is %.12g, differences give %.12g",
                               name, i, p, B[i * P + p], expected[i]);
    }
    cr_assert_gt(largest(n * P, B), 1e-2);
    dynamics_linearise(of, w, again, NULL);
    CHECK_CLOSE(n * n, again, A, 0);
    free(B);
    drop(&of, params);
}

Test(theory_dynamics, toy_derivatives_equal_differences) {
    for (size_t D = 1; D <= 3; D++)
        for (int join = 0; join < 2; join++)
            for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++)
                check_toy(toy(context, join, D));
}

Test(theory_dynamics, a_context_starts_where_its_parameters_say) {
    real *params, w[N_MAX];
    cnf_spec spec = toy(CONTEXT_AUGMENTED, true, 2);
    dynamics *of = make(spec, &params);
    begin_at(of, 1, w);
    /* context.start comes last; twice U[0, 1) of a training's start. */
    CHECK_CLOSE(2, w + 2, params + of->parameters - 2, 0);
    cr_assert_neq(w[2], w[3]);
    drop(&of, params);
    spec.learn_start = false;
    of = make(spec, &params);
    begin_at(of, 1, w);
    cr_assert(w[2] == 0 && w[3] == 0);
    drop(&of, params);
    of = make(toy(CONTEXT_CLOCK, true, 2), &params);
    cr_assert_eq(of->n, 3);
    begin_at(of, 1, w);
    cr_assert_eq(w[2], 0);
    real h[3];
    dynamics_value(of, w, h);
    cr_assert_eq(h[2], 1);
    drop(&of, params);
}

static void check_image(image_architecture architecture, image_layer layer, image_variant variant, activation function,
                        bool seen) {
    const image_spec spec = {.channels = 1,
                             .height = 4,
                             .width = 4,
                             .architecture = architecture,
                             .layer = layer,
                             .variant = variant,
                             .hidden_layers = 2,
                             .hidden = {3, 3},
                             .moving = 3,
                             .fed = 2};
    const conv_field_spec field =
        conv_field_specify(&spec, &(image_flow){.channels = 1, .height = 4, .width = 4}, function);
    failure why = {""};
    dynamics *of = NULL;
    const size_t moving = architecture == IMAGE_AFFJORD ? spec.moving : 0;
    cr_assert_eq(dynamics_image(&field, moving, 3, 2, &of, &why), STATUS_OK, "%s", why.text);
    cr_assert(of->z == 16 && of->c == (moving ? moving : 1) && of->n == of->z + of->c);
    char name[64];
    snprintf(name, sizeof name, "architecture %d, layer %d, variant %d, function %d", (int)architecture, (int)layer,
             (int)variant, (int)function);
    real w[N_MAX];
    double A[N_MAX * N_MAX], by_context = 0;
    begin_at(of, 4, w);
    for (size_t k = of->z; k < of->n; k++) {
        cr_assert_eq(w[k], 0);
        w[k] = 0.3 + 0.1 * (double)k;
    }
    dynamics_linearise(of, w, A, NULL);
    check_state_derivative(of, w, A, name);
    for (size_t i = 0; i < of->z; i++) by_context = fmax(by_context, fabs(A[i * of->n + of->z]));
    if (seen) cr_assert_gt(by_context, 1e-5, "%s sees its context", name);
    dynamics_destroy(&of);
    cr_assert_null(of);
}

/* A hyper layer sees the context only once it is trained: its weight starts at zero. */
Test(theory_dynamics, image_derivatives_equal_differences) {
    for (activation function = ACTIVATION_SOFTPLUS; function <= ACTIVATION_SWISH; function++) {
        check_image(IMAGE_AFFJORD, IMAGE_CONCATSQUASH, IMAGE_RELEASE, function, true);
        check_image(IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER, function, true);
    }
    check_image(IMAGE_AFFJORD, IMAGE_HYPER, IMAGE_PAPER, ACTIVATION_SOFTPLUS, false);
    check_image(IMAGE_FFJORD, IMAGE_CONCATSQUASH, IMAGE_PAPER, ACTIVATION_TANH, true);
}

Test(theory_dynamics, more_moving_entries_than_there_are_is_refused) {
    const conv_field_spec field = {.channels = 1,
                                   .height = 2,
                                   .width = 2,
                                   .hidden_layers = 1,
                                   .hidden = {2},
                                   .function = ACTIVATION_TANH,
                                   .layer = IMAGE_HYPER,
                                   .context = 4,
                                   .fed = 2};
    dynamics *of = NULL;
    failure why = {""};
    cr_assert_eq(dynamics_image(&field, 5, 0, 1, &of, &why), STATUS_INVALID);
    cr_assert_not_null(strstr(why.text, "5 entries"), "%s", why.text);
    cr_assert_null(of);
    conv_field_spec empty = field;
    empty.height = 0;
    cr_assert_eq(dynamics_image(&empty, 2, 0, 1, &of, &why), STATUS_INVALID);
    cr_assert_not_null(strstr(why.text, "expected"), "%s", why.text);
}

/* --- Magnus series, and the cable rule where it has a closed form -------------------------------------------------- */

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
    return (solve_spec){.method = tableau_pair(PAIR_DOPRI5), .steps = steps};
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
    cr_assert_leq(largest(27, omega + 9), 1e-14);
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
            magnus_solve(&self.base, &(solve_spec){.method = tableau_pair(PAIR_DOPRI5), .steps = 32}, T, w, omega, Y),
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
        const double apart = matrix_distance(9, omega + 27, four) / largest(9, four);
        cr_assert_lt(apart, 0.2, "T = %g: %g", T, apart);
        if (!isnan(before)) cr_assert_gt(log2(before / apart), 1.7, "T = %g: %g after %g", T, apart, before);
        before = apart;
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
            cr_assert_gt(largest(9, omega + 9 * k), 1e-9, "Omega_%zu is there", k + 1);
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
            magnus_integrals(of, &(solve_spec){.method = tableau_pair(PAIR_DOPRI5), .steps = 4}, 1.5, w, nodes, sums),
            STATUS_OK);
        for (size_t k = 0; k < 3; k++) {
            const double apart = matrix_distance(4, sums + 4 * k, omega + 4 * k);
            if (nodes > 10)
                cr_assert(log2(before[k] / apart) > 1.8 && log2(before[k] / apart) < 2.2,
                          "Omega_%zu, %zu nodes: %g after %g", k + 1, nodes, apart, before[k]);
            before[k] = apart;
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
            magnus_solve(of, &(solve_spec){.method = tableau_pair(PAIR_DOPRI5), .steps = 128}, 2, w, omega, &Y),
            STATUS_OK);
        cr_assert_eq(magnus_exponential(1, 1, omega, &series), STATUS_OK);
        cr_assert_float_eq(series / Y, 1, 1e-11, "%.15g is not %.15g", series, Y);
        cr_assert(omega[0] != 0 && omega[1] == 0 && omega[2] == 0 && omega[3] == 0);
        drop(&of, params);
    }
}

Test(theory_magnus, a_state_that_is_not_finite_is_told) {
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

/* --- Total derivatives --------------------------------------------------------------------------------------------- */

TestSuite(theory_derivative, .timeout = 60);

static double *taken(derivative_way way, size_t pieces, const derivative_piece *piece, size_t P, size_t steps,
                     const real *w) {
    double *derivative = calloc(piece->of->z * P, sizeof *derivative);
    cr_assert_eq(derivative_take(way, pieces, piece, P, steps, w, derivative), STATUS_OK);
    return derivative;
}

Test(theory_derivative, each_way_is_of_fourth_order) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        real *params, w[N_MAX];
        dynamics *of = make(toy(context, true, 2), &params);
        const size_t P = of->parameters, count = of->z * P;
        const derivative_piece piece = {.of = of, .time = 1.5, .factor = 1};
        begin_at(of, 6, w);
        double *fine = taken(DERIVATIVE_FORWARD, 1, &piece, P, 160, w);
        for (derivative_way way = 0; way < DERIVATIVE_WAYS; way++) {
            double error[2];
            for (size_t k = 0; k < 2; k++) {
                double *coarse = taken(way, 1, &piece, P, k ? 40 : 20, w);
                error[k] = matrix_distance(count, coarse, fine) / largest(count, fine);
                free(coarse);
            }
            cr_assert_float_eq(log2(error[0] / error[1]), 4, 0.35, "%s: %g, then %g", derivative_name(way), error[0],
                               error[1]);
            cr_assert_lt(error[1], 1e-6);
        }
        free(fine);
        drop(&of, params);
    }
}

/* One field that leads all the time, as two pieces with a boundary anywhere. */
Test(theory_derivative, a_field_in_two_pieces_is_the_field) {
    real *params, w[N_MAX];
    dynamics *of = make(toy(CONTEXT_AUGMENTED, true, 2), &params);
    const size_t P = of->parameters, z = of->z;
    const derivative_piece whole = {.of = of, .time = 1, .factor = 1}, hurried = {.of = of, .time = 0.5, .factor = 2};
    const derivative_piece parts[] = {{.of = of, .time = 0.37, .factor = 1}, {.of = of, .time = 0.63, .factor = 1}};
    const derivative_piece apart[] = {{.of = of, .time = 0.37, .factor = 1},
                                      {.of = of, .time = 0.63, .factor = 1, .first = P}};
    const derivative_piece and_back[] = {{.of = of, .time = 0.5, .factor = 1}, {.of = of, .time = -0.5, .factor = 1}};
    begin_at(of, 6, w);
    for (derivative_way way = 0; way < DERIVATIVE_WAYS; way++) {
        double *expected = taken(way, 1, &whole, P, 96, w), *seen = taken(way, 2, parts, P, 48, w);
        const double scale = largest(z * P, expected);
        CHECK_CLOSE(z * P, seen, expected, 1e-8 * scale);
        free(seen);
        seen = taken(way, 1, &hurried, P, 96, w);
        CHECK_CLOSE(z * P, seen, expected, 1e-13 * scale);
        free(seen);
        seen = taken(way, 2, and_back, P, 48, w);
        cr_assert_leq(largest(z * P, seen), 1e-8 * scale, "%s: there and back again", derivative_name(way));
        free(seen);

        /* Parameters of each piece's own: each gets the share of its time, and the shares sum up to the whole. */
        seen = taken(way, 2, apart, 2 * P, 48, w);
        real at[N_MAX];
        memcpy(at, w, sizeof at);
        cr_assert_eq(cable_move(of, &(solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 48}, 0.37, at),
                     STATUS_OK);
        double *second = taken(way, 1, &parts[1], P, 48, at);
        for (size_t i = 0; i < z; i++)
            for (size_t p = 0; p < P; p++) {
                const double share = seen[i * 2 * P + p], rest = seen[i * 2 * P + P + p];
                cr_assert_float_eq(share + rest, expected[i * P + p], 1e-8 * scale);
                cr_assert_float_eq(rest, second[i * P + p], 1e-12 * scale, "%s", derivative_name(way));
            }
        free(second), free(seen), free(expected);
    }
    drop(&of, params);
}

/* --- Mappings ------------------------------------------------------------------------------------------------------ */

TestSuite(theory_mapping, .timeout = 60);

enum { POINTS = 16 };

static const mapping_spec small_mapping = {
    .visible = 1, .compared = 1, .width = 8, .steps = 4, .iterations = 300, .learning_rate = 3e-2};

Test(theory_mapping, a_plain_flow_does_not_reflect_the_line) {
    real x[POINTS], y[POINTS], z[2 * POINTS];
    double variance = 0;
    for (size_t i = 0; i < POINTS; i++) {
        x[i] = 2 * ((double)i + 0.5) / POINTS - 1;
        y[i] = -x[i];
        variance += y[i] * y[i] / POINTS;
    }
    mapping *plain = NULL, *general = NULL;
    mapping_spec spec = small_mapping;
    spec.steps = 12; /* long steps can fold the line, which the flow itself can't */
    spec.iterations = 60;
    cr_assert_eq(mapping_fit(&spec, POINTS, x, y, &plain), STATUS_OK);
    cr_assert_geq(mapping_error(plain), variance * (1 - 1e-9));
    cr_assert_leq(mapping_error(plain), variance * 1.1, "it is the variance of y: %g", mapping_error(plain));
    mapping_apply(plain, POINTS, x, z);
    for (size_t i = 1; i < POINTS; i++) cr_assert_gt(z[i], z[i - 1], "it stays increasing");
    spec = small_mapping;
    spec.joined = 1;
    spec.iterations = 150;
    cr_assert_eq(mapping_fit(&spec, POINTS, x, y, &general), STATUS_OK);
    cr_assert_leq(mapping_error(general), 0.01 * variance, "%g of %g", mapping_error(general), variance);
    mapping_apply(general, POINTS, x, z);
    for (size_t i = 0; i < POINTS; i++) cr_assert_float_eq(z[2 * i], y[i], 0.3);
    mapping_destroy(&plain), mapping_destroy(&general), mapping_destroy(&general);
    cr_assert_null(plain);
}

Test(theory_mapping, sizes_out_of_range_are_refused) {
    const real x[2 * (CHUNK + 1)] = {0}, y[CHUNK + 1] = {0};
    mapping *fit = NULL;
#define REFUSED(count, ...)                                                                                            \
    do {                                                                                                               \
        mapping_spec spec = small_mapping;                                                                             \
        __VA_ARGS__;                                                                                                   \
        cr_assert_eq(mapping_fit(&spec, count, x, y, &fit), STATUS_INVALID, #__VA_ARGS__);                             \
        cr_assert_null(fit);                                                                                           \
    } while (0)
    REFUSED(4, spec.visible = 0);
    REFUSED(4, spec.joined = 8);
    REFUSED(4, spec.compared = 0);
    REFUSED(4, spec.compared = 2);
    REFUSED(4, spec.steps = 0);
    REFUSED(4, spec.width = 0);
    REFUSED(0, (void)0);
    REFUSED(CHUNK + 1, (void)0);
    mapping_spec spec = small_mapping;
    spec.joined = 7;
    spec.iterations = 2;
    cr_assert_eq(mapping_fit(&spec, CHUNK, x, y, &fit), STATUS_OK);
    mapping_destroy(&fit);
}

#endif
