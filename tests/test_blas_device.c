/* test_blas_device.c - products by cuBLAS on the emulated device, by the stand-in tests/cuda_on_host/cublas_on_host.cpp:
 * which operations it computes, and what happens without it. */
#ifndef AFFJORD_DOUBLE /* the library is of the float build */

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/memory.h"
#include "backend_cases.h"
#include "backend_training.h"
#include "device_support.h"
#include "field/layers/attention.h"

/* Call a function of the stand-in. */
static size_t counted(const char *name) {
    void *file = dlopen(AFFJORD_CUBLAS_EMULATED, RTLD_NOW);
    cr_assert_not_null(file, "%s", dlerror());
    size_t (*count)(void);
    void *symbol = dlsym(file, name);
    memcpy(&count, &symbol, sizeof count);
    cr_assert_not_null(symbol);
    return count();
}

/* Numbers of the backend, the same on all. */
static real *numbers(const backend_ops *backend, arena *memory, size_t n, double scale) {
    real *x, *host = reals(n);
    for (size_t i = 0; i < n; i++) host[i] = (real)(scale * sin(1.7 * (double)i + 0.3 * (double)n));
    cr_assert_eq(BACKEND_NEW(backend, memory, n, &x), STATUS_OK);
    backend->copy_to_device(backend, n * sizeof *x, host, x);
    free(host);
    return x;
}

/* Results of an operation in host memory. */
enum { RESULTS = 3 };
typedef struct results {
    real *x[RESULTS];
    size_t n[RESULTS];
} results;

static void take(results *out, size_t i, const backend_ops *backend, size_t n, const real *x) {
    out->n[i] = n;
    out->x[i] = reals(n);
    backend->copy_to_host(backend, n * sizeof *x, x, out->x[i]);
}

/* y, and the cotangent of x, and the gradient. */
static void attend(const backend_ops *b, attention_shape s, results *out) {
    arena memory = {0};
    const size_t n = 2 * s.images * s.pixels * s.channels, weights = attention_weights(&s);
    const attention layer = {
        .shape = s, .out = weights / 4 * 3, .packed = numbers(b, &memory, attention_packed(&s), 0)};
    const real *packed = layer.packed, *x = numbers(b, &memory, n, 1);
    attention_set_params(&layer, b, numbers(b, &memory, weights, 0.5));
    real *y = numbers(b, &memory, n, 0), *bar = numbers(b, &memory, n, 2), *gradient = numbers(b, &memory, weights, 1);
    real *scratch = numbers(b, &memory, b->attention_scratch(b, &s), NAN);
    b->attention(b, &s, packed, x, y, scratch);
    b->attention_backward(b, &s, packed, x, bar, gradient, scratch);
    take(out, 0, b, n, y);
    take(out, 1, b, n, bar);
    take(out, 2, b, weights, gradient);
    arena_release(&memory);
}

/* y, and the cotangents of x and of the bias. */
static void apply(const backend_ops *b, size_t rows, size_t columns, results *out) {
    arena memory = {0};
    const real *matrix = numbers(b, &memory, rows * columns, 1), *bias = numbers(b, &memory, rows, 1);
    const real *x = numbers(b, &memory, columns, 1), *bar = numbers(b, &memory, rows, 2);
    real *y = numbers(b, &memory, rows, NAN), *matrix_bar = numbers(b, &memory, rows * columns, 0);
    real *bias_bar = numbers(b, &memory, rows, 1), *xbar = numbers(b, &memory, columns, 3);
    if (b->plan_apply) b->plan_apply(b, rows, columns);
    b->apply(b, rows, columns, matrix, bias, x, y);
    b->apply_backward(b, rows, columns, matrix, x, bar, matrix_bar, bias_bar, xbar);
    take(out, 0, b, rows, y);
    take(out, 1, b, columns, xbar);
    take(out, 2, b, rows, bias_bar);
    arena_release(&memory);
}

static void expect_near(const results *a, const results *b, const char *what) {
    for (size_t i = 0; i < RESULTS; i++) {
        double largest = 0, distance = 0;
        cr_assert_eq(a->n[i], b->n[i]);
        for (size_t k = 0; k < a->n[i]; k++) {
            largest = fmax(largest, fabs((double)a->x[i][k]));
            const double apart = fabs((double)a->x[i][k] - (double)b->x[i][k]);
            if (!(apart <= distance)) distance = apart;
        }
        cr_expect(largest > 0 && distance <= 1e-5 * largest, "%s, result %zu: %g apart, of %g", what, i, distance,
                  largest);
    }
}

static void forget(results *of) {
    for (size_t i = 0; i < RESULTS; i++) free(of->x[i]);
}

/* Products of cuBLAS by the stand-in, and what it says; then closed. */
static const backend_ops *open_with(const char *library) {
    setenv("AFFJORD_CUBLAS", library, 1);
    return emulated_images();
}
static void expect_products(const backend_ops *device, bool all, const char *words) {
    error_info which = {""};
    cr_expect_eq(emulated_library()->images_products(device, &which), all);
    cr_expect_not_null(strstr(which.text, words), "no \"%s\" in: %s", words, which.text);
}

