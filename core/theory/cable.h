/* cable.h - the cable rule: dY/dt = A(t) Y, Y(t) = dw(t)/dw(0), A = dh/dw along the trajectory (eq. 11, 38). */
#ifndef AFFJORD_THEORY_CABLE_H
#define AFFJORD_THEORY_CABLE_H

#include "ode/solve.h"
#include "theory/dynamics.h"

/* The result of the cable rule. */
typedef struct cable {
    double *Y; /* (n, n) at T */
    double trace; /* int_0^T tr dh/dw dt over all of w */
    double trace_z; /* the integral over z alone: int tr df/dz dt (eq. 6) */
} cable;

/* Integrate w (n) from 0 to T and fill *out by the cable rule. The caller provides out->Y. Cost: one solve of n + n^2 +
 * 2 reals. Errors: STATUS_MEMORY; those of solve_integrate. */
status cable_solve(dynamics *self, const solve_spec *by, double T, real *w, cable *out);

/* Compute the discrete chain of eq. 20 with `steps` Euler steps: w (n) becomes z_n, and Y (n, n) <- the product of the
 * I + eps A. Errors: STATUS_MEMORY. */
status cable_product(dynamics *self, size_t steps, double T, real *w, double *Y);

/* Integrate w (n) from 0 to T. Errors: STATUS_MEMORY; those of solve_integrate. */
status cable_move(dynamics *self, const solve_spec *by, double T, real *w);

/* Y (n, n) <- dw(T)/dw(0) by central differences of the solve with one Richardson extrapolation. Cost: 4 n solves.
 * Errors: STATUS_MEMORY; those of solve_integrate. */
status cable_differences(dynamics *self, const solve_spec *by, double T, const real *w, double h, double *Y);

#endif
