/* step.h - one step of an explicit Runge-Kutta method, and its reverse; solves on a grid and adaptive ones are
 * made of these.
 *
 * Stage i < s is k_i = F(time_i, Y_i), Y_i = y + h sum_{j<i} a_ij k_j. Stage s is the derivative at the step's end: its
 * row of a is b, so that Y_s is the step's result. */
#ifndef AFFJORD_ODE_STEP_H
#define AFFJORD_ODE_STEP_H

#include "ode/solve.h"

typedef struct rk_step {
    const tableau *method;
    const ode_system *system; /* n = system->length */
    const step_numbers *numbers; /* in the backend's memory: times and weights of this step */
    size_t evaluation; /* number of stage 0's evaluation; those of the others follow it */

    /* Where the Y_i are kept as well: in slot number *slot of `kept`, one after another. NULL: they aren't. */
    real *kept; /* (slots, apart) */
    size_t apart;
    const size_t *slot; /* in the backend's memory */
} rk_step;

/* k[i] (n) <- stage i, for i = first .. last - 1, from y (n) and k[0 .. first - 1]. Y_i is written to
 * states + i * stride: stride 0 uses one buffer (n) for all, which then holds the last. */
void rk_step_stages(const rk_step *step, size_t first, size_t last, const real *y, real *states, size_t stride,
                    real *const *k);

/* y (n), the Y_i of stage i, to where it is kept. */
void rk_step_keep(const rk_step *step, size_t i, const real *y);

/* Reverse of the stages and of their sum by numbers->back: ybar (n), the cotangent of that sum, becomes that of y.
 * `states` (stages, n) holds the Y_i; `sources` (stages, n), where not NULL, cotangents that they have from elsewhere.
 * `stages` calls of the system's reverse, from the last. Scratch: kbar (n), and Ybar[i] (n) for each stage. */
void rk_step_reverse(const rk_step *step, size_t stages, const real *states, const real *sources, real *ybar,
                     real *kbar, real *const *Ybar);

/* step(argument) while *going, in the backend's memory, is not 0: by the backend, or in a loop. */
void rk_step_repeat(const backend_ops *backend, void (*step)(void *argument), void *argument, const int *going);

#endif
