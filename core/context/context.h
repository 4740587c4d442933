/* context.h - the context of a field: the time t, or the augmented state z*. The only code of d(z*)/dt.
 *
 *   clock:      c(t) = t                                  (FFJORD)
 *   augmented:  c(t) = z*(t),  d(z*_i)/dt = g_i(z*; phi) for i < M        (AFFJORD, eq. 8)
 *
 * with g = Linear(M, width), an activation, Linear(width, M). Entries of z* from M on are constant. z*(0) is zero, or
 * its first M entries are parameters. The context never depends on z, so it is one vector for the whole batch. With
 * fixed steps, its values at all evaluations are known before the batch is: a path.
 *
 * Arrays are in the backend's memory, except in `initialise`; paths are for backends with host memory. */
#ifndef AFFJORD_CONTEXT_CONTEXT_H
#define AFFJORD_CONTEXT_CONTEXT_H

#include <stdbool.h>

#include "base/arena.h"
#include "context/mlp.h"
#include "ode/solve.h"

typedef struct context context;

typedef struct context_spec {
    bool augmented; /* otherwise the time, C = 1 */
    size_t dimension; /* C */
    size_t moving; /* M <= C; 0 if no field depends on z* */
    size_t width; /* of g */
    mlp_activation activation; /* of g */
    bool learn_start; /* the first M entries of z*(0) are a parameter, initially U[0, 1) */
    bool fixed; /* g and z*(0) keep their initial values: the gradient of their parameters is zero */
    const tableau *method; /* fixed steps of paths; NULL: none */
} context_spec;

/* Add PREFIX.0.weight, ..., PREFIX.start to the table, as far as they exist. `memory` owns the context. Errors:
 * STATUS_INVALID for M > C, STATUS_MEMORY. */
status context_create(const context_spec *spec, const char *prefix, const backend_ops *backend, parameter_table *table,
                      arena *memory, context **out, error_info *err);

size_t context_dimension(const context *self); /* C */
bool context_is_clock(const context *self);

void context_initialise(const context *self, uint64_t seed, real *params);

/* c (C) <- c(0). Backward: add to the gradient of z*(0) from the cotangent cbar (C). */
void context_start(const context *self, const real *params, real *c);
void context_start_backward(const context *self, const real *cbar, real *gradient);

/* dc (M) <- g(c). The rate of t is 1 and has no array. */
void context_rate(const context *self, const real *params, const real *c, real *dc);

/* Backward, after a context_rate at the same c: for a cotangent k (M) of g, cbar (M) <- k dg/dc; add k dg/dphi to
 * the context's range of gradient. */
void context_rate_backward(const context *self, const real *params, const real *c, const real *k, real *cbar,
                           real *gradient);

/* path (evaluations, C) <- c at every evaluation of the method on `g`, which starts or ends at time 0. If it starts
 * at T, z* is integrated from 0 to T first: nothing is stored from an earlier solve. */
void context_path(const context *self, const real *params, time_grid g, real *path);

/* Backward pass of a path from 0: for the cotangents pathbar (evaluations, C) of all values, add to the context's
 * range of gradient. Exact for the computed path. */
void context_path_backward(const context *self, const real *params, time_grid g, const real *path, const real *pathbar,
                           real *gradient);

/* Continuous adjoint (eq. 5) with fixed steps from T to 0: density (evaluations, C) is the derivative of the loss by
 * c(t) per unit of time. It integrates a_c, da_c/dt = -a_c dg/dc - density, and adds int a_c dg/dphi dt and a_c(0)
 * to the context's range of gradient. */
void context_path_adjoint(const context *self, const real *params, time_grid g, const real *path, const real *density,
                          real *gradient);

#endif
