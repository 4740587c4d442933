/* adaptive_support.h - equations for the tests of adaptive solves; make_adaptive_golden.py has the same. */
#ifndef AFFJORD_TESTS_ADAPTIVE_SUPPORT_H
#define AFFJORD_TESTS_ADAPTIVE_SUPPORT_H

#include <stdbool.h>

#include "ode/solve.h"

/* Loop over the embedded pairs. */
#define EACH_PAIR(id)                                                                                                  \
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++)                                                                  \
        if (tableau_is_pair(tableau_get(id)))

enum { LENGTH_MAX = 8, STEPS_MAX = 4000 };

/* One equation with counters. `strength` is a parameter of each, 1 in the golden file. */
typedef struct equation {
    const char *name;
    size_t length;
    void (*f)(double t, double strength, const real *y, real *dy);
    /* ybar <- (dF/dy)^T k; returns k . dF/dstrength. */
    double (*vjp)(double t, double strength, const real *y, const real *k, real *ybar);
    double end;
    real start[LENGTH_MAX];
    /* Initially strength = 1, and zeros. */
    double strength, gradient;
    size_t evaluations, vjps;
    bool in_order; /* evaluations were numbered from 0 */
} equation;

enum { EQUATIONS = 3 };
equation equation_make(size_t which); /* pendulum, pulse, network */
ode_system equation_system(equation *e);

/* One solve and its results. */
typedef struct solution {
    status outcome;
    real y[LENGTH_MAX];
    adaptive_statistics count;
    adaptive_record record;
    double time[STEPS_MAX], step[STEPS_MAX];
    real states[STEPS_MAX * LENGTH_MAX];
} solution;

/* Solves from e->start, which y begins as. The record has room for STEPS_MAX steps. */
void solution_find(const tableau *pair, equation *e, double start, double end, const adaptive_options *options,
                   solution *s);

#endif
