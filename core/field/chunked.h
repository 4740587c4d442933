/* chunked.h - what fields share: their making, and a batch in chunks of rows.
 *
 * A chunk is a task of a forward. For sums over the batch chunks are dealt to CHUNKED_GROUPS groups in their order; a
 * group is one task of a backward, and groups are added in their order. So nothing depends on the number of threads. */
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

/* A field begins with it. It sets chunk, stride, sums and both functions, which work on rows first .. first + rows - 1
 * of the batch; backward adds to the sums (stride) of its group. */
typedef struct chunked {
    field base;
    parallel *workers;
    size_t threads;
    size_t chunk; /* rows worked on together */
    size_t stride;
    real *sums; /* (CHUNKED_GROUPS, stride) */
    size_t groups_used; /* groups that have sums */
    void (*forward)(const field_batch *b, size_t first, size_t rows, size_t thread);
    void (*backward)(const field_batch *b, size_t first, size_t rows, size_t thread, real *sums);
} chunked;

/* *out <- a field of `size` bytes that begins with `about`, the rest zero, in an arena of its own. Errors:
 * STATUS_MEMORY. */
status field_new(size_t size, const field *about, field **out, error_info *err);

/* What a create ends with: *out <- the field, or none if it was not built. */
status field_finish(field *self, status built, field **out, error_info *err);

/* Share out tasks to `workers`, where the backend allows several at once. */
void chunked_share(chunked *self, parallel *workers);

/* field_ops' forward and backward; and self->sums <- the sum of all groups, which begin anew. */
status chunked_forward(field *self, size_t n, const real *z, const real *e, const field_values *out);
status chunked_backward(field *self, size_t n, const real *z, const real *e, const field_values *bar,
                        const field_values *out, real *zbar);
void chunked_add_groups(chunked *self);

/* What is wanted of rows from `first` on, whose f, e and J e (n, D) are known; and fbar, product_bar (n, D) <-
 * cotangents of f and J e, those of what is made of them included. */
void field_give(const field_batch *b, size_t first, size_t n, const real *f, const real *e, const real *product);
void field_take(const field_batch *b, size_t first, size_t n, const real *f, const real *e, const real *product,
                real *fbar, real *product_bar);

#endif
