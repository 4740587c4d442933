/* rk.h - explicit Runge-Kutta methods on a fixed grid, and the reverse of their steps.
 *
 * An equation dy/dt = F(t, y) is a table of functions on a contiguous state.
 * Evaluations are numbered: on a grid evaluation = step * stages + stage, which
 * is how an equation finds what it has prepared for that instant.
 *
 * rk_integrate and rk_reverse are for backends whose memory is the program's; what is solved on any device goes by
 * solve.h. */
#ifndef AFFJORD_ODE_RK_H
#define AFFJORD_ODE_RK_H

#include <stddef.h>

#include "backend/backend.h"
#include "base/export.h"
#include "base/real.h"

AFFJORD_API_BEGIN

/* The methods for fixed grids, in the order of tableau.def. */
typedef enum tableau_id {
#define TABLEAU(symbol, name, order, stages, a, b, c) TABLEAU_##symbol,
#include "ode/tableau.def"
    TABLEAU_COUNT
} tableau_id;

const tableau *tableau_get(tableau_id id);

/* The embedded pairs, in the order of tableau.def. They work on a grid too, with their `stages` and no estimate. */
typedef enum pair_id {
#define PAIR(symbol, name, order, stages, a, b, c, error, mid) PAIR_##symbol,
#include "ode/tableau.def"
    PAIR_COUNT
} pair_id;

const tableau *tableau_pair(pair_id id);

/* Dense output of a pair: w (s + 1) such that y + h sum_i w_i k_i is the polynomial of degree 4 through the values and
 * derivatives at both ends and the value in the middle, at t + x h, 0 <= x <= 1. Of second order for HEUN2, third for
 * BOSH3 (for both it is the cubic Hermite polynomial), fourth for the others. */
void tableau_dense(const tableau *pair, double x, double *w);

/* `steps` equal steps from `start` to `end`, which may lie before it. */
typedef struct grid {
    double start, end;
    size_t steps;
} grid;

static inline double grid_step(grid g) {
    return (g.end - g.start) / (double)g.steps;
}

/* Time of an evaluation. */
static inline double grid_time(grid g, const tableau *method, size_t evaluation) {
    const size_t step = evaluation / method->stages, stage = evaluation % method->stages;
    return g.start + ((double)step + method->c[stage]) * grid_step(g);
}

typedef struct ode_system {
    const backend_ops *backend; /* in whose memory states, cotangents, records and workspace are */
    size_t length; /* n, reals of the state */
    void *context; /* given to both functions */

    /* dy (n) <- F(*t, y). The time is in the backend's memory too, as a device that repeats a step by itself has it
     * nowhere else; such a step was called once, when it was recorded, and its evaluations have the numbers that they
     * had then. An equation that is solved there calls operations and nothing else, the same ones at every evaluation. */
    void (*evaluate)(void *context, size_t evaluation, const double *t, const real *y, real *dy);

    /* ybar (n) <- (dF/dy)^T k, for a cotangent k (n) of F; the equation gathers the gradients of what else F depends
     * on. NULL if the equation is never reversed. */
    void (*reverse)(void *context, size_t evaluation, const double *t, const real *y, const real *k, real *ybar);

    /* In the backend's memory, owned by the caller: what a solve of solve.h or adaptive.h is steered by. May be NULL
     * where the backend's memory is the program's. */
    step_control *control;
} ode_system;

/* Reals of workspace that integrating or reversing needs. */
size_t rk_workspace(const tableau *method, size_t length);

/* y (n): the state at grid.start becomes the state at grid.end. Where `states` is not NULL, the state of every
 * evaluation is kept in it, (steps * stages, n). Exactly steps * stages evaluations. */
void rk_integrate(const tableau *method, grid g, const ode_system *system, real *y, real *states, real *workspace);

/* Reverse of rk_integrate, exact for the computed solution: ybar (n), the cotangent of the state at grid.end, becomes
 * that of the state at grid.start. `states` is what rk_integrate kept. `sources` (steps * stages, n), where not NULL,
 * are cotangents that the states of the evaluations have from elsewhere. steps * stages calls of reverse. */
void rk_reverse(const tableau *method, grid g, const ode_system *system, const real *states, const real *sources,
                real *ybar, real *workspace);

AFFJORD_API_END

#endif
