/* test_theory_dynamics.c - the equations' derivatives by state and parameters against differences. */
#include <criterion/criterion.h>

#ifdef AFFJORD_DOUBLE

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "theory/statements_internal.h"
#include "theory_support.h"

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
    for (size_t k = of->z; k < n; k++) w[k] += 0.4; /* away from the initial context */
    dynamics_linearise(of, w, A, B);
    check_state_derivative(of, w, A, name);
    for (size_t p = 0; p < P; p++) {
        difference(of, w, &params[p], expected);
        for (size_t i = 0; i < n; i++)
            cr_assert_float_eq(B[i * P + p], expected[i], 1e-9, "%s: B[%zu][%zu] is %.12g, differences give %.12g",
                               name, i, p, B[i * P + p], expected[i]);
    }
    cr_assert_gt(matrix_largest(n * P, B), 1e-2);
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
    const conv_field_spec about =
        conv_field_specify(&spec, &(image_flow){.channels = 1, .height = 4, .width = 4}, function);
    error_info err = {""};
    dynamics *of = NULL;
    const size_t moving = architecture == IMAGE_AFFJORD ? spec.moving : 0;
    cr_assert_eq(dynamics_image(&about, moving, 3, 2, &of, &err), STATUS_OK, "%s", err.text);
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

/* A hyper layer uses the context only after training, because its weight starts at zero. */
Test(theory_dynamics, image_derivatives_equal_differences) {
    for (activation function = ACTIVATION_SOFTPLUS; function <= ACTIVATION_SWISH; function++) {
        check_image(IMAGE_AFFJORD, IMAGE_CONCATSQUASH, IMAGE_RELEASE, function, true);
        check_image(IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER, function, true);
    }
    check_image(IMAGE_AFFJORD, IMAGE_HYPER, IMAGE_PAPER, ACTIVATION_SOFTPLUS, false);
    check_image(IMAGE_FFJORD, IMAGE_CONCATSQUASH, IMAGE_PAPER, ACTIVATION_TANH, true);
}

Test(theory_dynamics, more_moving_entries_than_there_are_is_refused) {
    const conv_field_spec about = {.channels = 1,
                                   .height = 2,
                                   .width = 2,
                                   .hidden_layers = 1,
                                   .hidden = {2},
                                   .function = ACTIVATION_TANH,
                                   .layer = IMAGE_HYPER,
                                   .context = 4,
                                   .fed = 2};
    dynamics *of = NULL;
    error_info err = {""};
    cr_assert_eq(dynamics_image(&about, 5, 0, 1, &of, &err), STATUS_INVALID);
    cr_assert_not_null(strstr(err.text, "5 entries"), "%s", err.text);
    cr_assert_null(of);
    conv_field_spec empty = about;
    empty.height = 0;
    cr_assert_eq(dynamics_image(&empty, 2, 0, 1, &of, &err), STATUS_INVALID);
    cr_assert_not_null(strstr(err.text, "expected"), "%s", err.text);
}

#endif
