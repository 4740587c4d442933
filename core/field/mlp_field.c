/* mlp_field.c - making the field, and a batch through its layers, both ways.
 *
 * A chunk of up to ROWS rows is a stack of two halves, values and tangents, (2, rows, width): a layer is one matrix
 * product over both. Rows of every matrix are padded with zeros to whole vectors, so that no product has a short
 * end. */
#include "field/mlp_field.h"

#include <stdio.h>

#include "backend/memory.h"
#include "field/chunked.h"
#include "field/layers/intake.h"

enum { ROWS = 64, PAD = 2 * PARTIAL_SUMS, LAYERS_MAX = MLP_FIELD_HIDDEN_MAX + 1 };

typedef struct mlp_layer {
    intake in_context;
    size_t in, out; /* numbers of a row */
    size_t wide_in, wide_out; /* padded */
    real *forward; /* (in, wide_out): the transposed weight at this instant */
    real *backward; /* (out, wide_in): the weight */
    real *bias; /* (wide_out) */
    size_t gradient, bias_gradient; /* offsets in a group's sums: (out, wide_in), (wide_out) */
} mlp_layer;

/* What one thread needs for one chunk. */
typedef struct workspace {
    real *x[LAYERS_MAX]; /* (2, ROWS, wide_in): a layer's input */
    real *h[LAYERS_MAX]; /* (2, ROWS, wide_out): what its product gives; the last is f and J e */
    real *cotangent[2]; /* (2, ROWS, widest) */
    real *dense[3]; /* (ROWS, D): f, e, J e without their padding; on the way back f's cotangent and J e's */
    real *weight; /* (the largest of out, wide_in): a chunk's gradient */
} workspace;

typedef struct mlp_field {
    chunked of;
    mlp_field_spec spec;
    size_t layers; /* L + 1 */
    mlp_layer layer[LAYERS_MAX];
    workspace *workspaces; /* (threads) */
    real *whole_bar, *room; /* while accumulating */
} mlp_field;

static mlp_field *as_mlp(const field *self) {
    return (mlp_field *)self;
}

static size_t padded(size_t reals) {
    return (reals + PAD - 1) / PAD * PAD;
}

/* --- Parameters and context --- */

static void initialise(const field *base, uint64_t seed, real *params) {
    const mlp_field *self = as_mlp(base);
    for (size_t l = 0; l < self->layers; l++) intake_initialise(&self->layer[l].in_context, 0, seed, params);
}

static void pack_weight(const mlp_field *self, const mlp_layer *layer) {
    const backend_ops *backend = self->of.base.backend;
    const real *whole = layer->in_context.whole;
    backend->copy_rows(backend, layer->out, layer->in, whole, layer->in, layer->backward, layer->wide_in);
    backend->transpose(backend, layer->out, layer->in, whole, self->whole_bar);
    backend->copy_rows(backend, layer->in, layer->out, self->whole_bar, layer->out, layer->forward, layer->wide_out);
}

static void set_params(field *base, const real *params) {
    const mlp_field *self = as_mlp(base);
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        intake_set_params(&layer->in_context, base->backend, params);
        if (!intake_moves(&layer->in_context)) pack_weight(self, layer);
    }
}

static status prepare(field *base, const real *params, const real *c) {
    const mlp_field *self = as_mlp(base);
    const backend_ops *backend = base->backend;
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        intake_prepare(&layer->in_context, backend, params, c);
        if (intake_moves(&layer->in_context)) pack_weight(self, layer);
        backend->copy(backend, layer->out, layer->in_context.whole + layer->out * layer->in, layer->bias);
    }
    return STATUS_OK;
}

static status accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    mlp_field *self = as_mlp(base);
    const backend_ops *backend = base->backend;
    backend->zero(backend, base->context, cbar);
    chunked_add_groups(&self->of);
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        backend->copy_rows(backend, layer->out, layer->in, self->of.sums + layer->gradient, layer->wide_in,
                           self->whole_bar, layer->in);
        backend->copy(backend, layer->out, self->of.sums + layer->bias_gradient,
                      self->whole_bar + layer->out * layer->in);
        intake_accumulate(&layer->in_context, backend, params, c, self->whole_bar, self->room, gradient, cbar);
    }
    return STATUS_OK;
}

/* --- A batch --- */

/* Rows of x (n, D) from `first` on -> those of a padded half; zeros for x NULL. */
static void load(const field_batch *b, size_t first, size_t rows, const real *x, size_t wide, real *half) {
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension;
    backend->zero(backend, rows * wide, half);
    if (x) backend->copy_rows(backend, rows, D, x + first * D, D, half, wide);
}

