/* chunked.h - shared by fields: their creation, and a batch in chunks of rows.
 *
 * A chunk is a task of a forward pass. For sums over the batch, chunks are distributed to CHUNKED_GROUPS groups in
 * order; a group is one task of a backward pass, and groups are added in order. So no result depends on the number
 * of threads. */
#ifndef AFFJORD_FIELD_CHUNKED_H
#define AFFJORD_FIELD_CHUNKED_H

#include "base/parallel.h"
#include "field/field.h"

enum { CHUNKED_GROUPS = 16 };

/* One call on a batch. */
typedef struct field_batch {
    field *self;
    size_t n;
    const real *z, *e;
    const field_values *out;
    const field_values *bar; /* of a backward */
    real *zbar;
} field_batch;

/* A field begins with it. It sets chunk, stride, sums and both functions, which process rows first .. first + rows -
 * 1 of the batch; backward adds to the sums (stride) of its group. */
typedef struct chunked {
    field base;
    parallel *workers;
    size_t threads;
    size_t chunk; /* rows processed together */
    size_t stride;
    real *sums; /* (CHUNKED_GROUPS, stride) */
    size_t groups_used; /* groups with sums */
    void (*forward)(const field_batch *b, size_t first, size_t rows, size_t thread);
    void (*backward)(const field_batch *b, size_t first, size_t rows, size_t thread, real *sums);
} chunked;

/* *out <- a field of `size` bytes that begins with `about`, the rest zero, in its own arena. Errors: STATUS_MEMORY. */
status field_new(size_t size, const field *about, field **out, error_info *err);

/* End of a create function: *out <- the field, or free it after a failure. */
status field_finish(field *self, status built, field **out, error_info *err);

/* Distribute tasks to `workers`, if the backend allows several at once. */
void chunked_share(chunked *self, parallel *workers);

/* The forward and backward of field_ops; self->sums <- the sum of all groups, which restart. */
status chunked_forward(field *self, size_t n, const real *z, const real *e, const field_values *out);
status chunked_backward(field *self, size_t n, const real *z, const real *e, const field_values *bar,
                        const field_values *out, real *zbar);
void chunked_add_groups(chunked *self);

/* Compute the requested values of the rows from `first` on, from f, e and J e (n, D); fbar, product_bar (n, D) <-
 * the cotangents of f and J e, including those through these values. */
void field_give(const field_batch *b, size_t first, size_t n, const real *f, const real *e, const real *product);
void field_take(const field_batch *b, size_t first, size_t n, const real *f, const real *e, const real *product,
                real *fbar, real *product_bar);

#endif
