/* test_image_device.c - operations on images on the device of tests/cuda_on_host, compared with the processor's plain
 * kernels; whole trainings; failures. */
#ifndef AFFJORD_DOUBLE /* the library is of the float build */

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/conv.h"
#include "backend/memory.h"
#include "backend_cases.h"
#include "backend_training.h"
#include "device_support.h"
#include "train/trainer_internal.h"

/* --- Operations --- */

/* Operations with another order of sums: long sums, which the processor computes sequentially. All others are
 * bit-identical. */
static bool sums_otherwise(const char *name) {
    static const char *const names[] = {"error", "sums", "apply", "gate", "context", "conv", "logit", "attention"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static void check_cases(const char *how) {
    const backend_ops *device = tested_images();
    char err[256] = "";
    for (size_t i = 0; i < backend_case_count(); i++) {
        const bool exact = !sums_otherwise(backend_case_name(i));
        cr_expect(backend_case_agrees(i, cpu_backend(CPU_PORTABLE), device, exact, err, sizeof err), "%s: %s", how,
                  err);
        cr_expect(backend_case_agrees(i, device, device, true, err, sizeof err), "%s, twice: %s", how, err);
    }
    tested_close(&device);
}

Test(any_device, operations_agree_with_the_processor) {
    check_cases("in turn");
}

Test(image_device, threads_may_run_in_reverse_order) {
    setenv("AFFJORD_EMULATED_BACKWARDS", "1", 1);
    check_cases("backwards");
    unsetenv("AFFJORD_EMULATED_BACKWARDS");
}

/* --- Sizes for which sums are split --- */

/* n different numbers in (-1, 1), in the backend's memory. */
static real *numbers_on(const backend_ops *backend, arena *memory, size_t n, double seed) {
    real *x, *host = reals(n);
    for (size_t i = 0; i < n; i++) host[i] = (real)sin(seed + 1.7 * (double)i);
    cr_assert_eq(BACKEND_NEW(backend, memory, n, &x), STATUS_OK);
    backend->copy_to_device(backend, n * sizeof *x, host, x);
    free(host);
    return x;
}

static void expect_near(const backend_ops *a, const real *x, const backend_ops *b, const real *y, size_t n,
                        double tolerance, const char *what) {
    real *here = reals(n), *there = reals(n);
    double largest = 0, distance = 0;
    a->copy_to_host(a, n * sizeof *x, x, here);
    b->copy_to_host(b, n * sizeof *y, y, there);
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)here[i]));
        if (!(fabs((double)here[i] - (double)there[i]) <= distance))
            distance = fabs((double)here[i] - (double)there[i]);
    }
    cr_expect(largest > 0 && distance <= tolerance * largest, "%s: %g apart, of %g", what, distance, largest);
    free(here), free(there);
}

/* A convolution of more than one tile each way, and of sums in several parts. */
static void convolve_on(const backend_ops *backend, arena *memory, conv_shape s, real *results[3]) {
    const size_t pixels = s.images * s.height * s.width, weights = s.in * s.out * CONV_TAPS;
    conv *c = NULL;
    cr_assert_eq(conv_create(backend, s, CONV_AUTO, MATH_FP32, &c), STATUS_OK);
    real *weight = numbers_on(backend, memory, weights, 1), *x = numbers_on(backend, memory, pixels * s.in, 2);
    real *ybar = numbers_on(backend, memory, pixels * s.out, 3);
    real *forward = numbers_on(backend, memory, conv_forward_reals(c), 0);
    real *backward = numbers_on(backend, memory, conv_backward_reals(c), 0), *gradient;
    cr_assert_eq(BACKEND_NEW(backend, memory, conv_gradient_reals(c), &gradient), STATUS_OK);
    results[0] = numbers_on(backend, memory, pixels * s.out, 0);
    results[1] = numbers_on(backend, memory, pixels * s.in, 0);
    results[2] = numbers_on(backend, memory, weights, 0);
    conv_pack(c, weight, forward, NULL);
    conv_pack(c, weight, NULL, backward);
    conv_forward(c, forward, x, results[0]);
    conv_backward_data(c, backward, ybar, results[1]);
    for (size_t i = 0; i < 2; i++) conv_backward_weight(c, x, ybar, gradient);
    conv_unpack(c, gradient, results[2]);
    conv_destroy(&c);
}

