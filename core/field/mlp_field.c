/* mlp_field.c - making the field, and a batch through its layers, both ways.
 *
 * A chunk of up to ROWS rows is a stack of two halves, values and tangents, (2, rows, width): a layer is one matrix product
 * over both. Rows
 * of every matrix are padded with zeros to whole vectors, so that no product has a short end. For sums over the batch
 * chunks are dealt to GROUPS groups in their order; a group is one task, and groups are added in their order. */
#include "field/mlp_field.h"

#include <stdio.h>

#include "backend/memory.h"
#include "base/arena.h"
#include "field/layers/intake.h"

enum { ROWS = 64, GROUPS = 16, PAD = 2 * LANES, LAYERS_MAX = MLP_FIELD_HIDDEN_MAX + 1 };

typedef struct mlp_layer {
    intake in_context;
    size_t in, out; /* numbers of a row */
    size_t wide_in, wide_out; /* padded */
    real *forward; /* (in, wide_out): the transposed weight at this instant */
    real *reverse; /* (out, wide_in): the weight */
    real *bias; /* (wide_out) */
    size_t gradient, bias_gradient; /* offsets in a group's sums: (out, wide_in), (wide_out) */
} mlp_layer;

/* What one thread needs for one chunk. */
typedef struct lane {
    real *x[LAYERS_MAX]; /* (2, ROWS, wide_in): a layer's input */
    real *h[LAYERS_MAX]; /* (2, ROWS, wide_out): what its product gives; the last is f and J e */
    real *cotangent[2]; /* (2, ROWS, widest) */
    real *dense[3]; /* (ROWS, D): f, e, J e without their padding; on the way back f's cotangent and J e's */
    real *weight; /* (the largest of out, wide_in): a chunk's gradient */
} lane;

typedef struct mlp_field {
    field base;
    arena memory; /* holds itself too */
    mlp_field_spec spec;
    parallel *workers;
    size_t layers; /* L + 1 */
    mlp_layer layer[LAYERS_MAX];
    size_t threads;
    lane *lanes; /* (threads) */
    size_t sums_stride;
    real *sums; /* (GROUPS, sums_stride) */
    size_t groups_used; /* groups that have sums */
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
    const backend_ops *backend = self->base.backend;
    const real *whole = layer->in_context.whole;
    backend->copy_rows(backend, layer->out, layer->in, whole, layer->in, layer->reverse, layer->wide_in);
    backend->transpose(backend, layer->out, layer->in, whole, self->whole_bar);
    backend->copy_rows(backend, layer->in, layer->out, self->whole_bar, layer->out, layer->forward, layer->wide_out);
}

static void bind(field *base, const real *params) {
    const mlp_field *self = as_mlp(base);
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        intake_bind(&layer->in_context, base->backend, params);
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
    const size_t stride = self->sums_stride;
    backend->zero(backend, base->context, cbar);
    if (self->groups_used == 0) backend->zero(backend, stride, self->sums);
    else backend->add_rows(backend, self->groups_used - 1, stride, self->sums + stride, stride, self->sums);
    self->groups_used = 0;
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        backend->copy_rows(backend, layer->out, layer->in, self->sums + layer->gradient, layer->wide_in,
                           self->whole_bar, layer->in);
        backend->copy(backend, layer->out, self->sums + layer->bias_gradient, self->whole_bar + layer->out * layer->in);
        intake_accumulate(&layer->in_context, backend, params, c, self->whole_bar, self->room, gradient, cbar);
    }
    return STATUS_OK;
}

/* --- A batch --- */

typedef struct batch {
    mlp_field *self;
    size_t n, chunks, groups;
    const real *z, *e;
    const field_values *out;
    const field_values *bar; /* backward */
    real *zbar;
} batch;

static size_t rows_in(const batch *b, size_t first) {
    return b->n - first < ROWS ? b->n - first : ROWS;
}

