/* conv_field.c - making the field, and its evaluation and reverse on a batch.
 *
 * The batch is cut into chunks of as many images as the backend works on
 * together: few on a processor, whose activations then stay near the core. Each
 * chunk goes through all layers, both ways. For sums over the batch chunks are
 * dealt to CONV_GROUPS groups in their order; a group is one task, and groups are
 * added in their order. So nothing depends on the number of threads. */
#include "field/conv_field.h"

#include <stdio.h>
#include <string.h>

#include "backend/memory.h"
#include "field/conv_internal.h"

/* One call on a batch, for its tasks. */
typedef struct batch {
    conv_field *self;
    size_t n, chunks, groups;
    const real *z, *e;
    const field_values *out;
    const field_values *bar; /* reverse */
    real *zbar;
} batch;

/* Images of a chunk that are in the batch. */
static size_t images_in(const batch *b, size_t first) {
    return b->n - first < b->self->chunk ? b->n - first : b->self->chunk;
}

/* One half of a stack (chunk, D) <- rows of x (n, D) from `first` on; zeros for missing images and for x NULL. */
static void load(const batch *b, size_t first, const real *x, real *half) {
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension, images = x ? images_in(b, first) : 0;
    if (x) backend->copy(backend, images * D, x + first * D, half);
    if (images < b->self->chunk) backend->zero(backend, (b->self->chunk - images) * D, half + images * D);
}

static void store(const batch *b, size_t first, const real *half, real *x) {
    const backend_ops *backend = b->self->backend;
    const size_t D = b->self->dimension;
    if (x) backend->copy(backend, images_in(b, first) * D, half, x + first * D);
}

static real *from(real *x, size_t first) {
    return x ? x + first : NULL;
}

/* What is wanted of a chunk whose last layer gave f and J e; e is the second half of the lane's input. */
static void give(const batch *b, size_t first, const conv_lane *lane, const real *last) {
    const backend_ops *backend = b->self->backend;
    const field_values *out = b->out;
    const size_t D = b->self->dimension, half = b->self->chunk * D;
    store(b, first, last, out->f);
    store(b, first, last + half, out->product);
    if (out->divergence || out->kinetic || out->jacobian)
        backend->image_products(backend, images_in(b, first), D, last, lane->input + half, last + half,
                                from(out->divergence, first), from(out->kinetic, first), from(out->jacobian, first));
}

/* bar (2, chunk, D) <- cotangents of f and J e, those of what is made of them included. */
static void take(const batch *b, size_t first, const conv_lane *lane, const real *last, real *bar) {
    const backend_ops *backend = b->self->backend;
    const field_values *bars = b->bar;
    const size_t D = b->self->dimension, half = b->self->chunk * D;
    load(b, first, bars->f, bar);
    load(b, first, bars->product, bar + half);
    backend->image_products_reverse(backend, images_in(b, first), D, last, lane->input + half, last + half,
                                    from(bars->divergence, first), from(bars->kinetic, first),
                                    from(bars->jacobian, first), bar, bar + half);
}

static dual_shape dual_of(const conv_field *self, const conv_layer *layer) {
    return (dual_shape){.function = self->spec.function,
                        .images = self->chunk,
                        .pixels = self->pixels,
                        .channels = layer->out,
                        .vectors = layer->bias_count,
                        .bias_of = layer->bias_of};
}

/* A chunk through all layers, to f and J e, which are returned. Where keep, every layer's numbers stay for the way back;
 * otherwise two buffers do. */
static real *forward(const conv_field *self, conv_lane *lane, bool keep) {
    const backend_ops *backend = self->backend;
    const real *x = lane->input;
    for (size_t l = 0;; l++) {
        const conv_layer *layer = &self->layer[l];
        const dual_shape shape = dual_of(self, layer);
        const bool last = l + 1 == self->layers;
        real *h = keep || last ? lane->h[l] : lane->cotangent[0], *y = keep ? lane->y[l] : lane->cotangent[1];
        conv_forward(lane->convs[l], layer->forward, x, h);
        if (last) {
            backend->bias_add(backend, &shape, layer->biases, h);
            return h;
        }
        backend->dual_activate(backend, &shape, layer->biases, keep, h, y);
        x = y;
    }
}

static void evaluate_chunk(void *argument, size_t chunk, size_t thread) {
    const batch *b = argument;
    conv_field *self = b->self;
    conv_lane *lane = &self->lanes[thread];
    const size_t first = chunk * self->chunk;
    load(b, first, b->z, lane->input);
    load(b, first, b->e, lane->input + self->chunk * self->dimension);
    give(b, first, lane, forward(self, lane, false));
}