static void check_convolutions(void) {
    const conv_shape shapes[] = {{2, 9, 8, 16, 70}, {3, 13, 11, 20, 16}, {1, 2, 2, 70, 1}, {4, 1, 1, 2, 3}};
    const backend_ops *device = tested_images(), *host = cpu_backend(CPU_PORTABLE);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const conv_shape s = shapes[i];
        const size_t pixels = s.images * s.height * s.width;
        arena here = {0}, there = {0};
        real *a[3], *b[3];
        convolve_on(host, &here, s, a);
        convolve_on(device, &there, s, b);
        /* The processor's Winograd transforms have larger rounding errors than a sequential sum. */
        expect_near(host, a[0], device, b[0], pixels * s.out, 1e-5, "forward");
        expect_near(host, a[1], device, b[1], pixels * s.in, 1e-5, "to the data");
        expect_near(host, a[2], device, b[2], s.in * s.out * CONV_TAPS, 2e-5, "to the weight");
        arena_release(&here);
        arena_release(&there);
    }
    tested_close(&device);
}

Test(any_device, convolutions_of_many_tiles) {
    check_convolutions();
}

/* Biases with sums in groups of several pixels and images, or, if there are many biases, without groups. */
Test(any_device, biases_of_many_channels) {
    enum { IMAGES = 5, PIXELS = 12 };
    const size_t channels[] = {1000, 9000, 70000};
    const backend_ops *device = tested_images(), *host = cpu_backend(CPU_PORTABLE);
    for (size_t i = 0; i < 6; i++) {
        const size_t C = channels[i / 2], K = i % 2 ? 3 : 1, n = IMAGES * PIXELS * C;
        const backend_ops *const both[] = {host, device};
        arena memory[2] = {{0}, {0}};
        real *bars[2];
        for (size_t k = 0; k < 2; k++) {
            uint32_t of[PIXELS], *bias_of;
            for (uint32_t p = 0; p < PIXELS; p++) of[p] = p * p % 3;
            cr_assert_eq(BACKEND_NEW(both[k], &memory[k], PIXELS, &bias_of), STATUS_OK);
            both[k]->copy_to_device(both[k], sizeof of, of, bias_of);
            const dual_shape shape = {ACTIVATION_TANH, IMAGES, PIXELS, C, K, K > 1 ? bias_of : NULL};
            bars[k] = numbers_on(both[k], &memory[k], K * C, 1);
            both[k]->bias_backward(both[k], &shape, numbers_on(both[k], &memory[k], n, 2), bars[k]);
        }
        expect_near(host, bars[0], device, bars[1], K * C, 1e-5, "bias");
        arena_release(&memory[0]);
        arena_release(&memory[1]);
    }
    tested_close(&device);
}

/* --- cuDNN, emulated by tests/cuda_on_host/cudnn_on_host.cpp --- */

/* Descriptors and handles that were not destroyed. */
static int cudnn_living(void) {
    void *file = dlopen(AFFJORD_CUDNN_EMULATED, RTLD_NOW);
    cr_assert_not_null(file, "%s", dlerror());
    int (*living)(void);
    void *symbol = dlsym(file, "emulated_cudnn_living");
    memcpy(&living, &symbol, sizeof living);
    cr_assert_not_null(symbol);
    return living();
}

/* Open a device; return whether it has cuDNN, and its message. */
static void check_library(bool has, const char *words) {
    const backend_ops *device = emulated_images();
    error_info which = {""};
    cr_expect_eq(emulated_library()->images_library(device, &which), has);
    cr_expect_not_null(strstr(which.text, words), "no \"%s\" in: %s", words, which.text);
    tested_close(&device);
}

/* Plans that are not deterministic, not exact, cannot be created or need too much memory are skipped; the emulation
 * makes them fail. */
Test(image_device, convolutions_by_cudnn) {
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    check_library(true, "cuDNN 9.19.0");
    check_cases("by cuDNN");
    check_convolutions();
    cr_expect_eq(cudnn_living(), 0);
    setenv("AFFJORD_EMULATED_CUDNN", "wide", 1); /* some shapes by own kernels, with the same packed weights */
    check_library(true, "cuDNN 9.19.0");
    check_cases("some by cuDNN");
    check_convolutions();
    cr_expect_eq(cudnn_living(), 0);
}

Test(image_device, an_unusable_cudnn_is_not_used) {
    check_library(false, "AFFJORD_CUDNN = none");
    setenv("AFFJORD_CUDNN", "/nowhere/libcudnn.so.9", 1);
    check_library(false, "cuDNN cannot be used: /nowhere/libcudnn.so.9: ");
    setenv("AFFJORD_CUDNN", AFFJORD_LIBRARY_EMULATED, 1);
    check_library(false, "functions of cuDNN 9 are missing");
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    setenv("AFFJORD_EMULATED_CUDNN", "old", 1);
    check_library(false, "expected cuDNN 9, found an older version");
    check_convolutions();
}

