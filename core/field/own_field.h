/* own_field.h - a field of your own: f, J e and their backward pass as C functions; and a check of any field.
 *
 * A field of callbacks works with every solver, gradient, trainer and checkpoint. The library calls it with the
 * whole batch, from one thread. A callback that returns another status than STATUS_OK ends the solve with that
 * status; one that writes NaN ends it with STATUS_NON_FINITE. A solve with adaptive steps evaluates the field beyond T,
 * by up to a step, unless it stops at the end (ode/solve.h). */
#ifndef AFFJORD_FIELD_OWN_FIELD_H
#define AFFJORD_FIELD_OWN_FIELD_H

#include <stdint.h>

#include "base/export.h"
#include "base/parameters.h"
#include "base/real.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* The operations of a device (backend/cpu/cpu.h). */
typedef struct backend_ops backend_ops;
struct field; /* field.h */

/* A named array of parameters of the field. */
typedef struct field_parameter {
    const char *name; /* in the table and in checkpoints, after the prefix "field." */
    size_t rows, columns; /* columns 1 for a vector */
} field_parameter;

/* Legend: n rows, D numbers of z, C of the context c, which is t for FFJORD and z* for AFFJORD. params are the
 * field's own parameters, in the order of the list. */
typedef struct field_callbacks {
    const char *name; /* for messages */
    size_t dimension, context; /* D, C */
    size_t parameter_count; /* entries of the list */
    const field_parameter *parameters; /* (parameter_count) */
    void *user; /* passed to all functions */

    /* f (n, D) <- f(z, c); if e (n, D) is not NULL, product (n, D) <- J e = (df/dz) e. */
    status (*value)(void *user, const real *params, const real *c, size_t n, const real *z, const real *e, real *f,
                    real *product);

    /* The backward pass of both, for cotangents fbar (n, D) of f and product_bar (n, D) of J e, which is NULL if e
     * is: zbar (n, D) <- the cotangent of z; add to those of the parameters, gradient, and of the context, cbar (C).
     * NULL: the field cannot be trained. */
    status (*backward)(void *user, const real *params, const real *c, size_t n, const real *z, const real *e,
                       const real *fbar, const real *product_bar, real *zbar, real *gradient, real *cbar);

    /* zbar (n, D) <- the cotangent of z alone, for fbar: for gradients of z without a backward callback. May be
     * NULL. */
    status (*vjp)(void *user, const real *params, const real *c, size_t n, const real *z, const real *fbar, real *zbar);

    /* params <- the initial parameters of a seed. NULL: U(-1/sqrt(columns), 1/sqrt(columns)) for each entry. */
    void (*initialise)(void *user, uint64_t seed, real *params);
} field_callbacks;

/* Create a field for batches of up to `batch` rows. Adds PREFIX.NAME for each parameter to the table. Everything
 * that the callbacks and lists point to must outlive it. The caller owns *out. Errors: STATUS_INVALID with the
 * reason: no `value`, D or C of 0, a parameter without name or entries, a device whose memory is not the host's;
 * STATUS_MEMORY. */
status field_from_callbacks(const field_callbacks *callbacks, const char *prefix, size_t batch,
                            const backend_ops *backend, parameter_table *table, struct field **out, error_info *err);

/* The largest error that a check found. */
typedef struct field_report {
    double
        /* Relative to the largest entry of its kind, or a hundredth of the largest of all, whichever is larger. */
        error;
    double computed, expected; /* by the field, and by finite differences */
    char worst[128]; /* the entry, as in "gradient of parameter \"field.w\", entry 3" */
    const char *skipped; /* the parts that could not be checked, or NULL */
} field_report;

/* Compare J e with differences of f, and the gradients of all results of the field (f, J e, e . J e, |f|^2, |J e|^2)
 * by z, by c and by each parameter with differences. params (P of the table) are the caller's; they are changed and
 * restored. `seed` draws three rows of z and e, and a context. Correct fields have errors below 1e-3 in float, 1e-7
 * in double. Errors: those of the field's callbacks; STATUS_NON_FINITE;
 * STATUS_MEMORY. */
status field_check(struct field *self, const parameter_table *table, real *params, uint64_t seed, field_report *out);

/* The same for callbacks, with the initial parameters of the seed. Errors: also those of field_from_callbacks. */
status field_check_callbacks(const field_callbacks *callbacks, uint64_t seed, field_report *out, error_info *err);

AFFJORD_API_END

#endif
