/* lifted_internal.h - the structure of a lifted flow, for the files that implement it. */
#ifndef AFFJORD_FLOW_LIFTED_INTERNAL_H
#define AFFJORD_FLOW_LIFTED_INTERNAL_H

#include "field/field.h"
#include "flow/lifted.h"

/* Of `state`, `raised` and `faded`, block 0 has the values of n points, block 1 + i their derivatives by x_i. */
struct lifted {
    const cnf_spec *spec;
    const backend_ops *backend;
    arena memory; /* owns this object too */
    parameter_table parameters;
    size_t batch_max;
    size_t D, A; /* of z and z* */
    size_t lift_width; /* M, the larger: columns of h's input x and of its output, either with zeros behind */
    field *field; /* f on [z, z*] (D + A); it changes only z; its context is t */
    field *lift; /* h on M columns: D inputs, A outputs */
    solve_spec by;
    adaptive_record record;

    /* Of the current solve. */
    const real *params;
    size_t n;
    real time, time_bar;
    real *gradient;

    real *state, *state_bar; /* (1 + D, n, D): z; s_i */
    real *raised, *raised_bar; /* (1 + D, n, A): h; dh/dx_i */
    real *faded, *faded_bar; /* the same times e^-t */
    real *w, *e, *f, *product; /* (n, D + A): a field's input, probe, f and J e */
    real *w_bar, *e_bar, *f_bar, *product_bar; /* (n, D + A) */
    real *solve; /* workspace */

    real *target, *trial; /* (n, D), of an inverse */
    struct lifted_search *searches; /* (n), of an inverse */
};

/* state <- z(T) and dz(T)/dx of x (n, D). `keep`: store the steps for a backward pass. */
status lifted_solve(lifted *self, const real *params, const real *x, size_t n, bool keep, chain_statistics *statistics);

/* Integrate z alone from T to 0, with z* = 0. */
status lifted_solve_back(lifted *self, const real *params, const real *z, size_t n, chain_statistics *statistics);

/* jacobian (D, D) <- dz(T)/dx of a row, after lifted_solve. */
void lifted_jacobian(const lifted *self, size_t row, double *jacobian);

status lifted_inverse_build(lifted *self); /* allocate the memory of lifted_invert */

#endif