/* Rows of x (n, D) from `first` on -> those of a padded half; zeros for x NULL. And back. */
static void load(const batch *b, size_t first, const real *x, size_t wide, real *half) {
    const backend_ops *backend = b->self->base.backend;
    const size_t D = b->self->spec.dimension;
    backend->zero(backend, rows_in(b, first) * wide, half);
    if (x) backend->copy_rows(backend, rows_in(b, first), D, x + first * D, D, half, wide);
}
static void store(const batch *b, size_t first, const real *half, size_t wide, real *x) {
    const backend_ops *backend = b->self->base.backend;
    const size_t D = b->self->spec.dimension;
    if (x) backend->copy_rows(backend, rows_in(b, first), D, half, wide, x + first * D, D);
}

static real *from(real *x, size_t first) {
    return x ? x + first : NULL;
}

/* The stack's halves of the last layer without their padding, to lane->dense; and e. */
static void densify(const batch *b, size_t first, const lane *at) {
    const mlp_field *self = b->self;
    const backend_ops *backend = self->base.backend;
    const size_t rows = rows_in(b, first), D = self->spec.dimension, wide = self->layer[self->layers - 1].wide_out;
    const real *last = at->h[self->layers - 1];
    backend->copy_rows(backend, rows, D, last, wide, at->dense[0], D);
    backend->copy_rows(backend, rows, D, last + rows * wide, wide, at->dense[2], D);
    backend->zero(backend, rows * D, at->dense[1]);
    if (b->e) backend->copy(backend, rows * D, b->e + first * D, at->dense[1]);
}

/* What is wanted of a chunk whose last layer gave f and J e. */
static void give(const batch *b, size_t first, const lane *at) {
    const mlp_field *self = b->self;
    const backend_ops *backend = self->base.backend;
    const field_values *out = b->out;
    const size_t D = self->spec.dimension, n = rows_in(b, first);
    if (out->f) backend->copy(backend, n * D, at->dense[0], out->f + first * D);
    if (out->product) backend->copy(backend, n * D, at->dense[2], out->product + first * D);
    if (out->divergence || out->kinetic || out->jacobian)
        backend->image_products(backend, n, D, at->dense[0], at->dense[1], at->dense[2], from(out->divergence, first),
                                from(out->kinetic, first), from(out->jacobian, first));
}

static dual_shape dual_of(const mlp_field *self, const mlp_layer *layer, size_t rows) {
    return (dual_shape){
        .function = self->spec.function, .images = rows, .pixels = 1, .channels = layer->wide_out, .vectors = 1};
}

/* A chunk through all layers. Where keep, every layer's numbers stay for the way back. */
static void run(const batch *b, size_t first, const lane *at, bool keep) {
    const mlp_field *self = b->self;
    const backend_ops *backend = self->base.backend;
    const size_t rows = rows_in(b, first), wide = self->layer[0].wide_in;
    load(b, first, b->z, wide, at->x[0]);
    load(b, first, b->e, wide, at->x[0] + rows * wide);
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        const dual_shape shape = dual_of(self, layer, rows);
        backend->matmul(backend, 2 * rows, layer->wide_out, layer->in, at->x[l], layer->wide_in, 1, layer->forward,
                        NULL, at->h[l]);
        if (l + 1 < self->layers) backend->dual_activate(backend, &shape, layer->bias, keep, at->h[l], at->x[l + 1]);
        else backend->bias_add(backend, &shape, layer->bias, at->h[l]);
    }
    densify(b, first, at);
    give(b, first, at);
}

static void forward_chunk(void *argument, size_t chunk, size_t thread) {
    const batch *b = argument;
    run(b, chunk * ROWS, &b->self->lanes[thread], false);
}

static status forward(field *base, size_t n, const real *z, const real *e, const field_values *out) {
    mlp_field *self = as_mlp(base);
    batch b = {.self = self, .n = n, .z = z, .e = e, .out = out};
    parallel_for(self->workers, (n + ROWS - 1) / ROWS, forward_chunk, &b);
    return STATUS_OK;
}

