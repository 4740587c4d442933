/* lifted.h - a flow of points whose augmented dimensions depend on the point (section 5, "Data Dependent Augmented
 * Dimensions"): each x gets z*(0) = h(x), which decays by g(z*) = -z*.
 *
 *   dz/dt = f(z, z*, t; theta),  z(0) = x,   z*(t) = e^-t h(x; psi)
 *   ds_i/dt = (df/dz) s_i + e^-t (df/dz*) (dh/dx)_i,  s_i(0) = e_i
 *   log p(x) = log N(z(T); 0, s^2 I) + log |det [s_1(T) ... s_D(T)]|
 *
 * s_i is column i of dz(t)/dx: the cable rule (eq. 11) on the joint state, which equation 16 projects to z. Its cost is
 * D evaluations of f along a tangent, as for an exact trace, and a D x D determinant for each point; D is at most
 * LIFTED_DIMENSION_MAX. The gradient is backpropagation through the steps, so it is exact for the computed loss.
 *
 * x -> z(T) need not be injective, because z* at T is small but not zero, and its effect on z remains. If it is not,
 * exp(log p) is not a density. lifted_examine measures this. Shapes and meanings are those of cnf.h. All memory is host
 * memory. Results are bit-identical for any number of threads. */
#ifndef AFFJORD_FLOW_LIFTED_H
#define AFFJORD_FLOW_LIFTED_H

#include "base/small_matrix.h"
#include "flow/chain.h"

enum { LIFTED_DIMENSION_MAX = SMALL_MATRIX_MAX };

typedef struct lifted lifted;

/* Check for settings that a lifted flow does not support. Errors: STATUS_INVALID with the setting. */
status lifted_check(const cnf_spec *spec, error_info *err);

/* Create the flow of a spec; the spec's backend must outlive it. The caller owns *out. Errors: STATUS_INVALID for
 * settings that the field does not support, STATUS_MEMORY. */
status lifted_create(const cnf_spec *spec, size_t batch_max, parallel *workers, lifted **out, error_info *err);
void lifted_destroy(lifted **self);

size_t lifted_bytes(const lifted *self);
size_t lifted_kept_bytes(const lifted *self);
const parameter_table *lifted_parameters(const lifted *self);
void lifted_initialise(const lifted *self, uint64_t seed, real *params);
/* Solve with these tolerances from now on. */
void lifted_set_tolerances(lifted *self, double atol, double rtol);

/* The calls below accept 1 <= n <= batch_max points; lifted_examine accepts any n. They set flow 0 of *statistics and
 * return the errors of a solve. Densities are in the units of z. */

/* log_density (n) <- log p of x (n, D); z (n, D), where not NULL, <- z(T). */
status lifted_transform(lifted *self, const real *params, const real *x, size_t n, real *z, double *log_density,
                        chain_statistics *statistics);

/* *loss <- the mean of -log p over x (n, D), gradient (P) <- its gradient. STATUS_NON_FINITE also for a loss or a
 * gradient that is not finite, as where a point's determinant is 0. */
status lifted_loss_gradient(lifted *self, const real *params, const real *x, size_t n, double *loss, real *gradient,
                            chain_statistics *statistics);

/* x (n, D) <- points whose z(T) is z (n, D), by Newton's method. It starts at the backward solve with z* = 0, and
 * halves steps that do not reduce the residual. A row is NaN if no point is found. x may be z. */
status lifted_invert(lifted *self, const real *params, const real *z, size_t n, real *x, chain_statistics *statistics);

/* *out <- measurements of x -> z(T) at x (n, D), any n >= 2. Cost: a transform, and n^2 distances. Errors:
 * STATUS_MEMORY; those of a solve. */
status lifted_examine(lifted *self, const real *params, const real *x, size_t n, cnf_injectivity *out,
                      chain_statistics *statistics);

#endif
