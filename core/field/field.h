/* field.h - a vector field f(z, c; theta) on a batch: the interface of all fields.
 *
 * z is a batch (n, D). The context c (C) is one vector for the whole batch: t, or z*. A field computes f and J e =
 * (df/dz) e for a probe e, by dual numbers, and row by row e . (J e), Hutchinson's estimate of the divergence, and
 * |f|^2 and |J e|^2, which regularizers integrate. The calls in order:
 *
 *   X_field_create   add the parameters to the table, allocate all workspace
 *   initialise       initial parameters of a seed
 *   set_params       once for each value of the parameters
 *   prepare          for each time: theta, the field's weights, from c
 *   forward, backward  any number of times, on the batch
 *   accumulate       after backward calls: gradients of parameters and c
 *
 * Arrays are in the backend's memory, except in `initialise`. Results have the same bits for any number of threads. */
#ifndef AFFJORD_FIELD_FIELD_H
#define AFFJORD_FIELD_FIELD_H

#include <stdbool.h>

#include "backend/backend.h"
#include "base/arena.h"
#include "base/parameters.h"

typedef struct field field;

/* The field's results on a batch; in backward, their cotangents. NULL: not requested, or a cotangent of zero. */
typedef struct field_values {
    real *f; /* (n, D) */
    real *product; /* (n, D): J e */
    real *divergence; /* (n): e . (J e); the exact trace if e is NULL and the field has its own */
    real *kinetic; /* (n): |f|^2 */
    real *jacobian; /* (n): |J e|^2 */
    /* (n, D): in the backward pass of a field of layers, the cotangent of e through J e, J^T (bar->product). */
    real *probe_bar;
} field_values;

/* Optional operations of a field that is cheap enough for a fused solve with fixed steps: `prepare` computes the
 * weights at all times together, and each chunk of CHUNK points passes through all steps. For the layouts see
 * backend_ops: z (D, CHUNK); a NULL probe (D, CHUNK) gives the exact divergence. */
typedef struct field_grid_ops {
    /* theta (times, stride) <- the field's weights at the contexts c (times, C). */
    void (*prepare)(field *self, size_t instants, const real *params, const real *c, real *theta);

    /* Backward pass, after a prepare with the same arguments, whose results it overwrites: from the cotangent
     * thetabar, gradient (the field's range alone) <- sums over times; cbar (times, C) <- the cotangent of c. */
    void (*prepare_backward)(field *self, size_t instants, const real *params, const real *c, const real *thetabar,
                             real *gradient, real *cbar);

    void (*evaluate)(const field *self, const real *theta, const real *z, const real *probe, real *dz,
                     real *divergence);

    /* For cotangents a (D, CHUNK) of dz and l (CHUNK) of the divergence; `scratch` (self->scratch). */
    void (*backward)(const field *self, const real *theta, const real *z, const real *probe, const real *a,
                     const real *l, real *zbar, real *thetabar, real *scratch);
} field_grid_ops;

/* Errors of prepare, forward, backward and accumulate are those of a user's callbacks; the library's fields have
 * none. */
typedef struct field_ops {
    void (*initialise)(const field *self, uint64_t seed, real *params);
    void (*set_params)(field *self, const real *params); /* NULL: nothing to do */
    status (*prepare)(field *self, const real *params, const real *c);
    status (*forward)(field *self, size_t n, const real *z, const real *e, const field_values *out);
    status (*backward)(field *self, size_t n, const real *z, const real *e, const field_values *bar,
                       const field_values *out, real *zbar);
    status (*accumulate)(field *self, const real *params, const real *c, real *gradient, real *cbar);
    size_t (*bytes)(const field *self); /* NULL: what its memory has */
    void (*destroy)(field *self); /* for memory outside of its arena; NULL: there is none */
    const field_grid_ops *grid; /* NULL: none */
} field_ops;

/* The common part of all fields; an implementation begins with it. */
struct field {
    const field_ops *ops;
    arena memory; /* owns the field itself too */
    const char *name; /* for messages */
    const backend_ops *backend;
    size_t dimension; /* D, of z */
    size_t context; /* C, of c */
    const char *lacks; /* what training needs and the field lacks, as in "has no backward"; NULL: nothing */
    bool traces; /* forward with NULL e computes the exact divergence, and backward its gradient */
    size_t stride, scratch; /* with grid operations: reals of theta at one time, and of scratch */
};

/* params (the field's range) <- initial parameters of a seed. Number i of the block is draw i of (seed,
 * RANDOM_INITIALISATION). */
static inline void field_initialise(const field *self, uint64_t seed, real *params) {
    self->ops->initialise(self, seed, params);
}

/* Set params, which prepare and accumulate read again. */
static inline void field_set_params(field *self, const real *params) {
    if (self->ops->set_params) self->ops->set_params(self, params);
}

/* Compute the field's weights at the context c (C). */
static inline status field_prepare(field *self, const real *params, const real *c) {
    return self->ops->prepare(self, params, c);
}

/* *out <- the field at z (n, D) along e (n, D); NULL e is zero. */
static inline status field_forward(field *self, size_t n, const real *z, const real *e, const field_values *out) {
    return self->ops->forward(self, n, z, e, out);
}

/* Backward pass: zbar (n, D) <- cotangent of z for the cotangents *bar; e is not differentiated. *out <- the values,
 * which it computes anyway. The field sums the cotangents of parameters and context until accumulate. */
static inline status field_backward(field *self, size_t n, const real *z, const real *e, const field_values *bar,
                                    const field_values *out, real *zbar) {
    return self->ops->backward(self, n, z, e, bar, out, zbar);
}

/* gradient (the field's range) += the sums of the backward calls since the last accumulate; cbar (C) <- those of the
 * context c of the last prepare. */
static inline status field_accumulate(field *self, const real *params, const real *c, real *gradient, real *cbar) {
    return self->ops->accumulate(self, params, c, gradient, cbar);
}

/* Return all of its memory, except that of other libraries' code. */
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