/* bar (2, rows, wide) <- cotangents of f and J e, those of what is made of them included. */
static void take(const batch *b, size_t first, const lane *at, size_t wide, real *bar) {
    const mlp_field *self = b->self;
    const backend_ops *backend = self->base.backend;
    const field_values *bars = b->bar;
    const size_t D = self->spec.dimension, n = rows_in(b, first);
    real *const fbar = at->weight, *const product_bar = at->weight + n * D;
    backend->zero(backend, 2 * n * D, fbar);
    if (bars->f) backend->copy(backend, n * D, bars->f + first * D, fbar);
    if (bars->product) backend->copy(backend, n * D, bars->product + first * D, product_bar);
    backend->image_products_reverse(backend, n, D, at->dense[0], at->dense[1], at->dense[2],
                                    from(bars->divergence, first), from(bars->kinetic, first),
                                    from(bars->jacobian, first), fbar, product_bar);
    backend->zero(backend, 2 * n * wide, bar);
    backend->copy_rows(backend, 2 * n, D, fbar, D, bar, wide);
}

static void backward_chunk(const batch *b, size_t chunk, const lane *at, real *sums) {
    const mlp_field *self = b->self;
    const backend_ops *backend = self->base.backend;
    const size_t first = chunk * ROWS, rows = rows_in(b, first);
    size_t l = self->layers - 1;
    real *bar = at->cotangent[0], *below = at->cotangent[1];
    const dual_shape top = dual_of(self, &self->layer[l], rows);
    run(b, first, at, true);
    take(b, first, at, self->layer[l].wide_out, bar);
    backend->bias_reverse(backend, &top, bar, sums + self->layer[l].bias_gradient);
    for (;; l--) {
        const mlp_layer *layer = &self->layer[l];
        backend->matmul(backend, layer->out, layer->wide_in, 2 * rows, bar, 1, layer->wide_out, at->x[l], NULL,
                        at->weight);
        backend->add_rows(backend, 1, layer->out * layer->wide_in, at->weight, 0, sums + layer->gradient);
        backend->matmul(backend, 2 * rows, layer->wide_in, layer->out, bar, layer->wide_out, 1, layer->reverse, NULL,
                        below);
        if (l == 0) break;
        const dual_shape shape = dual_of(self, &self->layer[l - 1], rows);
        backend->dual_reverse(backend, &shape, at->h[l - 1], below, sums + self->layer[l - 1].bias_gradient);
        real *kept = bar;
        bar = below;
        below = kept;
    }
    store(b, first, below, self->layer[0].wide_in, b->zbar);
}

static void backward_group(void *argument, size_t group, size_t thread) {
    const batch *b = argument;
    mlp_field *self = b->self;
    real *sums = self->sums + group * self->sums_stride;
    if (group >= self->groups_used) self->base.backend->zero(self->base.backend, self->sums_stride, sums);
    for (size_t chunk = group * b->chunks / b->groups; chunk < (group + 1) * b->chunks / b->groups; chunk++)
        backward_chunk(b, chunk, &self->lanes[thread], sums);
}

static status backward(field *base, size_t n, const real *z, const real *e, const field_values *bar,
                       const field_values *out, real *zbar) {
    mlp_field *self = as_mlp(base);
    batch b = {.self = self, .n = n, .z = z, .e = e, .bar = bar, .out = out, .zbar = zbar};
    b.chunks = (n + ROWS - 1) / ROWS;
    b.groups = b.chunks < GROUPS ? b.chunks : GROUPS;
    parallel_for(self->workers, b.groups, backward_group, &b);
    if (b.groups > self->groups_used) self->groups_used = b.groups;
    return STATUS_OK;
}

static size_t bytes(const field *base) {
    return as_mlp(base)->memory.bytes;
}

static void destroy(field *base) {
    arena memory = as_mlp(base)->memory;
    arena_release(&memory);
}

static const field_ops ops = {
    .initialise = initialise,
    .bind = bind,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .accumulate = accumulate,
    .bytes = bytes,
    .destroy = destroy,
};

/* --- Making --- */

