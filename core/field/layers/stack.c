/* stack.c - the list of layers: the context in them, and a chunk through them, forward and backward. */
#include "field/layers/stack.h"

#include "backend/memory.h"

static stack *as_stack(const field *self) {
    return (stack *)self;
}

/* --- Parameters and context --- */

void stack_initialise(const field *base, uint64_t seed, real *params) {
    const stack *self = as_stack(base);
    for (size_t l = 0; l < self->layers; l++)
        intake_initialise(&self->layer[l].in_context, self->deviation, seed, params);
}

void stack_set_params(field *base, const real *params) {
    stack *self = as_stack(base);
    for (size_t l = 0; l < self->layers; l++) {
        intake_set_params(&self->layer[l].in_context, base->backend, params);
        if (!intake_moves(&self->layer[l].in_context))
            self->by->pack(self, l, self->layer[l].forward, self->layer[l].backward);
    }
}

static size_t weights_of(const stack_layer *layer) {
    return layer->out * layer->in_context.columns;
}

status stack_prepare(field *base, const real *params, const real *c) {
    stack *self = as_stack(base);
    const backend_ops *backend = base->backend;
    for (size_t l = 0; l < self->layers; l++) {
        const stack_layer *layer = &self->layer[l];
        const intake *in_context = &layer->in_context;
        intake_prepare(in_context, backend, params, c);
        if (intake_moves(in_context)) self->by->pack(self, l, layer->forward, NULL);
        backend->copy_rows(backend, layer->vectors, layer->out, in_context->whole + weights_of(layer), 0, layer->bias,
                           layer->wide_out);
        if (self->by->see) self->by->see(self, l, c);
    }
    self->backward_packed = false;
    return STATUS_OK;
}

status stack_backward(field *base, size_t n, const real *z, const real *e, const field_values *bar,
                      const field_values *out, real *zbar) {
    stack *self = as_stack(base);
    for (size_t l = 0; l < self->layers && !self->backward_packed; l++)
        if (intake_moves(&self->layer[l].in_context)) self->by->pack(self, l, NULL, self->layer[l].backward);
    self->backward_packed = true;
    return chunked_backward(base, n, z, e, bar, out, zbar);
}

status stack_accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    stack *self = as_stack(base);
    const backend_ops *backend = base->backend;
    backend->zero(backend, base->context, cbar);
    chunked_add_groups(&self->of);
    for (size_t l = 0; l < self->layers; l++) {
        const stack_layer *layer = &self->layer[l];
        const size_t weights = weights_of(layer);
        backend->zero(backend, weights + layer->out, self->whole_bar);
        backend->add_rows(backend, layer->vectors, layer->out, self->of.sums + layer->bias_gradient, layer->wide_out,
                          self->whole_bar + weights);
        self->by->unfold(self, l, c, cbar);
        intake_accumulate(&layer->in_context, backend, params, c, self->whole_bar, self->room, gradient, cbar);
    }
    return STATUS_OK;
}

/* --- A chunk --- */

/* Return the rows with which a chunk of `rows` is processed. */
static size_t rows_of(const stack *self, size_t rows) {
    return self->whole ? self->of.chunk : rows;
}

static size_t row_in(const stack *self) {
    return self->pixels * self->layer[0].wide_in;
}
static size_t row_out(const stack *self) {
    return self->pixels * self->layer[self->layers - 1].wide_out;
}

/* One half of a chunk of `all` rows <- rows of x (n, D) from `first` on; zeros for missing rows, and for NULL x. */
static void load(const field_batch *b, size_t first, size_t rows, size_t all, const real *x, real *half) {
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension, wide = row_in(as_stack(b->self));
    if (!x || rows < all || wide > D) backend->zero(backend, all * wide, half);
    if (x && wide == D) backend->copy(backend, rows * D, x + first * D, half);
    else if (x) backend->copy_rows(backend, rows, D, x + first * D, D, half, wide);
}

/* The opposite: rows of x (n, D) <- those of a half. */
static void unload(const field_batch *b, size_t first, size_t rows, const real *half, real *x) {
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension, wide = row_in(as_stack(b->self));
    if (wide == D) backend->copy(backend, rows * D, half, x + first * D);
    else backend->copy_rows(backend, rows, D, half, wide, x + first * D, D);
}

