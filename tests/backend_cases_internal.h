/* backend_cases_internal.h - shared by the files of the cases: one run of a case, its arrays, and its results. */
#ifndef AFFJORD_TESTS_BACKEND_CASES_INTERNAL_H
#define AFFJORD_TESTS_BACKEND_CASES_INTERNAL_H

#include "backend_cases.h"
#include "base/arena.h"

enum { RESULTS_MAX = 256 };

/* One run of a case: its arrays, and what it gave. Without memory the tests cannot go on. */
typedef struct work {
    const backend_ops *backend;
    arena memory; /* of both kinds */
    uint64_t draws;
    size_t count, length[RESULTS_MAX];
    double *results[RESULTS_MAX];
} work;

void case_must(status outcome);

/* Room for n reals on the device, zeros; for n doubles; numbers in (-range, range) that no other draw has. */
real *case_room(work *w, size_t n);
double *case_room_double(work *w, size_t n);
real *case_drawn(work *w, size_t n, double range);

/* Room of the program for n values, and n values that the operation gave. */
double *case_values(work *w, size_t n);
void case_give(work *w, size_t n, double *values);

/* What the operation gave, on the device: n reals, n doubles. */
void case_result(work *w, size_t n, const real *x);
void case_result_double(work *w, size_t n, const double *x);

/* The cases of backend_cases_images.c. */
void case_dual(work *w);
void case_bias(work *w);
void case_products(work *w);
void case_context(work *w);
void case_conv(work *w);
void case_logit(work *w);
void case_squeeze(work *w);

/* The cases of backend_cases_steps.c. */
void case_control(work *w);
void case_grid(work *w);
void case_repeat(work *w);

#endif
