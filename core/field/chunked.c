/* chunked.c - create fields, and distribute the chunks of a batch. */
#include "field/chunked.h"

/* --- Creation --- */

status field_new(size_t size, const field *about, field **out, error_info *err) {
    arena memory = {0};
    void *made;
    if (arena_alloc(&memory, 1, size, &made) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory for a field");
    *out = made;
    **out = *about;
    (*out)->memory = memory;
    return STATUS_OK;
}

status field_finish(field *self, status built, field **out, error_info *err) {
    if (built != STATUS_OK) {
        field_destroy(&self);
        return error_set(err, built, "no field could be made: %s",
                         built == STATUS_MEMORY ? "out of memory" : "the device refused its shapes");
    }
    *out = self;
    return STATUS_OK;
}

void chunked_share(chunked *self, parallel *workers) {
    self->workers = self->base.backend->concurrent ? workers : NULL;
    self->threads = parallel_threads(self->workers);
}

/* --- A batch --- */

static size_t rows_from(const field_batch *b, size_t first) {
    const size_t chunk = ((const chunked *)b->self)->chunk;
    return b->n - first < chunk ? b->n - first : chunk;
}

static size_t chunks_of(const field_batch *b) {
    const size_t chunk = ((const chunked *)b->self)->chunk;
    return (b->n + chunk - 1) / chunk;
}

static size_t groups_of(const field_batch *b) {
    return chunks_of(b) < CHUNKED_GROUPS ? chunks_of(b) : CHUNKED_GROUPS;
}

static void forward_task(void *argument, size_t task, size_t thread) {
    const field_batch *b = argument;
    const chunked *self = (const chunked *)b->self;
    self->forward(b, task * self->chunk, rows_from(b, task * self->chunk), thread);
}

static void backward_task(void *argument, size_t group, size_t thread) {
    const field_batch *b = argument;
    const chunked *self = (const chunked *)b->self;
    const size_t chunks = chunks_of(b), groups = groups_of(b);
    real *sums = self->sums + group * self->stride;
    if (group >= self->groups_used) self->base.backend->zero(self->base.backend, self->stride, sums);
    for (size_t k = group * chunks / groups; k < (group + 1) * chunks / groups; k++)
        self->backward(b, k * self->chunk, rows_from(b, k * self->chunk), thread, sums);
}

status chunked_forward(field *base, size_t n, const real *z, const real *e, const field_values *out) {
    field_batch b = {.self = base, .n = n, .z = z, .e = e, .out = out};
    parallel_for(((chunked *)base)->workers, chunks_of(&b), forward_task, &b);
    return STATUS_OK;
}

status chunked_backward(field *base, size_t n, const real *z, const real *e, const field_values *bar,
                        const field_values *out, real *zbar) {
    chunked *self = (chunked *)base;
    field_batch b = {.self = base, .n = n, .z = z, .e = e, .bar = bar, .out = out, .zbar = zbar};
    parallel_for(self->workers, groups_of(&b), backward_task, &b);
    if (groups_of(&b) > self->groups_used) self->groups_used = groups_of(&b);
    return STATUS_OK;
}

void chunked_add_groups(chunked *self) {
    const backend_ops *backend = self->base.backend;
    if (self->groups_used == 0) backend->zero(backend, self->stride, self->sums);
    else
        backend->add_rows(backend, self->groups_used - 1, self->stride, self->sums + self->stride, self->stride,
                          self->sums);
    self->groups_used = 0;
}

static real *from(real *x, size_t first) {
    return x ? x + first : NULL;
}

void field_give(const field_batch *b, size_t first, size_t n, const real *f, const real *e, const real *product) {
    const backend_ops *backend = b->self->backend;
    const field_values *out = b->out;
    const size_t D = b->self->dimension;
    if (out->f) backend->copy(backend, n * D, f, out->f + first * D);
    if (out->product) backend->copy(backend, n * D, product, out->product + first * D);
    if (out->divergence || out->kinetic || out->jacobian)
        backend->image_products(backend, n, D, f, e, product, from(out->divergence, first), from(out->kinetic, first),
                                from(out->jacobian, first));
}

static void take_rows(const field_batch *b, size_t first, size_t n, const real *bar, real *to) {
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension;
    if (bar) backend->copy(backend, n * D, bar + first * D, to);
    else backend->zero(backend, n * D, to);
}

void field_take(const field_batch *b, size_t first, size_t n, const real *f, const real *e, const real *product,
                real *fbar, real *product_bar) {
    const backend_ops *backend = b->self->backend;
    const field_values *bar = b->bar;
    take_rows(b, first, n, bar->f, fbar);
    take_rows(b, first, n, bar->product, product_bar);
    backend->image_products_backward(backend, n, b->self->dimension, f, e, product, from(bar->divergence, first),
                                     from(bar->kinetic, first), from(bar->jacobian, first), fbar, product_bar);
}