static dual_shape dual_of(const stack *self, const stack_layer *layer, size_t rows) {
    return (dual_shape){.function = self->function,
                        .images = rows,
                        .pixels = self->pixels,
                        .channels = layer->wide_out,
                        .vectors = layer->vectors,
                        .bias_of = layer->bias_of};
}

/* Pass a chunk through all layers; return f and J e. `keep`: every layer's results stay for the backward pass;
 * otherwise two buffers suffice. */
static const real *run(const stack *self, size_t rows, size_t thread, bool keep) {
    const backend_ops *backend = self->of.base.backend;
    const stack_workspace *at = &self->workspaces[thread];
    const real *x = at->x[0];
    for (size_t l = 0;; l++) {
        const stack_layer *layer = &self->layer[l];
        const dual_shape shape = dual_of(self, layer, rows);
        const bool last = l + 1 == self->layers;
        real *h = keep || last ? at->h[l] : at->cotangent[0];
        self->by->multiply(self, l, rows, thread, x, h);
        if (last) {
            backend->bias_add(backend, &shape, layer->bias, h);
            return h;
        }
        real *y = keep ? at->x[l + 1] : at->cotangent[1];
        backend->dual_activate(backend, &shape, layer->bias, keep, h, y);
        x = y;
    }
}

/* f, e, J e of a chunk, without padding. */
typedef struct chunk_values {
    const real *x[3]; /* (rows, D) */
} chunk_values;

/* Pass the chunk's z and e through all layers; *b->out <- the requested values. */
static chunk_values evaluate(const field_batch *b, size_t first, size_t rows, size_t thread, bool keep) {
    const stack *self = as_stack(b->self);
    const backend_ops *backend = b->self->backend;
    const stack_workspace *at = &self->workspaces[thread];
    const size_t D = b->self->dimension, all = rows_of(self, rows), in = row_in(self), out = row_out(self);
    const real *e = at->x[0] + all * in;
    load(b, first, rows, all, b->z, at->x[0]);
    load(b, first, rows, all, b->e, at->x[0] + all * in);
    const real *last = run(self, all, thread, keep);
    chunk_values values = {.x = {last, e, last + all * out}};
    for (size_t i = 0; i < 3; i++) {
        const size_t wide = i == 1 ? in : out;
        if (wide == D) continue;
        backend->copy_rows(backend, rows, D, values.x[i], wide, at->dense[i], D);
        values.x[i] = at->dense[i];
    }
    field_give(b, first, rows, values.x[0], values.x[1], values.x[2]);
    return values;
}

static void forward_chunk(const field_batch *b, size_t first, size_t rows, size_t thread) {
    evaluate(b, first, rows, thread, false);
}

/* bar (2, all, wide) <- cotangents of f and J e, including those through the requested values. */
static void take(const field_batch *b, size_t first, size_t rows, const stack_workspace *at, const chunk_values *of,
                 real *bar) {
    const stack *self = as_stack(b->self);
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension, all = rows_of(self, rows), wide = row_out(self);
    real *const halves[2] = {bar, bar + all * wide};
    if (wide == D) {
        field_take(b, first, rows, of->x[0], of->x[1], of->x[2], halves[0], halves[1]);
        for (size_t i = 0; rows < all && i < 2; i++) backend->zero(backend, (all - rows) * D, halves[i] + rows * D);
        return;
    }
    real *const room[2] = {at->room, at->room + rows * D};
    field_take(b, first, rows, of->x[0], of->x[1], of->x[2], room[0], room[1]);
    backend->zero(backend, 2 * all * wide, bar);
    for (size_t i = 0; i < 2; i++) backend->copy_rows(backend, rows, D, room[i], D, halves[i], wide);
}