static status conv_field_forward(field *base, size_t n, const real *z, const real *e, const field_values *out) {
    conv_field *self = (conv_field *)base;
    batch b = {.self = self, .n = n, .z = z, .e = e, .out = out};
    parallel_for(self->workers, conv_field_chunks(self, n), evaluate_chunk, &b);
    return STATUS_OK;
}

static void reverse_chunk(const batch *b, size_t chunk, conv_lane *lane, real *sums) {
    const conv_field *self = b->self;
    const backend_ops *backend = self->backend;
    const size_t first = chunk * self->chunk;
    load(b, first, b->z, lane->input);
    load(b, first, b->e, lane->input + self->chunk * self->dimension);
    const real *last = forward(self, lane, true);
    real *bar = lane->cotangent[0], *below = lane->cotangent[1];
    give(b, first, lane, last);
    take(b, first, lane, last, bar);
    size_t l = self->layers - 1;
    const dual_shape top = dual_of(self, &self->layer[l]);
    backend->bias_reverse(backend, &top, bar, sums + self->layer[l].bias_gradient);
    for (;; l--) {
        const conv_layer *layer = &self->layer[l];
        conv_weight_reverse(lane->convs[l], l > 0 ? lane->y[l - 1] : lane->input, bar, sums + layer->gradient);
        conv_data_reverse(lane->convs[l], layer->reverse, bar, below);
        if (l == 0) break;
        const conv_layer *before = &self->layer[l - 1];
        const dual_shape shape = dual_of(self, before);
        backend->dual_reverse(backend, &shape, lane->h[l - 1], below, sums + before->bias_gradient);
        real *kept = bar;
        bar = below;
        below = kept;
    }
    store(b, first, below, b->zbar);
}

static void reverse_group(void *argument, size_t group, size_t thread) {
    const batch *b = argument;
    conv_field *self = b->self;
    real *sums = self->sums + group * self->sums_stride;
    if (group >= self->groups_used) self->backend->zero(self->backend, self->sums_stride, sums);
    for (size_t chunk = group * b->chunks / b->groups; chunk < (group + 1) * b->chunks / b->groups; chunk++)
        reverse_chunk(b, chunk, &self->lanes[thread], sums);
}

static status conv_field_backward(field *base, size_t n, const real *z, const real *e, const field_values *bar,
                                  const field_values *out, real *zbar) {
    conv_field *self = (conv_field *)base;
    batch b = {.self = self, .n = n, .z = z, .e = e, .bar = bar, .out = out, .zbar = zbar};
    b.chunks = conv_field_chunks(self, n);
    b.groups = b.chunks < CONV_GROUPS ? b.chunks : CONV_GROUPS;
    parallel_for(self->workers, b.groups, reverse_group, &b);
    if (b.groups > self->groups_used) self->groups_used = b.groups;
    return STATUS_OK;
}

conv_field_spec conv_field_specify(const image_spec *model, const image_flow *flow, activation function) {
    conv_field_spec spec = {.channels = flow->channels,
                            .height = flow->height,
                            .width = flow->width,
                            .hidden_layers = model->hidden_layers,
                            .function = function,
                            .layer = model->layer,
                            .context = 1,
                            .fed = 1};
    memcpy(spec.hidden, model->hidden, sizeof spec.hidden);
    if (model->architecture == IMAGE_FFJORD) return spec;
    if (model->layer == IMAGE_CONCAT) spec.layer = IMAGE_IGNORE; /* z* is joined to z alone, or not at all */
    spec.fed = model->fed;
    spec.joined = model->variant == IMAGE_PAPER ? flow->channels : 0;
    spec.context = flow->channels * flow->height * flow->width;
    return spec;
}

static status check(const conv_field_spec *s, failure *why) {
    if (!s->channels || !s->height || !s->width)
        return fail(why, STATUS_INVALID, "field on images of %zu x %zu x %zu: expected none of them to be 0",
                    s->channels, s->height, s->width);
    if (s->hidden_layers < 1 || s->hidden_layers > IMAGE_HIDDEN_MAX)
        return fail(why, STATUS_INVALID, "%zu hidden layers: expected 1 to %d", s->hidden_layers, IMAGE_HIDDEN_MAX);
    if (s->layer != IMAGE_IGNORE && (s->fed < 1 || s->fed > s->context))
        return fail(why, STATUS_INVALID, "layers see %zu entries of the context: expected 1 to %zu", s->fed,
                    s->context);
    if (s->joined * s->height * s->width > s->context)
        return fail(why, STATUS_INVALID, "context of %zu entries: %zu channels of it cannot be joined", s->context,
                    s->joined);
    if (s->joined && s->layer == IMAGE_CONCAT)
        return fail(why, STATUS_INVALID, "a context is joined as an image or as channels of one value, not both");
    return STATUS_OK;
}

