/* derivative.h - four methods for dw(T)/dtheta, which the paper proves equal (eq. 13, 14, 39, 49 to 67, appendices B,
 * C, H).
 *
 * A trajectory may follow several equations in turn, each for a given time (appendix C: f on [0, T/2], g on [T/2, T]).
 * Their parameters may be shared or separate. */
#ifndef AFFJORD_THEORY_DERIVATIVE_H
#define AFFJORD_THEORY_DERIVATIVE_H

#include "theory/dynamics.h"

typedef struct derivative_piece {
    dynamics *of;
    double time; /* duration, of either sign */
    double factor; /* dw/dt = factor h(w) */
    size_t first; /* offset of its parameters in theta */
} derivative_piece;

typedef enum derivative_way {
    DERIVATIVE_CABLE, /* int dw(T)/dw(t) dh/dtheta dt, dw(T)/dw(t) = Y(T) Y(t)^-1 of the cable rule (eq. 13) */
    DERIVATIVE_FORWARD, /* forward sensitivity, S' = A S + B (eq. 39) */
    DERIVATIVE_ADJOINT, /* a' = -a A, q' = -a B from T back to 0 (eq. 14, 86) */
    DERIVATIVE_STEPS, /* backpropagation through the solver's steps */
    DERIVATIVE_WAYS
} derivative_way;

const char *derivative_name(derivative_way way);

/* derivative (z, P) <- dz(T)/dtheta from w (n) at 0, with theta (P) shared by the pieces, by the classic Runge-Kutta
 * method with `steps` steps for each piece. All pieces have the same n and z. Errors: STATUS_MEMORY; STATUS_NON_FINITE
 * if Y is singular. */
status derivative_take(derivative_way way, size_t pieces, const derivative_piece *piece, size_t P, size_t steps,
                       const real *w, double *derivative);

#endif