static void backward_chunk(const field_batch *b, size_t first, size_t rows, size_t thread, real *sums) {
    const stack *self = as_stack(b->self);
    const backend_ops *backend = b->self->backend;
    const stack_workspace *at = &self->workspaces[thread];
    const size_t all = rows_of(self, rows);
    const chunk_values values = evaluate(b, first, rows, thread, true);
    size_t l = self->layers - 1;
    real *bar = at->cotangent[0], *below = at->cotangent[1];
    const dual_shape top = dual_of(self, &self->layer[l], all);
    take(b, first, rows, at, &values, bar);
    backend->bias_backward(backend, &top, bar, sums + self->layer[l].bias_gradient);
    for (;; l--) {
        self->by->backward(self, l, all, thread, at->x[l], bar, below, sums + self->layer[l].gradient);
        if (l == 0) break;
        const stack_layer *before = &self->layer[l - 1];
        const dual_shape shape = dual_of(self, before, all);
        backend->dual_backward(backend, &shape, at->h[l - 1], below, sums + before->bias_gradient);
        real *swap = bar;
        bar = below;
        below = swap;
    }
    unload(b, first, rows, below, b->zbar);
    if (b->out->probe_bar) unload(b, first, rows, below + all * row_in(self), b->out->probe_bar);
}

/* --- Creation --- */

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t aligned(size_t reals) {
    return (reals + PARTIAL_SUMS - 1) / PARTIAL_SUMS * PARTIAL_SUMS;
}

static status make_workspace(stack *self, stack_workspace *at) {
    const backend_ops *backend = self->of.base.backend;
    arena *memory = &self->of.base.memory;
    const size_t chunk = 2 * self->of.chunk * self->pixels, D = self->of.base.dimension;
    const bool padded = row_in(self) > D || row_out(self) > D;
    const size_t room = padded ? largest(self->room_reals, 2 * self->of.chunk * D) : self->room_reals;
    size_t widest = 0;
    for (size_t l = 0; l < self->layers; l++) {
        const stack_layer *layer = &self->layer[l];
        TRY(BACKEND_NEW(backend, memory, chunk * layer->wide_in, &at->x[l]));
        TRY(BACKEND_NEW(backend, memory, chunk * layer->wide_out, &at->h[l]));
        widest = largest(widest, largest(layer->wide_in, layer->wide_out));
    }
    for (size_t i = 0; i < 2; i++) TRY(BACKEND_NEW(backend, memory, chunk * widest, &at->cotangent[i]));
    for (size_t i = 0; padded && i < 3; i++) TRY(BACKEND_NEW(backend, memory, self->of.chunk * D, &at->dense[i]));
    return BACKEND_NEW(backend, memory, room, &at->room);
}

void stack_begin(stack *self, const stack_ops *by, activation function, size_t chunk, parallel *workers) {
    self->by = by;
    self->function = function;
    self->of.chunk = chunk;
    self->of.forward = forward_chunk;
    self->of.backward = backward_chunk;
    chunked_share(&self->of, workers);
}

status stack_build(stack *self) {
    const backend_ops *backend = self->of.base.backend;
    arena *memory = &self->of.base.memory;
    size_t whole = 0, room = 0;
    for (size_t l = 0; l < self->layers; l++) {
        stack_layer *layer = &self->layer[l];
        TRY(intake_build(&layer->in_context, backend, memory));
        TRY(BACKEND_NEW(backend, memory, layer->forward_reals, &layer->forward));
        TRY(BACKEND_NEW(backend, memory, layer->backward_reals, &layer->backward));
        TRY(BACKEND_NEW(backend, memory, layer->vectors * layer->wide_out, &layer->bias));
        layer->gradient = self->of.stride;
        layer->bias_gradient = layer->gradient + aligned(layer->gradient_reals);
        self->of.stride = layer->bias_gradient + aligned(layer->vectors * layer->wide_out);
        whole = largest(whole, weights_of(layer) + layer->out);
        room = largest(room, layer->in_context.kind == IMAGE_CONCAT ? layer->out * layer->in_context.context : 0);
    }
    TRY(BACKEND_NEW(backend, memory, whole, &self->whole_bar));
    TRY(BACKEND_NEW(backend, memory, room, &self->room));
    TRY(BACKEND_NEW(backend, memory, CHUNKED_GROUPS * self->of.stride, &self->of.sums));
    TRY(ARENA_NEW(memory, self->of.threads, &self->workspaces));
    for (size_t i = 0; i < self->of.threads; i++) TRY(make_workspace(self, &self->workspaces[i]));
    return STATUS_OK;
}
