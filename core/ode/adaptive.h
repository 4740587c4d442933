/* adaptive.h - embedded Runge-Kutta pairs with steps chosen by their estimate of the error, and the reverse of such a
 * solve.
 *
 * The conventions are those of torchdiffeq, so that numbers of evaluations can be compared:
 *
 *   ratio = RMS over the state of  error / (atol + rtol max(|y|, |y+|)),    accepted where ratio <= 1,
 *   h <- h min(10, max(0.9 / ratio^(1/order), low)),    low = 0.2, or 1 where ratio < 1.
 *
 * The first step is chosen with one evaluation (Hairer, Norsett, Wanner, II.4). The last one goes past the end and the
 * state there is interpolated, unless `land` is set; set it for dopri8, whose steps are too long to interpolate within
 * the tolerance. Every attempt costs s evaluations, so that a solve makes exactly 2 + s (accepted + rejected), or 1
 * less with a first step given: the derivative at a step's end is evaluated for all pairs and is the next step's first
 * stage. (torchdiffeq's "adaptive_heun" goes on with the derivative of the predictor instead, one evaluation less a
 * step; it is not followed in that.) Time is double throughout. */
#ifndef AFFJORD_ODE_ADAPTIVE_H
#define AFFJORD_ODE_ADAPTIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "base/status.h"
#include "ode/rk.h"

AFFJORD_API_BEGIN

enum { ADAPTIVE_PARTS_MAX = 5, ADAPTIVE_ATTEMPTS = 10000 };

/* How the error of a state (n) is measured: as the largest RMS of its first parts, in their order. What follows them
 * does not count ("seminorm"). With no parts, the whole state is one. */
typedef struct adaptive_norm {
    size_t parts;
    size_t length[ADAPTIVE_PARTS_MAX]; /* reals of each, not 0 */
} adaptive_norm;

typedef struct adaptive_options {
    double atol; /* positive */
    double rtol; /* 0 or positive */
    adaptive_norm norm;
    bool land; /* shorten the last step to end where the solve ends; otherwise interpolate */
    double first_step; /* size of the first attempt; 0 to choose it */
    double min_step; /* smallest size tried; 0 for any that still moves the time */
    double max_step; /* largest size tried; 0 for no bound */
    size_t max_attempts; /* steps tried, accepted or not; 0 for ADAPTIVE_ATTEMPTS */
} adaptive_options;

/* Counters of a call. Sizes are positive in both directions of time. */
typedef struct adaptive_statistics {
    size_t evaluations; /* calls of evaluate */
    size_t reversals; /* calls of reverse */
    size_t accepted, rejected; /* steps */
    double smallest, largest; /* accepted step, 0 if there is none */
    double time; /* reached by the last accepted step */
} adaptive_statistics;

/* The accepted steps of a solve, in memory of the caller that is the backend's. */
typedef struct adaptive_record {
    size_t capacity; /* steps there is room for */
    double *time; /* (capacity) at each step's start */
    double *step; /* (capacity) h, negative backwards in time */
    real *states; /* (capacity, n) at each step's start, or (capacity, s + 1, n) */
    bool stages; /* the latter: the states of all stages, so that a reverse need not evaluate them again */
    /* What follows is filled in by the solve. */
    size_t steps;
    double start; /* of the solve */
    double reached; /* end of the last step */
    double end; /* end of the solve, in the last step */
} adaptive_record;

/* Dense output: states at given times, of the order of tableau_dense. For backends whose memory is the program's. */
typedef struct adaptive_outputs {
    size_t count;
    const double *times; /* (count), from start to end, in that order */
    real *states; /* (count, n) */
} adaptive_outputs;

/* Reals of workspace: (s + 3) n for a solve and (2 s + 3) n for its reverse. */
size_t adaptive_workspace(const tableau *pair, size_t length);
size_t adaptive_reverse_workspace(const tableau *pair, size_t length);

/* Reals that a record keeps of a step. */
size_t adaptive_kept(const tableau *pair, size_t length, bool stages);

/* y (n): the state at `start` becomes the state at `end`, which may lie before it. Evaluations are numbered in the
 * order made, from 0. `record` and `outputs` may be NULL; outputs don't change the steps. No memory is allocated.
 *
 * All that is decided is decided in the backend's memory (backend/step_control.h), and attempts are repeated there; the
 * program waits once, for the outcome.
 *
 * Returns, besides STATUS_OK,
 *   STATUS_NON_FINITE      the state or derivative at the start is not finite, or steps as small as can be still lead
 *                          to a state, derivative or error that is not;
 *   STATUS_STEP_TOO_SMALL  a step of the smallest size was rejected;
 *   STATUS_TOO_MANY_STEPS  max_attempts did not reach the end;
 *   STATUS_RECORD_FULL     more than record->capacity steps were accepted;
 *   STATUS_INVALID         an option, a time or an output outside its range.
 * y is as it was unless the solve succeeds; *statistics, where not NULL, is filled in always, the record and the
 * outputs as far as the solve got. */
status adaptive_integrate(const tableau *pair, double start, double end, const adaptive_options *options,
                          const ode_system *system, real *y, adaptive_record *record, const adaptive_outputs *outputs,
                          real *workspace, adaptive_statistics *statistics);

/* Reverse of a solve that succeeded and left a record, exact for the computed solution with the sizes of its steps
 * taken as constants: ybar (n), the cotangent of the state at the end, becomes that of the state at the start. The
 * stages of a step are evaluated anew from the state kept at its start, unless they were kept, then reversed: s
 * evaluations and s reversals a step, one more of both in a last step that was interpolated. Evaluations are numbered
 * within their step, and a reversal has the number of the evaluation it reverses, so that an equation can keep what the
 * s + 1 evaluations of a step have made.
 *
 * So a gradient needs n reals for each accepted step, or s + 1 times n without evaluations, and 2 s + 3 times n while it
 * is taken; the result is the same bits. Returns STATUS_NON_FINITE if it is not finite, and
 * STATUS_INVALID on a device without system->control. */
status adaptive_reverse(const tableau *pair, const adaptive_record *record, const ode_system *system, real *ybar,
                        real *workspace, adaptive_statistics *statistics);

AFFJORD_API_END

#endif
