/* solve.h - one way to solve an equation and to reverse the solve, on a fixed grid or with adaptive steps.
 *
 * Either way the accepted steps are kept in a record: the state at each step's
 * start, or those of all its stages. In the first case the reverse evaluates the
 * stages of a step anew: a third more work on the way back, for memory of one
 * state a step instead of s + 1. */
#ifndef AFFJORD_ODE_SOLVE_H
#define AFFJORD_ODE_SOLVE_H

#include "base/export.h"
#include "ode/adaptive.h"

AFFJORD_API_BEGIN

typedef struct solve_spec {
    const tableau *method;
    size_t steps; /* of a fixed grid; 0 for adaptive steps, whose method is an embedded pair */
    adaptive_options options; /* of adaptive steps */
} solve_spec;

/* Reals of workspace for a solve of a state of `length`, and for its reverse. */
size_t solve_workspace(const solve_spec *by, size_t length);
size_t solve_reverse_workspace(const solve_spec *by, size_t length);

/* y (n): the state at `start` becomes that at `end`, as adaptive_integrate says, whose record, errors and statistics
 * these are. On a grid evaluations are exactly steps * stages, and STATUS_NON_FINITE is found at the end. */
status solve_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                       adaptive_record *record, real *workspace, adaptive_statistics *statistics);

/* Reverse of a solve that left a record, exact for the computed solution: adaptive_reverse. */
status solve_reverse(const solve_spec *by, const adaptive_record *record, const ode_system *system, real *ybar,
                     real *workspace, adaptive_statistics *statistics);

AFFJORD_API_END

#endif