/* The stack's halves of the last layer without their padding, to lane->dense; and e. */
static void densify(const field_batch *b, size_t first, size_t rows, const workspace *at) {
    const mlp_field *self = as_mlp(b->self);
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension, wide = self->layer[self->layers - 1].wide_out;
    const real *last = at->h[self->layers - 1];
    backend->copy_rows(backend, rows, D, last, wide, at->dense[0], D);
    backend->copy_rows(backend, rows, D, last + rows * wide, wide, at->dense[2], D);
    backend->zero(backend, rows * D, at->dense[1]);
    if (b->e) backend->copy(backend, rows * D, b->e + first * D, at->dense[1]);
}

static dual_shape dual_of(const mlp_field *self, const mlp_layer *layer, size_t rows) {
    return (dual_shape){
        .function = self->spec.function, .images = rows, .pixels = 1, .channels = layer->wide_out, .vectors = 1};
}

/* A chunk through all layers. Where keep, every layer's numbers stay for the way back. */
static void run(const field_batch *b, size_t first, size_t rows, const workspace *at, bool keep) {
    const mlp_field *self = as_mlp(b->self);
    const backend_ops *backend = b->self->backend;
    const size_t wide = self->layer[0].wide_in;
    load(b, first, rows, b->z, wide, at->x[0]);
    load(b, first, rows, b->e, wide, at->x[0] + rows * wide);
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        const dual_shape shape = dual_of(self, layer, rows);
        backend->matmul(backend, 2 * rows, layer->wide_out, layer->in, at->x[l], layer->wide_in, 1, layer->forward,
                        NULL, at->h[l]);
        if (l + 1 < self->layers) backend->dual_activate(backend, &shape, layer->bias, keep, at->h[l], at->x[l + 1]);
        else backend->bias_add(backend, &shape, layer->bias, at->h[l]);
    }
    densify(b, first, rows, at);
    field_give(b, first, rows, at->dense[0], at->dense[1], at->dense[2]);
}

static void forward_chunk(const field_batch *b, size_t first, size_t rows, size_t thread) {
    run(b, first, rows, &as_mlp(b->self)->workspaces[thread], false);
}

/* bar (2, rows, wide) <- cotangents of f and J e, those of what is made of them included. */
static void take(const field_batch *b, size_t first, size_t rows, const workspace *at, size_t wide, real *bar) {
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension;
    real *const fbar = at->weight;
    field_take(b, first, rows, at->dense[0], at->dense[1], at->dense[2], fbar, fbar + rows * D);
    backend->zero(backend, 2 * rows * wide, bar);
    backend->copy_rows(backend, 2 * rows, D, fbar, D, bar, wide);
}

static void backward_chunk(const field_batch *b, size_t first, size_t rows, size_t thread, real *sums) {
    const mlp_field *self = as_mlp(b->self);
    const backend_ops *backend = b->self->backend;
    const workspace *at = &self->workspaces[thread];
    const size_t D = b->self->dimension;
    size_t l = self->layers - 1;
    real *bar = at->cotangent[0], *below = at->cotangent[1];
    const dual_shape top = dual_of(self, &self->layer[l], rows);
    run(b, first, rows, at, true);
    take(b, first, rows, at, self->layer[l].wide_out, bar);
    backend->bias_backward(backend, &top, bar, sums + self->layer[l].bias_gradient);
    for (;; l--) {
        const mlp_layer *layer = &self->layer[l];
        backend->matmul(backend, layer->out, layer->wide_in, 2 * rows, bar, 1, layer->wide_out, at->x[l], NULL,
                        at->weight);
        backend->add_rows(backend, 1, layer->out * layer->wide_in, at->weight, 0, sums + layer->gradient);
        backend->matmul(backend, 2 * rows, layer->wide_in, layer->out, bar, layer->wide_out, 1, layer->backward, NULL,
                        below);
        if (l == 0) break;
        const dual_shape shape = dual_of(self, &self->layer[l - 1], rows);
        backend->dual_backward(backend, &shape, at->h[l - 1], below, sums + self->layer[l - 1].bias_gradient);
        real *kept = bar;
        bar = below;
        below = kept;
    }
    backend->copy_rows(backend, rows, D, below, self->layer[0].wide_in, b->zbar + first * D, D);
}

static const field_ops ops = {
    .initialise = initialise,
    .set_params = set_params,
    .prepare = prepare,
    .forward = chunked_forward,
    .backward = chunked_backward,
    .accumulate = accumulate,
};

/* --- Making --- */