/* An image below and above the least size, several images and heads, wide heads. */
Test(image_device, attention_by_cublas) {
    const struct {
        attention_shape shape;
        bool suits;
    } cases[] = {{{3, 31, 4, 2, 3}, false},
                 {{3, 32, 4, 2, 3}, true},
                 {{2, 45, 10, 3, 5}, true},
                 {{1, 130, 6, 1, 7}, true},
                 {{1, 33, 4, 1, 130}, true}};
    const backend_ops *host = cpu_backend(cpu_level_best()), *device = open_with(AFFJORD_CUBLAS_EMULATED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[32];
        results here, there;
        const size_t before = counted("emulated_cublas_products");
        snprintf(what, sizeof what, "%zu pixels", cases[i].shape.pixels);
        attend(host, cases[i].shape, &here);
        attend(device, cases[i].shape, &there);
        expect_near(&here, &there, what);
        cr_expect_eq(counted("emulated_cublas_products") > before, cases[i].suits, "%s", what);
        forget(&here), forget(&there);
    }
    expect_products(device, true, "cuBLAS 13.1.0");
    const char *plans = emulated_library()->images_plans(device);
    cr_expect_not_null(
        strstr(plans, "attention of 2 heads of 3 in 4 channels, 3 images of 32 pixels\tforward\tcuBLAS 13.1.0\n"), "%s",
        plans);
    cr_expect_null(strstr(plans, "31 pixels"), "%s", plans);
    tested_close(&device);
    cr_expect_eq(counted("emulated_cublas_living"), 0);
}

/* One image of 1500 pixels is a group. */
Test(any_device, attention_in_groups) {
    const attention_shape shape = {2, 1500, 3, 4, 1};
    results here, there;
    tested_cublas(true);
    const backend_ops *device = tested_images();
    attend(cpu_backend(cpu_level_best()), shape, &here);
    attend(device, shape, &there);
    expect_near(&here, &there, "groups");
    forget(&here), forget(&there);
    tested_close(&device);
}

Test(image_device, large_matrices_by_cublas) {
    const backend_ops *host = cpu_backend(cpu_level_best()), *device = open_with(AFFJORD_CUBLAS_EMULATED);
    for (size_t i = 0; i < 2; i++) {
        const size_t rows = i ? 9362 : 9363, columns = 7, before = counted("emulated_cublas_products");
        results here, there;
        apply(host, rows, columns, &here);
        apply(device, rows, columns, &there);
        expect_near(&here, &there, "matrix");
        cr_expect_eq(counted("emulated_cublas_products") - before, i ? 0 : 2, "%zu rows",
                     rows); /* below 2^16 numbers */
        forget(&here), forget(&there);
    }
    cr_expect_str_eq(emulated_library()->images_plans(device),
                     "matrix of 9363 x 7\tforward\tcuBLAS 13.1.0\nmatrix of 9363 x 7\tdata\tcuBLAS 13.1.0\n"
                     "matrix of 9363 x 7\tweight\tcuBLAS 13.1.0\n");
    tested_close(&device);
}

/* One operation after an opening, which has the CPU's results whatever computes it. */
static void check_library(const char *library, const char *mode, const char *recalled, bool all, const char *words) {
    const attention_shape shape = {1, 40, 4, 1, 3};
    error_info err = {""};
    results here, there;
    setenv("AFFJORD_EMULATED_CUBLAS", mode, 1);
    const backend_ops *device = open_with(library);
    cr_assert_eq(emulated_library()->images_recall(device, recalled, &err), STATUS_OK, "%s", err.text);
    expect_products(device, true, ""); /* no operation so far */
    attend(cpu_backend(cpu_level_best()), shape, &here);
    attend(device, shape, &there);
    expect_near(&here, &there, words);
    expect_products(device, all, words);
    forget(&here), forget(&there);
    tested_close(&device);
    cr_expect_eq(counted("emulated_cublas_living"), 0);
}

#define RECALLED "attention of 1 heads of 3 in 4 channels, 1 images of 40 pixels\tforward\t"

Test(image_device, an_unusable_cublas_is_not_used) {
    check_library("none", "", "", false, "AFFJORD_CUBLAS = none");
    check_library("/nowhere/libcublas.so", "", "", false, "cuBLAS cannot be used: /nowhere/libcublas.so: ");
    check_library(AFFJORD_LIBRARY_EMULATED, "", "", false, "functions of cuBLAS are missing");
    check_library(AFFJORD_CUBLAS_EMULATED, "old", "", false, "expected cuBLAS 12 or newer, found an older version");
    check_library(AFFJORD_CUBLAS_EMULATED, "newer", "", true, "cuBLAS 13.2.0");
    /* A resumed run keeps own kernels; with another version, it goes on with that. */
    check_library(AFFJORD_CUBLAS_EMULATED, "", RECALLED "own kernels\n", false,
                  "the run began with them for 1 of 1 operations, and keeps them");
    check_library(AFFJORD_CUBLAS_EMULATED, "newer", RECALLED "cuBLAS 13.1.0\n", true, "cuBLAS 13.2.0");
}

Test(image_device, a_cublas_that_fails_is_a_failure) {
    setenv("AFFJORD_EMULATED_CUBLAS", "broken", 1);
    const backend_ops *device = open_with(AFFJORD_CUBLAS_EMULATED);
    error_info err = {""};
    results unused;
    attend(device, (attention_shape){1, 40, 4, 1, 3}, &unused);
    cr_expect_eq(emulated_library()->images_state(device, &err), STATUS_IO);
    cr_expect_str_eq(err.text, "cuBLAS: multiplying matrices: CUBLAS_STATUS_NOT_SUPPORTED");
    forget(&unused);
    emulated_library()->images_close(&device);
}

#endif