static status check(const mlp_field_spec *s, failure *why) {
    if (s->dimension < 1 || s->dimension > MLP_FIELD_DIMENSION_MAX)
        return fail(why, STATUS_INVALID, "field mlp: %zu columns; expected 1 to %d", s->dimension,
                    MLP_FIELD_DIMENSION_MAX);
    if (s->context < 1) return fail(why, STATUS_INVALID, "field mlp: a context of 0 numbers; expected at least 1");
    if (s->hidden_layers > MLP_FIELD_HIDDEN_MAX)
        return fail(why, STATUS_INVALID, "field mlp: %zu hidden layers; expected 0 to %d", s->hidden_layers,
                    MLP_FIELD_HIDDEN_MAX);
    for (size_t l = 0; l < s->hidden_layers; l++)
        if (s->hidden[l] < 1 || s->hidden[l] > MLP_FIELD_WIDTH_MAX)
            return fail(why, STATUS_INVALID, "field mlp: hidden layer %zu of %zu units; expected 1 to %d", l,
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
        layer->gradient = self->sums_stride;
        layer->bias_gradient = layer->gradient + layer->out * layer->wide_in;
        self->sums_stride = layer->bias_gradient + layer->wide_out;
        snprintf(name, sizeof name, "%.24s.%zu", prefix, l);
        intake_declare(&layer->in_context, s->layer, layer->out, layer->in, s->context, name, table);
    }
}

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

static status make_lane(mlp_field *self, lane *at) {
    const backend_ops *backend = self->base.backend;
    const size_t stack = 2 * (size_t)ROWS, D = self->spec.dimension;
    size_t widest = 0, weight = stack * D;
    for (size_t l = 0; l < self->layers; l++) {
        const mlp_layer *layer = &self->layer[l];
        TRY(BACKEND_NEW(backend, &self->memory, stack * layer->wide_in, &at->x[l]));
        TRY(BACKEND_NEW(backend, &self->memory, stack * layer->wide_out, &at->h[l]));
        widest = largest(widest, largest(layer->wide_in, layer->wide_out));
        weight = largest(weight, layer->out * layer->wide_in);
    }
    for (size_t i = 0; i < 2; i++) TRY(BACKEND_NEW(backend, &self->memory, stack * widest, &at->cotangent[i]));
    for (size_t i = 0; i < 3; i++) TRY(BACKEND_NEW(backend, &self->memory, ROWS * D, &at->dense[i]));
    return BACKEND_NEW(backend, &self->memory, weight, &at->weight);
}

static status build(mlp_field *self) {
    const backend_ops *backend = self->base.backend;
    arena *memory = &self->memory;
    size_t whole = 0, room = 0;
    for (size_t l = 0; l < self->layers; l++) {
        mlp_layer *layer = &self->layer[l];
        TRY(intake_build(&layer->in_context, backend, memory));
        TRY(BACKEND_NEW(backend, memory, layer->in * layer->wide_out, &layer->forward));
        TRY(BACKEND_NEW(backend, memory, layer->out * layer->wide_in, &layer->reverse));
        TRY(BACKEND_NEW(backend, memory, layer->wide_out, &layer->bias));
        whole = largest(whole, layer->out * layer->in + layer->out);
        room = largest(room, layer->out * self->spec.context);
    }
    TRY(BACKEND_NEW(backend, memory, whole, &self->whole_bar));
    TRY(BACKEND_NEW(backend, memory, room, &self->room));
    TRY(BACKEND_NEW(backend, memory, GROUPS * self->sums_stride, &self->sums));
    TRY(ARENA_NEW(memory, self->threads, &self->lanes));
    for (size_t i = 0; i < self->threads; i++) TRY(make_lane(self, &self->lanes[i]));
    return STATUS_OK;
}

status mlp_field_create(const mlp_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, failure *why) {
    TRY(check(spec, why));
    arena memory = {0};
    mlp_field *self;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a field");
    self->memory = memory;
    self->spec = *spec;
    self->base =
        (field){.ops = &ops, .name = "mlp", .backend = backend, .dimension = spec->dimension, .context = spec->context};
    self->workers = backend->concurrent ? workers : NULL;
    self->threads = parallel_threads(self->workers);
    self->layers = spec->hidden_layers + 1;
    declare(self, prefix, table);
    if (build(self) != STATUS_OK) {
        destroy(&self->base);
        return fail(why, STATUS_MEMORY, "out of memory for a field");
    }
    *out = &self->base;
    return STATUS_OK;
}
