/* context.h - what a field knows besides z: the clock, or the augmented state z*.
 *
 *   clock:      c(t) = t                                  (FFJORD)
 *   augmented:  c(t) = z*(t),  d(z*)/dt = g(z*; phi)        (AFFJORD, eq. 8)
 *
 * The context never depends on z, so it is one vector for the whole batch, and
 * on a fixed grid its values at all evaluations are known before the batch is
 * touched: a path. */
#ifndef AFFJORD_FIELD_CONTEXT_H
#define AFFJORD_FIELD_CONTEXT_H

#include <stdbool.h>

#include "base/arena.h"
#include "field/mlp.h"
#include "ode/solve.h"

typedef struct context context;

typedef struct context_ops {
    const char *name;
    void (*initialise)(const context *self, uint64_t seed, real *params);
    void (*start)(const context *self, const real *params, real *c);
    void (*rate)(const context *self, const real *params, const real *c, real *dc);
    void (*rate_reverse)(const context *self, const real *params, const real *c, const real *k, real *cbar,
                         real *gradient);
    void (*path)(const context *self, const real *params, grid g, real *path);
    void (*path_reverse)(const context *self, const real *params, grid g, const real *path, const real *pathbar,
                         real *gradient);
    void (*path_adjoint)(const context *self, const real *params, grid g, const real *path, const real *density,
                         real *gradient);
} context_ops;

/* The clock, C = 1. Owned by `memory`, as the next. */
status context_clock_create(const backend_ops *backend, const tableau *method, arena *memory, context **out);

/* z* in R^C, moved by g = Linear(C, width), ELU, Linear(width, C); z*(0) is zero, or a parameter started at U[0, 1)
 * where learn_start. Enters context.0.weight, ..., context.start into the table. */
status context_augmented_create(size_t dimension, size_t width, bool learn_start, const backend_ops *backend,
                                const tableau *method, parameter_table *table, arena *memory, context **out);

/* C, numbers of the context. */
size_t context_dimension(const context *self);

void context_initialise(const context *self, uint64_t seed, real *params);

/* The context as an equation, dc/dt = g(c) from c(0): 1 from 0 for the clock. c (C) <- c(0); dc (C) <- g(c); and the
 * reverse of g, cbar (C) <- k dg/dc, with k dg/dphi added to the context's range of gradient. */
void context_start(const context *self, const real *params, real *c);
void context_rate(const context *self, const real *params, const real *c, real *dc);
void context_rate_reverse(const context *self, const real *params, const real *c, const real *k, real *cbar,
                          real *gradient);

/* path (evaluations, C) <- c at every evaluation of the method on the grid, which starts or ends at time 0. A grid
 * that starts at T integrates z* from 0 to T first: nothing is remembered from an earlier solve. */
void context_path(const context *self, const real *params, grid g, real *path);

/* Reverse of a path from 0: for the cotangents pathbar (evaluations, C) of every value, adds to the context's range
 * of gradient. Exact for the computed path. */
void context_path_reverse(const context *self, const real *params, grid g, const real *path, const real *pathbar,
                          real *gradient);

/* Continuous adjoint (eq. 5) on a grid from T back to 0: density (evaluations, C) is the derivative of the loss by
 * c(t) per unit of time. Integrates a_c, da_c/dt = -a_c dg/dc - density, and adds int a_c dg/dphi dt and a_c(0) to the
 * context's range of gradient. */
void context_path_adjoint(const context *self, const real *params, grid g, const real *path, const real *density,
                          real *gradient);

#endif