static void declare(conv_field *self, const char *prefix, parameter_table *table) {
    const conv_field_spec *s = &self->spec;
    /* To the intake a context of channels is a part of the input. */
    const image_layer kind = s->layer == IMAGE_CONCAT ? IMAGE_IGNORE : s->layer;
    for (size_t l = 0; l < self->layers; l++) {
        conv_layer *layer = &self->layer[l];
        char name[PARAMETER_NAME_MAX];
        layer->in = l > 0 ? s->hidden[l - 1] : s->channels;
        layer->out = l + 1 < self->layers ? s->hidden[l] : s->channels;
        layer->extra = s->layer == IMAGE_CONCAT ? s->fed : l == 0 ? s->joined : 0;
        layer->first_data = s->layer == IMAGE_CONCAT ? layer->extra : 0;
        layer->first_extra = s->layer == IMAGE_CONCAT ? 0 : layer->in;
        layer->inputs = layer->in + layer->extra;
        layer->weights = layer->out * layer->inputs * CONV_TAPS;
        snprintf(name, sizeof name, "%.24s.%zu", prefix, l);
        intake_declare(&layer->in_context, kind, layer->out, layer->inputs * CONV_TAPS, s->fed, name, table);
    }
}

/* edges, each (h w), for the device <- a pixel's vector of nine, and of as many as there are pixels. */
static status place_pixels(conv_field *self, uint32_t **edges, uint32_t **each) {
    const backend_ops *backend = self->backend;
    const size_t h = self->spec.height, w = self->spec.width, bytes = self->pixels * sizeof **edges;
    arena draft = {0};
    uint32_t *nine, *all;
    status made = ARENA_NEW(&draft, self->pixels, &nine);
    if (made == STATUS_OK) made = ARENA_NEW(&draft, self->pixels, &all);
    if (made == STATUS_OK) made = BACKEND_NEW(backend, &self->memory, self->pixels, edges);
    if (made == STATUS_OK) made = BACKEND_NEW(backend, &self->memory, self->pixels, each);
    if (made == STATUS_OK) {
        for (uint32_t p = 0; p < self->pixels; p++) {
            const size_t i = p / w, j = p % w;
            const uint32_t row = i == 0 ? 0 : i + 1 == h ? 2 : 1, column = j == 0 ? 0 : j + 1 == w ? 2 : 1;
            nine[p] = 3 * row + column;
            all[p] = p;
        }
        backend->upload(backend, bytes, nine, *edges);
        backend->upload(backend, bytes, all, *each);
    }
    arena_release(&draft);
    return made;
}

/* Where the bias of a pixel is: of one value's channels by rows and columns at the first, a middle or the last place;
 * of an image's for each pixel. */
static status place_biases(conv_field *self) {
    const size_t h = self->spec.height, w = self->spec.width;
    uint32_t *edges = NULL, *each = NULL;
    TRY(place_pixels(self, &edges, &each));
    for (size_t l = 0; l < self->layers; l++) {
        conv_layer *layer = &self->layer[l];
        const bool image = layer->extra && self->spec.layer != IMAGE_CONCAT;
        /* One row or column is the first and the last at once, which nine vectors don't tell apart. */
        const bool narrow = h < 2 || w < 2;
        layer->bias_count = !layer->extra ? 1 : image || narrow ? self->pixels : CONV_TAPS;
        layer->bias_of = !layer->extra ? NULL : image || narrow ? each : edges;
    }
    return STATUS_OK;
}

static status make_lane(conv_field *self, conv_lane *lane) {
    const backend_ops *backend = self->backend;
    const conv_field_spec *s = &self->spec;
    const size_t stack = 2 * self->chunk * self->pixels;
    size_t widest = s->channels, scratch = 0;
    TRY(BACKEND_NEW(backend, &self->memory, stack * s->channels, &lane->input));
    for (size_t l = 0; l < self->layers; l++) {
        const conv_layer *layer = &self->layer[l];
        const conv_shape shape = {2 * self->chunk, s->height, s->width, layer->in, layer->out};
        TRY(conv_create_bare(self->backend, shape, s->method, s->math, &lane->convs[l]));
        if (conv_scratch_reals(lane->convs[l]) > scratch) scratch = conv_scratch_reals(lane->convs[l]);
        TRY(BACKEND_NEW(backend, &self->memory, stack * layer->out, &lane->h[l]));
        if (l + 1 < self->layers) TRY(BACKEND_NEW(backend, &self->memory, stack * layer->out, &lane->y[l]));
        if (layer->out > widest) widest = layer->out;
    }
    for (size_t i = 0; i < 2; i++) TRY(BACKEND_NEW(backend, &self->memory, stack * widest, &lane->cotangent[i]));
    if (scratch) TRY(BACKEND_NEW(backend, &self->memory, scratch, &lane->scratch));
    for (size_t l = 0; l < self->layers; l++) conv_lend(lane->convs[l], lane->scratch);
    return STATUS_OK;
}

