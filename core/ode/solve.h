/* solve.h - solve dy/dt = F(t, y) with an explicit Runge-Kutta method, forward and backward.
 *
 * A solve takes fixed steps of equal size, or adaptive steps by an embedded pair's error estimate. A record can store
 * its accepted steps, with the state at each step's start or with all stages. solve_backward computes the gradient
 * through the recorded steps. With the first kind of record it evaluates the stages of each step again: a third more
 * work, with one state per step in memory instead of s or s + 1.
 *
 * Adaptive steps follow torchdiffeq's rules:
 *
 *   ratio = RMS over the state of  error / (atol + rtol max(|y|, |y+|)),    accepted if ratio <= 1,
 *   h <- h min(10, max(0.9 / ratio^(1/order), low)),    low = 0.2, or 1 if ratio < 1.
 *
 * The choice of the first step takes one evaluation (Hairer, Norsett, Wanner, II.4). The last step passes the end, and
 * the state there is interpolated, unless `stop_at_end` is set. Set it for dopri8, whose steps are too long to
 * interpolate within the tolerance. Every attempt takes s evaluations, so a solve takes exactly 2 + s (accepted +
 * rejected), or 1 less with a given first step: for all pairs, the derivative at a step's end is evaluated and is the
 * next step's first stage. Time is double throughout.
 *
 * Without `stop_at_end`, F is evaluated beyond the end, and the value there has up to 5,000 (dopri8), 38 (dopri5), 12
 * (tsit5) or 8 (bosh3) times the error of the steps where these are few and long, often none (docs/lab/peers.md).
 *
 * Differences from torchdiffeq 0.2.5, which ends so too. It interpolates bosh3 by a polynomial with up to 1,000 times
 * the error of the steps. Its option step_t is `stop_at_end`. Its "adaptive_heun" continues with the derivative
 * at the predictor, one evaluation less per step. It has no tsit5. At tolerances below 1e-5, float rounding decides
 * which steps are rejected; in double, counts are equal. */
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
/* The state of a solve's step control (backend/step_control.h), in the device's memory. */
typedef struct step_control step_control;

/* --- The equation --- */

typedef struct ode_system {
    const backend_ops *backend; /* its memory holds states, cotangents, records and workspace */
    size_t length; /* n, reals of the state */
    void *context; /* for both functions */

    /* dy (n) <- F(*t, y). Evaluations are numbered from 0: with fixed steps by step * stages + stage, so an equation
     * finds its prepared values for that time; with adaptive steps in order. The time is in the backend's memory
     * too, because a device that repeats a step by itself has it nowhere else. Such a step was called once, when it
     * was recorded, and its evaluations keep those numbers. An equation that is solved there calls only operations,
     * the same ones at every evaluation. */
    void (*evaluate)(void *context, size_t evaluation, const double *t, const real *y, real *dy);

    /* ybar (n) <- (dF/dy)^T k, for a cotangent k (n) of F. The equation accumulates the gradients of its parameters
     * itself. NULL if there is no backward solve. */
    void (*backward)(void *context, size_t evaluation, const double *t, const real *y, const real *k, real *ybar);

    /* The step control of the solve, in the backend's memory, owned by the caller. May be NULL if the backend's
     * memory is the host's. */
    step_control *control;
} ode_system;

/* `steps` equal steps from `start` to `end`; `end` may be before `start`. */
typedef struct time_grid {
    double start, end; /* times */
    size_t steps; /* at least 1 */
} time_grid;

/* Return the step h, negative if `end` is before `start`. */
static inline double time_grid_step(time_grid g) {
    return (g.end - g.start) / (double)g.steps;
}

/* Return the time of an evaluation. */
static inline double time_grid_time(time_grid g, const tableau *method, size_t evaluation) {
    const size_t step = evaluation / method->stages, stage = evaluation % method->stages;
    return g.start + ((double)step + method->c[stage]) * time_grid_step(g);
}

/* --- Methods and steps --- */

enum { ADAPTIVE_PARTS_MAX = 5, ADAPTIVE_ATTEMPTS = 10000 };

/* The error of a state (n): the largest RMS of its first parts, in order. The rest does not count ("seminorm").
 * Without parts, the whole state is one. */
typedef struct adaptive_norm {
    size_t parts; /* at most ADAPTIVE_PARTS_MAX */
    size_t length[ADAPTIVE_PARTS_MAX]; /* reals of each, not 0 */
} adaptive_norm;

