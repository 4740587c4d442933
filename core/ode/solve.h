/* solve.h - solving dy/dt = F(t, y) with an explicit Runge-Kutta method, and the reverse of a solve.
 *
 * A solve takes equal steps (a fixed grid), or steps that it chooses by an embedded pair's estimate of the error.
 * Either way the accepted steps can be kept in a record, from which solve_backward takes the gradient through the
 * computed steps: the state at each step's start, or those of all its stages. In the first case the reverse evaluates
 * the stages of a step again: a third more work, for memory of one state a step instead of s or s + 1.
 *
 * Adaptive steps follow torchdiffeq's rules:
 *
 *   ratio = RMS over the state of  error / (atol + rtol max(|y|, |y+|)),    accepted where ratio <= 1,
 *   h <- h min(10, max(0.9 / ratio^(1/order), low)),    low = 0.2, or 1 where ratio < 1.
 *
 * The first step is chosen with one evaluation (Hairer, Norsett, Wanner, II.4). The last one goes past the end and the
 * state there is interpolated, unless `stop_at_end` is set; set it for dopri8, whose steps are too long to interpolate
 * within the tolerance. Every attempt costs s evaluations, so that a solve makes exactly 2 + s (accepted + rejected),
 * or 1 less with a first step given: the derivative at a step's end is evaluated for all pairs and is the next step's
 * first stage. Time is double throughout.
 *
 * Differences from torchdiffeq 0.2.5 (docs/lab/peers.md). It interpolates the value at the end of bosh3 by a polynomial
 * with up to 1,000 times the error of the steps. Its last step evaluates F behind the end: without `stop_at_end` the
 * value of dopri8 there has up to 5,000 times the error of the steps. Its "adaptive_heun" goes on with the derivative at
 * the predictor, one evaluation less a step. It has no tsit5. Rounding in float decides which steps are rejected at
 * tolerances below 1e-5; in double, counts are equal. */
#ifndef AFFJORD_ODE_SOLVE_H
#define AFFJORD_ODE_SOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/real.h"
#include "base/status.h"
#include "ode/tableau.h"

AFFJORD_API_BEGIN

/* The operations of a device (backend/cpu/cpu.h). */
typedef struct backend_ops backend_ops;
/* What steers a solve (backend/step_control.h), in the device's memory. */
typedef struct step_control step_control;

/* --- The equation --- */

typedef struct ode_system {
    const backend_ops *backend; /* in whose memory states, cotangents, records and workspace are */
    size_t length; /* n, reals of the state */
    void *context; /* given to both functions */

    /* dy (n) <- F(*t, y). Evaluations are numbered from 0: on a grid by step * stages + stage, which is how an equation
     * finds what it has prepared for that instant; with adaptive steps in the order made. The time is in the backend's
     * memory too, as a device that repeats a step by itself has it nowhere else; such a step was called once, when it
     * was recorded, and its evaluations have the numbers that they had then. An equation that is solved there calls
     * operations and nothing else, the same ones at every evaluation. */
    void (*evaluate)(void *context, size_t evaluation, const double *t, const real *y, real *dy);

    /* ybar (n) <- (dF/dy)^T k, for a cotangent k (n) of F; the equation gathers the gradients of what else F depends
     * on. NULL if the equation is never reversed. */
    void (*backward)(void *context, size_t evaluation, const double *t, const real *y, const real *k, real *ybar);

    /* In the backend's memory, owned by the caller: what a solve is steered by. May be NULL where the backend's memory
     * is the program's. */
    step_control *control;
} ode_system;

/* `steps` equal steps from `start` to `end`, which may lie before it. */
typedef struct time_grid {
    double start, end; /* times */
    size_t steps; /* at least 1 */
} time_grid;

/* Return the step h, negative where the end lies before the start. */
static inline double time_grid_step(time_grid g) {
    return (g.end - g.start) / (double)g.steps;
}

/* Time of an evaluation. */
static inline double time_grid_time(time_grid g, const tableau *method, size_t evaluation) {
    const size_t step = evaluation / method->stages, stage = evaluation % method->stages;
    return g.start + ((double)step + method->c[stage]) * time_grid_step(g);
}

/* --- How it is solved --- */

enum { ADAPTIVE_PARTS_MAX = 5, ADAPTIVE_ATTEMPTS = 10000 };

/* How the error of a state (n) is measured: as the largest RMS of its first parts, in their order. What follows them
 * does not count ("seminorm"). With no parts, the whole state is one. */
typedef struct adaptive_norm {
    size_t parts; /* at most ADAPTIVE_PARTS_MAX */
    size_t length[ADAPTIVE_PARTS_MAX]; /* reals of each, not 0 */
} adaptive_norm;

