/* butcher.h - the coefficients of a Runge-Kutta method (Butcher's tableau); ode/tableau.h has the methods. */
#ifndef AFFJORD_BACKEND_BUTCHER_H
#define AFFJORD_BACKEND_BUTCHER_H

#include <stddef.h>

enum {
    RK_STAGES_MAX = 13,
    RK_WEIGHTS_MAX = RK_STAGES_MAX + 1 /* plus the derivative at the end of the step */
};

/* A method: y+ = y + h sum_i b_i k_i, k_i = F(t + c_i h, y + h sum_j<i a_ij k_j). */
typedef struct tableau {
    const char *name; /* in host memory; no device reads it */
    size_t order; /* of y+ */
    size_t stages; /* s, the evaluations of a step */
    double a[RK_STAGES_MAX][RK_STAGES_MAX]; /* (s, s), strictly lower triangular */
    double b[RK_STAGES_MAX]; /* (s) weights of the stages */
    double c[RK_STAGES_MAX]; /* (s) times of the stages, in steps */
    /* For embedded pairs, otherwise zero: weights of k_0 .. k_s, where k_s = F(t + h, y+). */
    double error[RK_WEIGHTS_MAX]; /* h sum_i error_i k_i estimates the error of y+ */
    double mid[RK_WEIGHTS_MAX]; /* y + h sum_i mid_i k_i approximates y(t + h/2) */
} tableau;

#endif