/* The choice of adaptive steps. */
typedef struct adaptive_options {
    double atol; /* positive */
    double rtol; /* 0 or positive */
    adaptive_norm norm; /* of the error */
    bool stop_at_end; /* shorten the last step to stop at the end; otherwise interpolate */
    double first_step; /* size of the first attempt; 0: choose it */
    double min_step; /* smallest size to try; 0: any that still changes the time */
    double max_step; /* largest size to try; 0: no bound */
    size_t max_attempts; /* attempted steps, accepted or not; 0: ADAPTIVE_ATTEMPTS */
} adaptive_options;

/* A method and its steps. */
typedef struct solve_spec {
    const tableau *method; /* of ode/tableau.h */
    size_t steps; /* fixed steps; 0: adaptive steps, by an embedded pair */
    adaptive_options options; /* of adaptive steps */
} solve_spec;

/* --- Results --- */

/* Counters of a call. Sizes are positive in both directions of time. */
typedef struct adaptive_statistics {
    size_t evaluations; /* calls of evaluate */
    size_t vjps; /* calls of backward */
    size_t accepted, rejected; /* steps */
    double smallest, largest; /* accepted steps, 0 if there is none */
    double time; /* reached by the last accepted step */
} adaptive_statistics;

/* The accepted steps of a solve. The caller owns the memory, which is the backend's. */
typedef struct adaptive_record {
    size_t capacity; /* room for steps */
    double *time; /* (capacity) start of each step; with fixed steps, time and step may be NULL */
    double *step; /* (capacity) h, negative backwards in time */
    real *states; /* (capacity, n) at each step's start, or all stages: (capacity, solve_kept / n, n) */
    bool stages; /* store all stages, so that the backward solve need not evaluate them again */
    const real *sources; /* for the backward solve with fixed steps, in host memory: more cotangents of the stored
                          * stages, with their layout; NULL: none */
    /* The solve fills in the rest. */
    size_t steps; /* accepted */
    double start; /* of the solve */
    double reached; /* end of the last step */
    double end; /* end of the solve, in the last step */
} adaptive_record;

/* Return the reals of workspace for a solve of a state of `length`. */
size_t solve_workspace(const solve_spec *by, size_t length);
/* The same for its backward solve. */
size_t solve_backward_workspace(const solve_spec *by, size_t length);

/* Return the reals that a record stores per step. */
size_t solve_kept(const solve_spec *by, size_t length, bool stages);

/* Solve: y (n) <- the state at `end`, from the state at `start`; `end` may be before `start`. `record` may be NULL. It
 * allocates no memory.
 *
 * All decisions are made in the backend's memory (backend/step_control.h), where steps are repeated; the host waits
 * once, for the outcome. With fixed steps, there are exactly steps * stages evaluations.
 *
 * Returns, besides STATUS_OK,
 *   STATUS_NON_FINITE      adaptive: the state or derivative at the start is not finite, or the smallest steps still
 *                          lead to a state, derivative or error that is not; fixed: the state at the end is not;
 *   STATUS_STEP_TOO_SMALL  a step of the smallest size was rejected;
 *   STATUS_TOO_MANY_STEPS  max_attempts did not reach the end;
 *   STATUS_RECORD_FULL     more than record->capacity steps were accepted;
 *   STATUS_INVALID         an option or a time outside its range, or a device without system->control.
 * With adaptive steps, y is unchanged on failure; with fixed steps, it has the result of the arithmetic.
 * *statistics, if not NULL, is always filled; the record as far as the solve got. */
status solve_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                       adaptive_record *record, real *workspace, adaptive_statistics *statistics);

/* Solve backward: ybar (n), the cotangent of the state at the end, <- the cotangent of the state at the start. The
 * solve must have succeeded and left a record. The result is the exact gradient of the computed solution, with the step
 * sizes as constants. For each step, it evaluates the stages again from the stored state at its start, unless they are
 * stored, and then goes through them backward: s evaluations and s calls of `backward`, one more of both in a last step
 * that was interpolated. A call of `backward` has the number of its evaluation: with fixed steps that of the solve,
 * with adaptive steps that within its step, so an equation can store the results of a step's s + 1 evaluations.
 *
 * A gradient needs n reals per accepted step, or solve_kept without evaluations, and 2 s + 3 times n as workspace;
 * the bits are the same. Errors: STATUS_NON_FINITE if the result is not finite; STATUS_INVALID on a device without
 * system->control; STATUS_OK otherwise. */
status solve_backward(const solve_spec *by, const adaptive_record *record, const ode_system *system, real *ybar,
                      real *workspace, adaptive_statistics *statistics);

AFFJORD_API_END

#endif
