/* test_backend.c - all implementations of the table of operations agree; on one with protected memory, a whole
 * training runs. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/level.h"
#include "backend/memory.h"
#include "backend_cases.h"
#include "backend_training.h"
#include "guarded_backend.h"

enum { REGION = 1 << 28 };

Test(backend, all_implementations_give_the_same_bits) {
    const backend_ops *portable = cpu_backend(CPU_PORTABLE), *guarded = guarded_create(portable, REGION);
    char err[256];
    for (size_t i = 0; i < backend_case_count(); i++) {
        for (cpu_level level = CPU_AVX2; level < CPU_LEVELS; level++)
            if (cpu_backend(level))
                cr_expect(backend_case_agrees(i, portable, cpu_backend(level), true, err, sizeof err), "%s", err);
        cr_expect(backend_case_agrees(i, portable, guarded, true, err, sizeof err), "%s", err);
    }
    cr_expect_eq(guarded_bytes(guarded), 0, "all was given back");
    guarded_destroy(guarded);
}

/* Test the comparison itself: it detects one number with an error of one unit. */
static void wrong_squares(const backend_ops *self, size_t n, size_t D, const real *x, double *sums) {
    const backend_ops *right = cpu_backend(CPU_PORTABLE);
    (void)self;
    right->squares(right, n, D, x, sums);
    sums[n - 1] *= 1 + 1e-13;
}

Test(backend, a_wrong_number_is_found) {
    cpu_level_ops wrong = *(const cpu_level_ops *)cpu_backend(CPU_PORTABLE);
    char err[256] = "";
    size_t found = 0;
    wrong.table.name = "wrong";
    wrong.table.squares = wrong_squares;
    for (size_t i = 0; i < backend_case_count(); i++)
        found += !backend_case_agrees(i, cpu_backend(CPU_PORTABLE), &wrong.table, false, err, sizeof err);
    cr_expect_eq(found, 1);
    cr_expect(strstr(err, "sums on wrong") == err, "%s", err);
}

Test(backend, a_squeeze_moves_two_by_two_pixels_into_channels) {
    enum { H = 4, W = 6, C = 3, N = 2, ALL = N * H * W * C };
    const backend_ops *backend = cpu_backend(CPU_PORTABLE);
    for (squeeze_layout layout = SQUEEZE_CHANNEL_LAST; layout <= SQUEEZE_CHANNEL_FIRST; layout++) {
        const squeeze_shape shape = {.channels = C, .height = H, .width = W, .layout = layout};
        real x[ALL], y[ALL], z[ALL];
        for (size_t i = 0; i < ALL; i++) x[i] = (real)i;
        backend->squeeze(backend, &shape, N, false, x, y);
        /* Row 3, column 2, channel 1 of image 1 goes to row 1, column 1, channel 4 + 2 + 0. */
        const size_t from = layout == SQUEEZE_CHANNEL_LAST ? (3 * W + 2) * C + 1 : (1 * H + 3) * W + 2;
        const size_t to =
            layout == SQUEEZE_CHANNEL_LAST ? (1 * (W / 2) + 1) * (4 * C) + 6 : (6 * (H / 2) + 1) * (W / 2) + 1;
        cr_assert_eq(y[H * W * C + to], x[H * W * C + from]);
        backend->squeeze(backend, &shape, N, true, y, z);
        cr_assert_arr_eq(z, x, sizeof x);
    }
}

Test(backend, a_logit_is_undone) {
    const backend_ops *backend = cpu_backend(CPU_PORTABLE);
    const real x[] = {0, (real)1e-7, (real)0.25, (real)0.5, (real)0.9999999};
    real z[5], back[5];
    double determinant[1], expected = 0;
    backend->logit(backend, 1e-6, 1, 5, x, z, determinant);
    backend->unlogit(backend, 1e-6, 1, 5, z, back);
    for (size_t i = 0; i < 5; i++) {
        const double y = 1e-6 + (1 - 2e-6) * (double)x[i];
        cr_assert_float_eq((double)back[i], (double)x[i], 3e-7);
        expected += log((1 - 2e-6) / (y * (1 - y)));
    }
    cr_assert_float_eq(determinant[0], expected, 1e-9);
}

/* --- Whole trainings on the guarded backend --- */

static void check_training(chain_spec spec) {
    const backend_ops *host = host_together(), *guarded = guarded_create(host, REGION);
    const size_t P = parameters_of(spec);
    real *a = reals(P), *b = reals(P);
    const double host_loss = train(host, spec, a, P), guarded_loss = train(guarded, spec, b, P);
    cr_expect(isfinite(host_loss));
    cr_expect_eq(host_loss, guarded_loss, "%a and %a", host_loss, guarded_loss);
    cr_expect_arr_eq(a, b, P * sizeof *a);
    cr_expect_eq(guarded_bytes(guarded), 0, "all was given back");
    free(a), free(b);
    guarded_destroy(guarded);
}

Test(backend, a_training_on_guarded_memory_gives_the_same_bits) {
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++) {
        chain_spec spec = small_spec(layer == IMAGE_CONCAT ? IMAGE_FFJORD : IMAGE_AFFJORD, layer);
        spec.solver.options.atol = spec.solver.options.rtol = 1e-2;
        spec.kinetic = spec.jacobian = 0.01;
        spec.keep_stages = layer % 2 == 0;
        check_training(spec);
    }
}