/* How steps are chosen. */
typedef struct adaptive_options {
    double atol; /* positive */
    double rtol; /* 0 or positive */
    adaptive_norm norm; /* of the error */
    bool stop_at_end; /* shorten the last step to end where the solve ends; otherwise interpolate */
    double first_step; /* size of the first attempt; 0 to choose it */
    double min_step; /* smallest size tried; 0 for any that still moves the time */
    double max_step; /* largest size tried; 0 for no bound */
    size_t max_attempts; /* steps tried, accepted or not; 0 for ADAPTIVE_ATTEMPTS */
} adaptive_options;

/* A method and its steps. */
typedef struct solve_spec {
    const tableau *method; /* of ode/tableau.h */
    size_t steps; /* of a fixed grid; 0 for adaptive steps, whose method is an embedded pair */
    adaptive_options options; /* of adaptive steps */
} solve_spec;

/* --- What a solve leaves --- */

/* Counters of a call. Sizes are positive in both directions of time. */
typedef struct adaptive_statistics {
    size_t evaluations; /* calls of evaluate */
    size_t vjps; /* calls of reverse */
    size_t accepted, rejected; /* steps */
    double smallest, largest; /* accepted steps, 0 if there is none */
    double time; /* reached by the last accepted step */
} adaptive_statistics;

/* The accepted steps of a solve, in memory of the caller that is the backend's. */
typedef struct adaptive_record {
    size_t capacity; /* steps there is room for */
    double *time; /* (capacity) at each step's start; of a grid, time and step may be NULL */
    double *step; /* (capacity) h, negative backwards in time */
    real *states; /* (capacity, n) at each step's start, or of all stages: (capacity, solve_kept / n, n) */
    bool stages; /* the latter: the states of all stages, so that a reverse need not evaluate them again */
    const real *sources; /* of a grid's reverse, in the program's memory: cotangents that the kept states of the stages
                          * have from elsewhere, placed as they are; NULL for none */
    /* What follows is filled in by the solve. */
    size_t steps; /* accepted */
    double start; /* of the solve */
    double reached; /* end of the last step */
    double end; /* end of the solve, in the last step */
} adaptive_record;

/* Reals of workspace for a solve of a state of `length`, and for its reverse. */
size_t solve_workspace(const solve_spec *by, size_t length);
/* The same for its reverse. */
size_t solve_backward_workspace(const solve_spec *by, size_t length);

/* Reals that a record keeps of a step. */
size_t solve_kept(const solve_spec *by, size_t length, bool stages);

/* Solve: y (n), the state at `start`, becomes the state at `end`, which may lie before it. `record` may be NULL. No
 * memory is allocated.
 *
 * All that is decided is decided in the backend's memory (backend/step_control.h), and steps are repeated there; the
 * program waits once, for the outcome. On a grid evaluations are exactly steps * stages.
 *
 * Returns, besides STATUS_OK,
 *   STATUS_NON_FINITE      adaptive: the state or derivative at the start is not finite, or steps as small as can be
 *                          still lead to a state, derivative or error that is not; grid: the state at the end is not;
 *   STATUS_STEP_TOO_SMALL  a step of the smallest size was rejected;
 *   STATUS_TOO_MANY_STEPS  max_attempts did not reach the end;
 *   STATUS_RECORD_FULL     more than record->capacity steps were accepted;
 *   STATUS_INVALID         an option or a time outside its range, or a device without system->control.
 * With adaptive steps y is as it was unless the solve succeeds; on a grid it has what the arithmetic gives.
 * *statistics, where not NULL, is filled in always, the record as far as the solve got. */
status solve_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                       adaptive_record *record, real *workspace, adaptive_statistics *statistics);

/* Reverse of a solve that succeeded and left a record, exact for the computed solution with the sizes of its steps
 * taken as constants: ybar (n), the cotangent of the state at the end, becomes that of the state at the start. The
 * stages of a step are evaluated again from the state kept at its start, unless they were kept, then reversed: s
 * evaluations and s reversals a step, one more of both in a last step that was interpolated. A reversal has the number
 * of the evaluation that it reverses: on a grid that of the solve, with adaptive steps that within its step, so that an
 * equation can keep what the s + 1 evaluations of a step have made.
 *
 * So a gradient needs n reals for each accepted step, or solve_kept without evaluations, and 2 s + 3 times n while it
 * is taken; the result is the same bits. Returns STATUS_NON_FINITE if it is not finite, and
 * STATUS_INVALID on a device without system->control. */
status solve_backward(const solve_spec *by, const adaptive_record *record, const ode_system *system, real *ybar,
                      real *workspace, adaptive_statistics *statistics);

AFFJORD_API_END

#endif