static size_t aligned(size_t reals) {
    return (reals + LANES - 1) / LANES * LANES;
}

static status build(conv_field *self) {
    const backend_ops *backend = self->backend;
    arena *memory = &self->memory;
    TRY(place_biases(self));
    TRY(ARENA_NEW(memory, self->threads, &self->lanes));
    for (size_t i = 0; i < self->threads; i++) TRY(make_lane(self, &self->lanes[i]));
    size_t largest = 0, largest_whole = 0;
    for (size_t l = 0; l < self->layers; l++) {
        conv_layer *layer = &self->layer[l];
        const conv *one = self->lanes[0].convs[l];
        TRY(BACKEND_NEW(backend, memory, conv_forward_reals(one), &layer->forward));
        TRY(BACKEND_NEW(backend, memory, conv_reverse_reals(one), &layer->reverse));
        TRY(intake_build(&layer->in_context, backend, memory));
        TRY(BACKEND_NEW(backend, memory, layer->bias_count * layer->out, &layer->biases));
        layer->gradient = self->sums_stride;
        layer->bias_gradient = layer->gradient + aligned(conv_gradient_reals(one));
        self->sums_stride = layer->bias_gradient + aligned(layer->bias_count * layer->out);
        const size_t packed = layer->out * layer->in * CONV_TAPS;
        if (packed > largest) largest = packed;
        if (layer->weights + layer->out > largest_whole) largest_whole = layer->weights + layer->out;
    }
    TRY(BACKEND_NEW(backend, memory, CONV_GROUPS * self->sums_stride, &self->sums));
    TRY(BACKEND_NEW(backend, memory, largest_whole, &self->whole_bar));
    return BACKEND_NEW(backend, memory, largest, &self->packing);
}

static size_t conv_field_bytes(const field *base) {
    const conv_field *self = (const conv_field *)base;
    size_t bytes = self->memory.bytes;
    for (size_t i = 0; i < self->threads; i++)
        for (size_t l = 0; l < self->layers; l++) bytes += conv_bytes(self->lanes[i].convs[l]);
    return bytes;
}

static void conv_field_destroy(field *base) {
    conv_field *self = (conv_field *)base;
    if (self->lanes)
        for (size_t i = 0; i < self->threads; i++)
            for (size_t l = 0; l < CONV_LAYERS_MAX; l++) conv_destroy(&self->lanes[i].convs[l]);
    arena memory = self->memory;
    arena_release(&memory);
}

static const field_ops conv_field_ops = {
    .initialise = conv_field_initialise,
    .bind = conv_field_bind,
    .prepare = conv_field_prepare,
    .forward = conv_field_forward,
    .backward = conv_field_backward,
    .accumulate = conv_field_accumulate,
    .bytes = conv_field_bytes,
    .destroy = conv_field_destroy,
};

status conv_field_create(const conv_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                         parameter_table *table, field **out, failure *why) {
    TRY(check(spec, why));
    arena memory = {0};
    conv_field *self;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a field");
    self->spec = *spec;
    self->backend = backend;
    self->workers = backend->concurrent ? workers : NULL;
    self->memory = memory;
    self->threads = parallel_threads(self->workers);
    self->layers = spec->hidden_layers + 1;
    self->pixels = spec->height * spec->width;
    self->dimension = self->pixels * spec->channels;
    self->chunk = backend->images_together(backend, self->pixels, spec->batch);
    self->base = (field){.ops = &conv_field_ops,
                         .name = "conv",
                         .backend = backend,
                         .dimension = self->dimension,
                         .context = spec->context};
    const parameter_table before = *table;
    declare(self, prefix, table);
    const status built = build(self);
    if (built != STATUS_OK) {
        *table = before;
        failure_describe(why, "no field could be made: %s",
                         built == STATUS_MEMORY ? "out of memory" : "a convolution was refused");
        conv_field_destroy(&self->base);
        return built;
    }
    *out = &self->base;
    return STATUS_OK;
}