static status check(const mlp_field_spec *s, error_info *err) {
    if (s->dimension < 1 || s->dimension > MLP_FIELD_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "field mlp: %zu columns; expected 1 to %d", s->dimension,
                         MLP_FIELD_DIMENSION_MAX);
    if (s->context < 1) return error_set(err, STATUS_INVALID, "field mlp: a context of 0 numbers; expected at least 1");
    if (s->hidden_layers > MLP_FIELD_HIDDEN_MAX)
        return error_set(err, STATUS_INVALID, "field mlp: %zu hidden layers; expected 0 to %d", s->hidden_layers,
                         MLP_FIELD_HIDDEN_MAX);
    for (size_t l = 0; l < s->hidden_layers; l++)
        if (s->hidden[l] < 1 || s->hidden[l] > MLP_FIELD_WIDTH_MAX)
            return error_set(err, STATUS_INVALID, "field mlp: hidden layer %zu of %zu units; expected 1 to %d", l,
                             s->hidden[l], MLP_FIELD_WIDTH_MAX);
    return STATUS_OK;
}

static void declare(mlp_field *self, const char *prefix, parameter_table *table) {
    const mlp_field_spec *s = &self->spec;
    for (size_t l = 0; l < self->layers; l++) {
        mlp_layer *layer = &self->layer[l];
        char name[PARAMETER_NAME_MAX];
        layer->in = l > 0 ? s->hidden[l - 1] : s->dimension;
        layer->out = l + 1 < self->layers ? s->hidden[l] : s->dimension;
        layer->wide_in = padded(layer->in);
        layer->wide_out = padded(layer->out);
        layer->gradient = self->of.stride;
        layer->bias_gradient = layer->gradient + layer->out * layer->wide_in;
        self->of.stride = layer->bias_gradient + layer->wide_out;
        snprintf(name, sizeof name, "%.24s.%zu", prefix, l);
        intake_declare(&layer->in_context, s->layer, layer->out, layer->in, s->context, name, table);
    }
}

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

static status make_workspace(mlp_field *self, workspace *at) {
    const backend_ops *backend = self->of.base.backend;
    const size_t stack = 2 * (size_t)ROWS, D = self->spec.dimension;
    size_t widest = 0, weight = stack * D;
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        TRY(BACKEND_NEW(backend, &self->of.base.memory, stack * layer->wide_in, &at->x[l]));
        TRY(BACKEND_NEW(backend, &self->of.base.memory, stack * layer->wide_out, &at->h[l]));
        widest = largest(widest, largest(layer->wide_in, layer->wide_out));
        weight = largest(weight, layer->out * layer->wide_in);
    }
    for (size_t i = 0; i < 2; i++) TRY(BACKEND_NEW(backend, &self->of.base.memory, stack * widest, &at->cotangent[i]));
    for (size_t i = 0; i < 3; i++) TRY(BACKEND_NEW(backend, &self->of.base.memory, ROWS * D, &at->dense[i]));
    return BACKEND_NEW(backend, &self->of.base.memory, weight, &at->weight);
}

static status build(mlp_field *self) {
    const backend_ops *backend = self->of.base.backend;
    arena *memory = &self->of.base.memory;
    size_t whole = 0, room = 0;
    for (size_t l = 0; l < self->layers; l++) {
        mlp_layer *layer = &self->layer[l];
        TRY(intake_build(&layer->in_context, backend, memory));
        TRY(BACKEND_NEW(backend, memory, layer->in * layer->wide_out, &layer->forward));
        TRY(BACKEND_NEW(backend, memory, layer->out * layer->wide_in, &layer->backward));
        TRY(BACKEND_NEW(backend, memory, layer->wide_out, &layer->bias));
        whole = largest(whole, layer->out * layer->in + layer->out);
        room = largest(room, layer->out * self->spec.context);
    }
    TRY(BACKEND_NEW(backend, memory, whole, &self->whole_bar));
    TRY(BACKEND_NEW(backend, memory, room, &self->room));
    TRY(BACKEND_NEW(backend, memory, CHUNKED_GROUPS * self->of.stride, &self->of.sums));
    TRY(ARENA_NEW(memory, self->of.threads, &self->workspaces));
    for (size_t i = 0; i < self->of.threads; i++) TRY(make_workspace(self, &self->workspaces[i]));
    return STATUS_OK;
}

status mlp_field_create(const mlp_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, error_info *err) {
    const field about = {
        .ops = &ops, .name = "mlp", .backend = backend, .dimension = spec->dimension, .context = spec->context};
    field *made;
    TRY(check(spec, err));
    TRY(field_new(sizeof(mlp_field), &about, &made, err));
    mlp_field *self = as_mlp(made);
    self->spec = *spec;
    self->layers = spec->hidden_layers + 1;
    self->of.chunk = ROWS;
    self->of.forward = forward_chunk;
    self->of.backward = backward_chunk;
    chunked_share(&self->of, workers);
    declare(self, prefix, table);
    return field_finish(made, build(self), out, err);
}
