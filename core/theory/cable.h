/* cable.h - the cable rule: dY/dt = A(t) Y, Y(t) = dw(t)/dw(0), A = dh/dw along the trajectory (eq. 11, 38). */
#ifndef AFFJORD_THEORY_CABLE_H
#define AFFJORD_THEORY_CABLE_H

#include "ode/solve.h"
#include "theory/dynamics.h"

/* What the cable rule leads to. */
typedef struct cable {
    double *Y; /* (n, n) at T */
    double trace; /* int_0^T tr dh/dw dt over all of w */
    double trace_z; /* the same over z alone: int tr df/dz dt (eq. 6) */
} cable;

/* w (n) at 0 becomes that at T, and *out is filled, whose Y the caller holds. Errors: STATUS_MEMORY; those of
 * solve_integrate. */
status cable_solve(dynamics *self, const solve_spec *by, double T, real *w, cable *out);

/* The discrete chain of eq. 20 for `steps` Euler steps: w (n) becomes z_n, and Y (n, n) <- the product of I + eps A.
 * Errors: STATUS_MEMORY. */
status cable_product(dynamics *self, size_t steps, double T, real *w, double *Y);

/* w (n) at 0 becomes that at T, nothing beside it. */
status cable_move(dynamics *self, const solve_spec *by, double T, real *w);

/* Y (n, n) <- dw(T)/dw(0) by central differences of the solve, extrapolated once. */
status cable_differences(dynamics *self, const solve_spec *by, double T, const real *w, double h, double *Y);

#endif
