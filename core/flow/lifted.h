/* lifted.h - a flow of points whose augmented dimensions depend on the point (section 5, "Data Dependent Augmented
 * Dimensions"): each x gets z*(0) = h(x), which decays by g(z*) = -z*.
 *
 *   dz/dt = f(z, z*, t; theta),  z(0) = x,   z*(t) = e^-t h(x; psi)
 *   ds_i/dt = (df/dz) s_i + e^-t (df/dz*) (dh/dx)_i,  s_i(0) = e_i
 *   log p(x) = log N(z(T); 0, s^2 I) + log |det [s_1(T) ... s_D(T)]|
 *
 * s_i is column i of dz(t)/dx: the cable rule (eq. 11) on the joint state, which equation 16 projects to z. Its cost is
 * D evaluations of f along a tangent, as that of an exact trace, and a determinant of D x D for each point; D is at most
 * LIFTED_DIMENSION_MAX. The gradient is the reverse of the computed steps, so it is exact for the computed loss.
 *
 * x -> z(T) need not be injective, and then log p is the log of no density: z* decays but does not vanish at T, and its
 * effect on z stays. lifted_examine measures that. Shapes and meanings are those of cnf.h. All memory is the program's;
 * results are the same bits for any number of threads. */
#ifndef AFFJORD_FLOW_LIFTED_H
#define AFFJORD_FLOW_LIFTED_H

#include "base/small_matrix.h"
#include "flow/chain.h"

enum { LIFTED_DIMENSION_MAX = SMALL_MATRIX_MAX };

typedef struct lifted lifted;

/* What a lifted flow cannot have. Errors: STATUS_INVALID with the setting. */
status lifted_check(const cnf_spec *spec, error_info *err);

/* Make the flow of a spec with its backend, which must outlive it. The caller owns *out. Errors: STATUS_INVALID for
 * what the field cannot have, STATUS_MEMORY. */
status lifted_create(const cnf_spec *spec, size_t batch_max, parallel *workers, lifted **out, error_info *err);
void lifted_destroy(lifted **self);

size_t lifted_bytes(const lifted *self);
size_t lifted_kept_bytes(const lifted *self);
const parameter_table *lifted_parameters(const lifted *self);
void lifted_initialise(const lifted *self, uint64_t seed, real *params);
/* Solve with these tolerances from now on. */
void lifted_set_tolerances(lifted *self, double atol, double rtol);

/* The calls below take 1 <= n <= batch_max points, but for lifted_examine; they fill in flow 0 of *statistics, and
 * return the errors of a solve. Densities are by the units of z. */

/* log_density (n) <- log p of x (n, D); z (n, D), where not NULL, <- z(T). */
status lifted_transform(lifted *self, const real *params, const real *x, size_t n, real *z, double *log_density,
                        chain_statistics *statistics);

/* *loss <- the mean of -log p over x (n, D), gradient (P) <- its gradient. STATUS_NON_FINITE also for a loss or a
 * gradient that is not finite, as where a point's determinant is 0. */
status lifted_loss_gradient(lifted *self, const real *params, const real *x, size_t n, double *loss, real *gradient,
                            chain_statistics *statistics);

/* x (n, D) <- points whose z(T) is z (n, D), by Newton's method from the solve back in time with z* = 0; steps that do
 * not reduce the residual are halved. Rows for which it finds none are NaN. x may be z. */
status lifted_invert(lifted *self, const real *params, const real *z, size_t n, real *x, chain_statistics *statistics);

/* *out <- measurements of x -> z(T) at x (n, D), any n >= 2. Cost: a transform, and n^2 distances. Errors: STATUS_MEMORY;
 * those of a solve. */
status lifted_examine(lifted *self, const real *params, const real *x, size_t n, cnf_injectivity *out,
                      chain_statistics *statistics);

#endif
