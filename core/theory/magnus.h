/* magnus.h - the Magnus series of the cable rule: dw(T)/dw(0) = exp(Omega_1 + Omega_2 + ...) (eq. 12, 42 to 48). */
#ifndef AFFJORD_THEORY_MAGNUS_H
#define AFFJORD_THEORY_MAGNUS_H

#include "ode/solve.h"
#include "theory/dynamics.h"

enum { MAGNUS_TERMS = 4 };

/* Integrate w (n) from 0 to T; omega (MAGNUS_TERMS, z, z) <- Omega_1 .. Omega_4 at T of A = df/dz along the trajectory;
 * Y (z, z) <- dz(T)/dz(0) by the cable rule. The terms are integrated beside w as equations,
 *
 *   Omega_1' = A,   Omega_2' = -1/2 [Omega_1, A],   Omega_3' = -1/2 [Omega_2, A] + 1/12 [Omega_1, [Omega_1, A]],
 *   Omega_4' = -1/2 [Omega_3, A] + 1/12 ([Omega_1, [Omega_2, A]] + [Omega_2, [Omega_1, A]]),
 *
 * which are the derivatives of eq. 43 to 46 (Magnus 1954; Blanes et al. 2009). Errors: STATUS_MEMORY; those of
 * solve_integrate. */
status magnus_solve(dynamics *self, const solve_spec *by, double T, real *w, double *omega, double *Y);

/* omega (3, z, z) <- Omega_1, Omega_2, Omega_3 by the paper's integrals (eq. 43, 44, 46), as sums over the triangle and
 * the simplex of `nodes` midpoints of [0, T]; second order in T/nodes. Errors: STATUS_MEMORY. */
status magnus_integrals(dynamics *self, const solve_spec *by, double T, const real *w, size_t nodes, double *omega);

/* series (z, z) <- exp of the sum of the first `terms` of omega. Errors: those of matrix_exponential. */
status magnus_exponential(size_t n, size_t terms, const double *omega, double *series);

/* *out <- int_0^T |A|_2 dt with the spectral norm; the series converges if it is below pi (Moan, Niesen 2008). */
status magnus_reach(dynamics *self, const solve_spec *by, double T, const real *w, size_t nodes, double *out);

#endif