Test(backend, adjoints_fixed_steps_and_exact_traces_on_guarded_memory) {
    chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_HYPER);
    spec.solver.options.atol = spec.solver.options.rtol = 1e-2;
    spec.gradient = GRADIENT_ADJOINT;
    check_training(spec);
    spec.gradient = GRADIENT_DISCRETE;
    spec.model.height = spec.model.width = 4; /* one flow, D = 16 */
    spec.divergence = DIVERGENCE_EXACT;
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 2};
    check_training(spec);
}

Test(backend, rounded_convolutions_on_guarded_memory_give_the_same_bits) {
    chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_CONCATSQUASH);
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 2};
    spec.math = MATH_BF16;
    check_training(spec);
}

/* The channels that left, and samples, for parameters in the backend's memory. */
static void use(const backend_ops *backend, chain_spec spec, real *z, real *x, double *log_density) {
    enum { N = 2 };
    arena memory = {0};
    chain *model = NULL;
    error_info err = {""};
    spec.backend = backend;
    cr_assert_eq(chain_create(&spec, N, false, NULL, &model, &err), STATUS_OK, "%s", err.text);
    const size_t P = chain_parameters(model)->total, D = chain_dimension(model);
    real *host = reals(P), *images = reals(N * D), *params;
    for (size_t i = 0; i < N * D; i++) images[i] = (real)(i % 7) / 8;
    chain_initialise(model, 3, host);
    cr_assert_eq(BACKEND_NEW(backend, &memory, P, &params), STATUS_OK);
    backend->copy_to_device(backend, P * sizeof *host, host, params);
    cr_assert_eq(chain_transform(model, params, images, N, probe, z, log_density, NULL), STATUS_OK);
    cr_assert_eq(chain_sample(model, params, probe, 0, N, x, NULL), STATUS_OK);
    chain_destroy(&model);
    arena_release(&memory);
    free(host), free(images);
}

Test(backend, densities_and_samples_on_guarded_memory_have_the_same_bits) {
    enum { ALL = 2 * 64 };
    const backend_ops *host = host_together(), *guarded = guarded_create(host, REGION);
    const chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_HYPER);
    real z[2][ALL], x[2][ALL];
    double log_density[2][2];
    use(host, spec, z[0], x[0], log_density[0]);
    use(guarded, spec, z[1], x[1], log_density[1]);
    cr_expect_arr_eq(z[0], z[1], sizeof z[0]);
    cr_expect_arr_eq(x[0], x[1], sizeof x[0]);
    cr_expect_arr_eq(log_density[0], log_density[1], sizeof log_density[0]);
    guarded_destroy(guarded);
}

/* A few for each solve, however many steps it has. */
Test(backend, a_solve_waits_for_its_outcome_and_for_nothing_else) {
    enum { N = 2 };
    const backend_ops *guarded = guarded_create(host_together(), REGION);
    chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_CONCAT);
    arena memory = {0};
    chain *model = NULL;
    chain_statistics statistics;
    chain_loss loss;
    error_info err = {""};
    spec.backend = guarded;
    cr_assert_eq(chain_create(&spec, N, true, NULL, &model, &err), STATUS_OK, "%s", err.text);
    const size_t P = chain_parameters(model)->total, D = chain_dimension(model);
    real *host = reals(P), *images = reals(N * D), *params, *gradient;
    chain_initialise(model, 3, host);
    cr_assert_eq(BACKEND_NEW(guarded, &memory, P, &params), STATUS_OK);
    cr_assert_eq(BACKEND_NEW(guarded, &memory, P, &gradient), STATUS_OK);
    guarded->copy_to_device(guarded, P * sizeof *host, host, params);
    const size_t before = guarded_waits(guarded);
    cr_assert_eq(chain_loss_gradient(model, params, images, N, probe, &loss, gradient, &statistics), STATUS_OK);
    size_t expected = 2; /* the densities of the images, and whether the gradient is finite */
    for (size_t f = 0; f < statistics.flow_count; f++) {
        cr_expect_gt(statistics.flows[f].forward.accepted, 2);
        expected += 1; /* the outcome */
        expected += 1; /* whether the cotangents are finite */
        expected += 1; /* the end time, copied to the host */
    }
    cr_expect_eq(guarded_waits(guarded) - before, expected, "%zu, not %zu", guarded_waits(guarded) - before, expected);
    chain_destroy(&model);
    arena_release(&memory);
    free(host), free(images);
    guarded_destroy(guarded);
}

Test(backend, a_full_device_is_out_of_memory) {
    const backend_ops *guarded = guarded_create(cpu_backend(CPU_PORTABLE), 1 << 16);
    chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_CONCAT);
    chain *model = NULL;
    error_info err = {""};
    spec.backend = guarded;
    cr_expect_eq(chain_create(&spec, 4, true, NULL, &model, &err), STATUS_MEMORY);
    cr_expect_null(model);
    cr_expect(err.text[0] != 0);
    cr_expect_eq(guarded_bytes(guarded), 0, "what was taken was given back");
    guarded_destroy(guarded);
}
