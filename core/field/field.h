/* field.h - a vector field f(z, c; theta) on a batch, in two steps.
 *
 * What depends on the context alone is separated from what touches the batch:
 *
 *   prepare    c (instants, C)  ->  theta (instants, stride), the field's numbers at those instants
 *   evaluate   theta of one instant, z  ->  dz/dt and its divergence, for one chunk of points
 *
 * and the same for their reverses. A hypernet is the first step for a field
 * whose weights it makes; on a fixed grid the first step is done once for all
 * instants of a solve, as matrix products. */
#ifndef AFFJORD_FIELD_FIELD_H
#define AFFJORD_FIELD_FIELD_H

#include <stdbool.h>

#include "base/arena.h"
#include "field/mlp.h"

typedef struct field field;

typedef struct field_ops {
    const char *name;
    void (*initialise)(const field *self, uint64_t seed, real *params);
    void (*prepare)(const field *self, size_t instants, const real *params, const real *c, real *theta);
    void (*prepare_reverse)(const field *self, size_t instants, const real *params, const real *c, const real *thetabar,
                            real *gradient, real *cbar);
    void (*evaluate)(const field *self, const real *theta, const real *z, const real *probe, real *dz,
                     real *divergence);
    void (*reverse)(const field *self, const real *theta, const real *z, const real *probe, const real *a,
                    const real *l, real *zbar, real *thetabar, real *scratch);
} field_ops;

/* What every field has; an implementation begins with it. */
struct field {
    const field_ops *ops;
    const backend_ops *backend;
    size_t dimension; /* D, of z */
    size_t stride; /* reals of theta at one instant */
    size_t scratch; /* reals of scratch that reverse needs */
};

/* The field of the toy experiments. With zc = z, or [z, c] where join,
 *
 *   f_d = 1/W sum_j u_jd sigmoid(g_jd) tanh(w_j . zc + b_j)
 *
 * whose weights a hypernet (tanh, `layers` hidden layers of `hidden` units) makes from c (C). Its outputs are w (D or
 * D + C, W), u (D, W), g (D, W), b (W). Enters hypernet.0.weight, ... into the table; owned by `memory`. `instants`
 * bounds those of a call. */
status toy_field_create(size_t dimension, size_t width, size_t context, bool join, size_t layers, size_t hidden,
                        size_t instants, const backend_ops *backend, parameter_table *table, arena *memory,
                        field **out);

/* Initial parameters of the field's range of params. */
static inline void field_initialise(const field *self, uint64_t seed, real *params) {
    self->ops->initialise(self, seed, params);
}

/* theta (instants, stride) <- the field's numbers at contexts c (instants, C). */
static inline void field_prepare(const field *self, size_t instants, const real *params, const real *c, real *theta) {
    self->ops->prepare(self, instants, params, c, theta);
}

/* Reverse, after a prepare with the same arguments: for the cotangent thetabar, the field's range of gradient is
 * overwritten with sums over instants, and cbar (instants, C) is the cotangent of c. */
static inline void field_prepare_reverse(const field *self, size_t instants, const real *params, const real *c,
                                         const real *thetabar, real *gradient, real *cbar) {
    self->ops->prepare_reverse(self, instants, params, c, thetabar, gradient, cbar);
}

/* See backend_ops for the layouts. probe (D, CHUNK) NULL gives the exact divergence, otherwise Hutchinson's. */
static inline void field_evaluate(const field *self, const real *theta, const real *z, const real *probe, real *dz,
                                  real *divergence) {
    self->ops->evaluate(self, theta, z, probe, dz, divergence);
}
static inline void field_reverse(const field *self, const real *theta, const real *z, const real *probe, const real *a,
                                 const real *l, real *zbar, real *thetabar, real *scratch) {
    self->ops->reverse(self, theta, z, probe, a, l, zbar, thetabar, scratch);
}

#endif
