/* field.h - a vector field f(z, c; theta) on a batch: the one interface of all fields.
 *
 * z is (n, D), a batch. The context c (C) is one vector for the whole batch: t, or z*. A field gives f and J e =
 * (df/dz) e for a probe e, by dual numbers, and what is made of them row by row: e . (J e) is Hutchinson's estimate of
 * the divergence, |f|^2 and |J e|^2 are what regularisers integrate. The life of a field:
 *
 *   X_field_create   enter the parameters into the table, take all workspace
 *   initialise       the parameters of a seed
 *   bind             once for each value of the parameters
 *   prepare          for each instant: c -> the field's numbers theta at c
 *   forward, backward  any number of times, on the batch
 *   accumulate       after backwards: what they gave, to parameters and to c
 *
 * Arrays are in the backend's memory, but for those of `initialise`. Results are the same bits for any number of
 * threads. */
#ifndef AFFJORD_FIELD_FIELD_H
#define AFFJORD_FIELD_FIELD_H

#include <stdbool.h>

#include "backend/backend.h"
#include "base/arena.h"
#include "base/parameters.h"

typedef struct field field;

/* What the field gives on a batch; in backward, cotangents of it. NULL: not wanted, or a cotangent of zero. */
typedef struct field_values {
    real *f; /* (n, D) */
    real *product; /* (n, D): J e */
    real *divergence; /* (n): e . (J e); the exact trace where e is NULL and the field has one of its own */
    real *kinetic; /* (n): |f|^2 */
    real *jacobian; /* (n): |J e|^2 */
} field_values;

/* Optional operations of a field whose evaluation is so quick that a solve on a grid is made at once: the field's
 * numbers at all instants of the grid are prepared together, and each chunk of CHUNK points is taken through all steps.
 * See backend_ops for the layouts: z (D, CHUNK); probe (D, CHUNK) NULL gives the exact divergence. */
typedef struct field_grid_ops {
    /* theta (instants, stride) <- the field's numbers at the contexts c (instants, C). */
    void (*prepare)(field *self, size_t instants, const real *params, const real *c, real *theta);

    /* Reverse, after a prepare with the same arguments, which it uses up: for the cotangent thetabar, gradient, that of
     * the field's range of parameters alone, gets sums over instants, and cbar (instants, C) is the cotangent of c. */
    void (*prepare_backward)(field *self, size_t instants, const real *params, const real *c, const real *thetabar,
                             real *gradient, real *cbar);

    void (*evaluate)(const field *self, const real *theta, const real *z, const real *probe, real *dz,
                     real *divergence);

    /* For cotangents a (D, CHUNK) of dz and l (CHUNK) of the divergence; `scratch` (self->scratch). */
    void (*backward)(const field *self, const real *theta, const real *z, const real *probe, const real *a,
                     const real *l, real *zbar, real *thetabar, real *scratch);
} field_grid_ops;

/* Errors of prepare, forward, backward and accumulate are those of a user's callbacks; the library's own have none. */
typedef struct field_ops {
    void (*initialise)(const field *self, uint64_t seed, real *params);
    void (*set_params)(field *self, const real *params); /* NULL: nothing to do */
    status (*prepare)(field *self, const real *params, const real *c);
    status (*forward)(field *self, size_t n, const real *z, const real *e, const field_values *out);
    status (*backward)(field *self, size_t n, const real *z, const real *e, const field_values *bar,
                       const field_values *out, real *zbar);
    status (*accumulate)(field *self, const real *params, const real *c, real *gradient, real *cbar);
    size_t (*bytes)(const field *self); /* NULL: what its memory has */
    void (*destroy)(field *self); /* of what is not in its memory; NULL: nothing */
    const field_grid_ops *grid; /* NULL: none */
} field_ops;

/* What every field has; an implementation begins with it. */
struct field {
    const field_ops *ops;
    arena memory; /* holds the field itself too */
    const char *name; /* for messages */
    const backend_ops *backend;
    size_t dimension; /* D, of z */
    size_t context; /* C, of c */
    const char *lacks; /* what it has not that training needs, as in "has no backward"; NULL: nothing */
    bool traces; /* forward with e NULL gives the exact divergence, and backward its reverse */
    size_t stride, scratch; /* where it has operations for a grid: reals of theta at one instant, and of scratch */
};

/* The field's range of params <- those of a seed. Number i of the block is draw i of (seed, RANDOM_INITIALISATION). */
static inline void field_initialise(const field *self, uint64_t seed, real *params) {
    self->ops->initialise(self, seed, params);
}

/* Take over params, which are read again by prepare and accumulate. */
static inline void field_set_params(field *self, const real *params) {
    if (self->ops->set_params) self->ops->set_params(self, params);
}

/* The field's numbers at the context c (C). */
static inline status field_prepare(field *self, const real *params, const real *c) {
    return self->ops->prepare(self, params, c);
}

/* *out <- the field at z (n, D) along e (n, D); e may be NULL for zero. */
static inline status field_forward(field *self, size_t n, const real *z, const real *e, const field_values *out) {
    return self->ops->forward(self, n, z, e, out);
}

/* Its reverse: zbar (n, D) <- cotangent of z for the cotangents *bar; e is not differentiated. *out gets the values
 * themselves, which are computed on the way. What parameters and context get is added up in the field until it is
 * accumulated. */
static inline status field_backward(field *self, size_t n, const real *z, const real *e, const field_values *bar,
                                    const field_values *out, real *zbar) {
    return self->ops->backward(self, n, z, e, bar, out, zbar);
}

/* gradient += what the backwards since the last accumulate gave to the field's range of parameters; cbar (C) <- what
 * they gave to the context c, that of the last prepare. */
static inline status field_accumulate(field *self, const real *params, const real *c, real *gradient, real *cbar) {
    return self->ops->accumulate(self, params, c, gradient, cbar);
}

/* All that it holds, without a library's code. */
static inline size_t field_bytes(const field *self) {
    return self->ops->bytes ? self->ops->bytes(self) : self->memory.bytes;
}

static inline void field_destroy(field **self) {
    if (!*self) return;
    if ((*self)->ops->destroy) (*self)->ops->destroy(*self);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

#endif