/* Return the plans of the convolutions created here, after recalling `plans`. */
static void check_plans(const char *recalled, const char *expected) {
    const conv_shape shape = {1, 3, 3, 8, 4};
    const backend_ops *device = emulated_images();
    conv *made[2] = {NULL, NULL};
    error_info err = {""};
    cr_expect_str_eq(emulated_library()->images_plans(device), "");
    cr_assert_eq(emulated_library()->images_recall(device, recalled, &err), STATUS_OK, "%s", err.text);
    cr_expect_str_eq(emulated_library()->images_plans(device), "", "what is not computed here is none of ours");
    for (size_t i = 0; i < 2; i++) cr_assert_eq(conv_create(device, shape, CONV_AUTO, MATH_FP32, &made[i]), STATUS_OK);
    cr_expect_str_eq(emulated_library()->images_plans(device), expected, "recalled \"%s\"", recalled);
    for (size_t i = 0; i < 2; i++) conv_destroy(&made[i]);
    tested_close(&device);
    cr_expect_eq(cudnn_living(), 0);
}

#define KIND "8 to 4 channels, 1 images of 3 x 3, fp32\t"
#define PLANS(forward, data, weight) KIND "forward\t" forward "\n" KIND "data\t" data "\n" KIND "weight\t" weight "\n"

/* A recalled plan is used if it is valid and allowed; other texts are skipped. */
Test(image_device, plans_are_made_from_their_names) {
    static const char chosen[] =
        PLANS("cuDNN 9.19.0 eng6_k2=6_k14=-3", "cuDNN 9.19.0 eng6_k2=6_k14=-3", "cuDNN 9.19.0 eng6_k2=6_k14=4");
    static const char own[] = PLANS("own kernels", "own kernels", "own kernels");
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    check_plans("", chosen);
    check_plans(
        PLANS("cuDNN 9.1.0 eng7_k2=7_k14=-3", "cuDNN 9.19.0 eng7_k2=7_k14=-3", "cuDNN 9.19.0 eng6_k2=6_k14=4"),
        PLANS("cuDNN 9.19.0 eng7_k2=7_k14=-3", "cuDNN 9.19.0 eng7_k2=7_k14=-3", "cuDNN 9.19.0 eng6_k2=6_k14=4"));
    check_plans(own, own);
    static const char *const no_plans[] = {"cuDNN 9.19.0 eng0", /* not deterministic */
                                           "cuDNN 9.19.0 eng3", /* cannot be made */
                                           "cuDNN 9.19.0 eng4", /* takes too much memory */
                                           "cuDNN 9.19.0 eng5_k2=5_k14=-3", /* on tensor cores */
                                           "cuDNN 9.19.0 eng7_k2=6_k14=-3",
                                           "cuDNN 9.19.0 eng7",
                                           "cuDNN 9.19.0 eng99",
                                           "cuDNN 9.19.0 eng-1",
                                           "cuDNN 9.19.0 eng7_k2=7_k14=-3_",
                                           "cuDNN 9.19.0 eng7_k2",
                                           "cuDNN 9.19.0 eng7_k2=7_k14=-3 and more",
                                           "cuDNN 9.19.0, an engine without a name",
                                           "eng7_k2=7_k14=-3",
                                           ""};
    for (size_t i = 0; i < sizeof no_plans / sizeof *no_plans; i++) {
        char recalled[1024];
        snprintf(recalled, sizeof recalled, KIND "forward\t%s\n" KIND "data\t%s\n", no_plans[i], no_plans[i]);
        check_plans(recalled, chosen);
    }
    check_plans("\n\t\n\t\t\n" KIND "\n" KIND "sideways\tcuDNN\n\t\t\t\t", chosen);
    char *knobs = calloc(1, 4096), *at = knobs + sprintf(knobs, KIND "data\tcuDNN 9.19.0 eng7");
    for (int i = 0; i < 60; i++) at += sprintf(at, "_k%d=1", i % 10); /* more than an engine has */
    check_plans(knobs, chosen);
    for (int i = 0; i < 200; i++) at += sprintf(at, "_k%d=1", i % 10); /* longer than a plan's name */
    check_plans(knobs, chosen);
    free(knobs);
}

