/* backend_cases_internal.h - shared by the files of the cases: one run of a case, its arrays, and its results. */
#ifndef AFFJORD_TESTS_BACKEND_CASES_INTERNAL_H
#define AFFJORD_TESTS_BACKEND_CASES_INTERNAL_H

#include "backend_cases.h"
#include "base/arena.h"

enum { RESULTS_MAX = 256 };

/* One run of a case: its arrays and results. An allocation that fails ends the test. */
typedef struct work {
    const backend_ops *backend;
    arena memory; /* of both kinds */
    uint64_t draws;
    size_t count, length[RESULTS_MAX];
    double *results[RESULTS_MAX];
} work;

void case_must(status outcome);

/* Allocate n reals on the device, zeros; n doubles; random numbers in (-range, range), different in each call. */
real *case_room(work *w, size_t n);
double *case_room_double(work *w, size_t n);
real *case_drawn(work *w, size_t n, double range);

/* Allocate n values in host memory; the same, recorded as results of the operation. */
double *case_values(work *w, size_t n);
void case_give(work *w, size_t n, double *values);

/* Record results of the operation in device memory: n reals, n doubles. */
void case_result(work *w, size_t n, const real *x);
void case_result_double(work *w, size_t n, const double *x);

/* The cases of backend_cases_images.c. */
void case_dual(work *w);
void case_bias(work *w);
void case_products(work *w);
void case_context(work *w);
void case_attention(work *w);
void case_conv(work *w);
void case_logit(work *w);
void case_squeeze(work *w);

/* The cases of backend_cases_steps.c. */
void case_control(work *w);
void case_grid(work *w);
void case_repeat(work *w);

#endif