/* Each convolution that cuDNN has no plan for is counted. */
Test(image_device, shapes_without_a_plan_are_counted) {
    const conv_shape wide = {1, 3, 3, 8, 8}, narrow = {1, 3, 3, 8, 1};
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    setenv("AFFJORD_EMULATED_CUDNN", "wide", 1);
    const backend_ops *device = emulated_images();
    conv *made[2] = {NULL, NULL};
    error_info which = {""};
    cr_assert_eq(conv_create(device, wide, CONV_AUTO, MATH_FP32, &made[0]), STATUS_OK);
    cr_expect(emulated_library()->images_library(device, &which));
    cr_assert_eq(conv_create(device, narrow, CONV_AUTO, MATH_FP32, &made[1]), STATUS_OK);
    cr_expect_not(emulated_library()->images_library(device, &which));
    cr_expect_str_eq(which.text, "cuDNN 9.19.0 has no plan for 1 of 2 convolutions");
    cr_expect_eq(conv_forward_reals(made[1]), 8 * CONV_TAPS);
    for (size_t i = 0; i < 2; i++) conv_destroy(&made[i]);
    tested_close(&device);
    cr_expect_eq(cudnn_living(), 0);
}

Test(image_device, a_cudnn_that_fails_is_a_failure) {
    const conv_shape shape = {1, 3, 3, 8, 8};
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    setenv("AFFJORD_EMULATED_CUDNN", "broken", 1);
    const backend_ops *device = emulated_images();
    arena memory = {0};
    real *unused[3];
    error_info err = {""};
    convolve_on(device, &memory, shape, unused);
    cr_expect_eq(emulated_library()->images_state(device, &err), STATUS_IO);
    cr_expect_str_eq(err.text, "cuDNN: computing a convolution: CUDNN_STATUS_BAD_PARAM");
    arena_release(&memory);
    emulated_library()->images_close(&device);
}

/* --- Memory and failures --- */

Test(image_device, memory_is_zero_and_may_be_short) {
    const backend_ops *device = emulated_images();
    arena memory = {0};
    real *x, host[100];
    void *block = NULL;
    cr_assert_eq(BACKEND_NEW(device, &memory, 100, &x), STATUS_OK);
    device->copy_to_host(device, sizeof host, x, host);
    for (size_t i = 0; i < 100; i++) cr_expect_eq(host[i], 0);
    cr_expect_eq(device->alloc(device, (size_t)1 << 40, &block), STATUS_MEMORY);
    cr_expect_null(block);
    arena_release(&memory);
    tested_close(&device);
}

Test(image_device, errors_are_stored_and_results_are_nan) {
    const backend_ops *device = emulated_images();
    const size_t n = 10;
    const error_norm norm = {.atol = 1, .parts = 1, .length = &n};
    arena memory = {0};
    error_info err = {""};
    real *x = numbers_on(device, &memory, n, 1), host[10];
    const real *k = x;
    double *weight, size;
    cr_assert_eq(BACKEND_NEW(device, &memory, 1, &weight), STATUS_OK);
    cr_expect(device->is_finite(device, n, x));
    setenv("AFFJORD_EMULATED_LOST", "1", 1);
    device->zero(device, n, x);
    unsetenv("AFFJORD_EMULATED_LOST");
    cr_expect_eq(emulated_library()->images_state(device, &err), STATUS_IO);
    cr_expect_str_eq(err.text, "CUDA: starting a kernel: unspecified launch failure");
    cr_expect_not(device->is_finite(device, n, x));
    device->measure_error(device, &norm, 1, weight, &k, x, x, weight);
    device->copy_to_host(device, sizeof size, weight, &size);
    cr_expect(isnan(size));
    device->copy_to_host(device, sizeof host, x, host);
    for (size_t i = 0; i < n; i++) cr_expect(isnan(host[i]));
    arena_release(&memory);
    emulated_library()->images_close(&device);
}

Test(image_device, devices_that_cannot_be_opened) {
    const backend_ops *device = NULL;
    error_info err = {""};
    setenv("AFFJORD_EMULATED_OLD", "0", 1);
    cr_expect_eq(emulated_library()->images_open(0, &device, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "is an sm_90, and libaffjord_cuda.so was built for fibers"), "%s", err.text);
    unsetenv("AFFJORD_EMULATED_OLD");
    setenv("AFFJORD_EMULATED_MEMORY", "1000", 1);
    cr_expect_eq(emulated_library()->images_open(0, &device, &err), STATUS_MEMORY);
    cr_expect_null(device);
    emulated_library()->images_close(&device); /* nothing to close */
}

/* --- Whole trainings --- */

static chain_spec spec_of(image_layer layer) {
    chain_spec spec = small_spec(layer == IMAGE_CONCAT ? IMAGE_FFJORD : IMAGE_AFFJORD, layer);
    spec.solver.options.atol = spec.solver.options.rtol = 1e-2;
    spec.kinetic = spec.jacobian = 0.01;
    spec.keep_stages = layer % 2 == 0;
    return spec;
}

/* The gradient (P) of the first iteration. */
static void gradient_on(const backend_ops *backend, chain_spec spec, real *gradient, size_t P) {
    trainer *training = make(backend, spec);
    trainer_epoch epoch;
    bool done;
    cr_assert_eq(trainer_step(training, NULL, &done, &epoch), STATUS_OK);
    backend->copy_to_host(backend, P * sizeof *gradient, training->gradient, gradient);
    trainer_destroy(&training);
}

/* Loss and gradient equal the processor's except for the order of sums, with the same bits each time and for any order
 * of threads. */
static void check_training(chain_spec spec, const char *what) {
    const backend_ops *host = host_together(), *device = tested_images();
    const size_t P = parameters_of(spec);
    real *a = reals(P), *b = reals(P);
    gradient_on(host, spec, a, P);
    gradient_on(device, spec, b, P);
    double largest = 0, distance = 0;
    for (size_t i = 0; i < P; i++) {
        largest = fmax(largest, fabs((double)a[i]));
        if (!(fabs((double)a[i] - (double)b[i]) <= distance)) distance = fabs((double)a[i] - (double)b[i]);
    }
    cr_expect(largest > 0 && distance <= 1e-4 * largest, "%s: gradients are %g apart, of %g", what, distance, largest);
    const double host_loss = train(host, spec, a, P), device_loss = train(device, spec, a, P);
    cr_expect_float_eq(device_loss, host_loss, 1e-4, "%s: %.9g, %.9g on the processor", what, device_loss, host_loss);
    setenv("AFFJORD_EMULATED_BACKWARDS", "1", 1);
    const double again = train(device, spec, b, P);
    unsetenv("AFFJORD_EMULATED_BACKWARDS");
    cr_expect_eq(device_loss, again, "%s: %a and %a", what, device_loss, again);
    cr_expect_arr_eq(a, b, P * sizeof *a, "%s: parameters", what);
    free(a), free(b);
    tested_close(&device);
}

Test(any_device, trainings_are_those_of_the_processor_but_for_the_order_of_sums) {
    static const char *const names[] = {IMAGE_LAYERS(CHOICE_TEXT)};
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++)
        check_training(spec_of(layer), names[layer]);
}

Test(any_device, adjoints_fixed_steps_and_exact_traces) {
    chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_HYPER);
    spec.solver.options.atol = spec.solver.options.rtol = 1e-2;
    spec.gradient = GRADIENT_ADJOINT;
    check_training(spec, "adjoint");
    spec.gradient = GRADIENT_DISCRETE;
    spec.model.height = spec.model.width = 4; /* one flow, D = 16 */
    spec.divergence = DIVERGENCE_EXACT;
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 2};
    check_training(spec, "a grid and an exact trace");
}

/* Self-attention in all flows of two scales, on images of 6 x 6; or in one flow, as a side is odd. */
static void check_attention(image_layer layer, size_t side) {
    static const char *const names[] = {IMAGE_LAYERS(CHOICE_TEXT)};
    chain_spec spec = spec_of(layer);
    spec.model.height = spec.model.width = side;
    spec.model.attention_heads = 2;
    spec.model.attention_channels = 6;
    check_training(spec, names[layer]);
}

Test(any_device, trainings_with_attention) {
    tested_cublas(false);
    check_attention(IMAGE_IGNORE, 6);
    check_attention(IMAGE_CONCAT, 6);
    check_attention(IMAGE_HYPER, 6);
    check_attention(IMAGE_CONCATSQUASH, 5);
}

/* CuBLAS computes the attention of the first scale; its calls are captured into graphs, or (emulated) refused there. */
Test(any_device, trainings_with_attention_by_cublas) {
    tested_cublas(true);
    check_attention(IMAGE_HYPER, 6);
    setenv("AFFJORD_EMULATED_CUBLAS", "alone", 1);
    check_attention(IMAGE_CONCAT, 6);
}

#endif
