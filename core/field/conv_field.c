/* conv_field.c - the field on images: from parameters and context to the numbers of its layers, a batch through them,
 * and both ways back.
 *
 * At an instant a layer is one weight (out, inputs, 3, 3) and one bias (out), which its intake makes. What the weight
 * has for channels of z is packed for convolutions; what it has for channels of the context c becomes vectors of bias
 * (context_bias).
 *
 * The batch is cut into chunks of as many images as the backend works on together: few on a processor, whose
 * activations then stay near the core. Each chunk goes through all layers, both ways. */
#include "field/conv_field.h"

#include <stdio.h>
#include <string.h>

#include "backend/conv.h"
#include "backend/memory.h"
#include "field/chunked.h"
#include "field/layers/intake.h"

enum { CONV_LAYERS_MAX = IMAGE_HIDDEN_MAX + 1 };

/* One convolution. Its weight has `inputs` channels (out, inputs, 3, 3), of which those from first_data on are z's or
 * a hidden layer's, and the others the context's. */
typedef struct conv_layer {
    size_t in, out; /* channels that are convolved */
    size_t inputs; /* in + extra */
    size_t extra; /* channels of the context */
    size_t first_data, first_extra;
    intake
        /* (out, inputs 9): weight and bias at an instant; what it has for the context's channels is a bias. */
        in_context;
    size_t weights; /* out inputs 9, numbers of the whole weight */

    size_t bias_count; /* K, vectors of bias */
    const uint32_t *bias_of; /* (h w), of each pixel; NULL where K = 1 */

    real *forward, *backward; /* packed weights */
    real *biases; /* (K, out) */
    size_t gradient, bias_gradient; /* offsets in a group's sums: packed, and (K, out) */
} conv_layer;

/* What one thread needs for one chunk: images in stacks of two halves, values and tangents. */
typedef struct conv_workspace {
    conv *convs[CONV_LAYERS_MAX];
    real *input; /* (2, chunk, h, w, c) */
    real *h[CONV_LAYERS_MAX]; /* (2, chunk, h, w, out), what convolutions give; the last is f and J e */
    real *y[CONV_LAYERS_MAX]; /* the same after the activation */
    real *cotangent[2]; /* (2, chunk, h, w, widest) */
    real *scratch; /* of all its convolutions */
} conv_workspace;

typedef struct conv_field {
    chunked of; /* a chunk: images worked on together */
    conv_field_spec spec;
    size_t layers; /* L + 1 */
    conv_layer layer[CONV_LAYERS_MAX];
    size_t pixels; /* h w */
    conv_workspace *workspaces; /* (threads) */
    real *packing; /* (largest out in 9) */
    real *whole_bar; /* (largest weights + out), while accumulating */
} conv_field;

static conv_field *as_conv(const field *self) {
    return (conv_field *)self;
}

/* --- Parameters and context --- */

static void initialise(const field *base, uint64_t seed, real *params) {
    const conv_field *self = as_conv(base);
    for (size_t l = 0; l < self->layers; l++) intake_initialise(&self->layer[l].in_context, 0.01, seed, params);
}

/* The part of a layer's weight that is convolved, (out, in 9), is `row` of every `stride` reals. */
typedef struct convolved {
    size_t first, row, stride;
} convolved;

static convolved convolved_of(const conv_layer *layer) {
    return (convolved){
        .first = layer->first_data * CONV_TAPS, .row = layer->in * CONV_TAPS, .stride = layer->inputs * CONV_TAPS};
}

static void pack(conv_field *self, size_t l) {
    const backend_ops *backend = self->of.base.backend;
    const conv_layer *layer = &self->layer[l];
    const convolved part = convolved_of(layer);
    backend->copy_rows(backend, layer->out, part.row, layer->in_context.whole + part.first, part.stride, self->packing,
                       part.row);
    conv_pack(self->workspaces[0].convs[l], self->packing, layer->forward, layer->backward);
}

static void set_params(field *base, const real *params) {
    conv_field *self = as_conv(base);
    for (size_t l = 0; l < self->layers; l++) {
        intake_set_params(&self->layer[l].in_context, self->of.base.backend, params);
        if (!intake_moves(&self->layer[l].in_context)) pack(self, l);
    }
}

static context_shape context_of(const conv_field *self, const conv_layer *layer) {
    return (context_shape){.height = self->spec.height,
                           .width = self->spec.width,
                           .out = layer->out,
                           .inputs = layer->inputs,
                           .first = layer->first_extra,
                           .extra = layer->extra,
                           .shared = self->spec.layer == IMAGE_CONCAT,
                           .vectors = layer->bias_count};
}

static status prepare(field *base, const real *params, const real *c) {
    conv_field *self = as_conv(base);
    const backend_ops *backend = self->of.base.backend;
    for (size_t l = 0; l < self->layers; l++) {
        const conv_layer *layer = &self->layer[l];
        intake_prepare(&layer->in_context, backend, params, c);
        if (intake_moves(&layer->in_context)) pack(self, l);
        backend->copy_rows(backend, layer->bias_count, layer->out, layer->in_context.whole + layer->weights, 0,
                           layer->biases, layer->out);
        if (!layer->extra) continue;
        const context_shape shape = context_of(self, layer);
        backend->context_bias(backend, &shape, layer->in_context.whole, c, layer->biases);
    }
    return STATUS_OK;
}

/* whole_bar (weights + out) <- cotangents of a layer's weight and bias at this instant, from the sums; and cbar. */
static void unfold(conv_field *self, size_t l, const real *c, real *cbar) {
    const backend_ops *backend = self->of.base.backend;
    const conv_layer *layer = &self->layer[l];
    const convolved part = convolved_of(layer);
    const real *bias_bar = self->of.sums + layer->bias_gradient;
    backend->zero(backend, layer->weights + layer->out, self->whole_bar);
    conv_unpack(self->workspaces[0].convs[l], self->of.sums + layer->gradient, self->packing);
    backend->copy_rows(backend, layer->out, part.row, self->packing, part.row, self->whole_bar + part.first,
                       part.stride);
    backend->add_rows(backend, layer->bias_count, layer->out, bias_bar, layer->out, self->whole_bar + layer->weights);
    if (!layer->extra) return;
    const context_shape shape = context_of(self, layer);
    backend->context_bias_backward(backend, &shape, layer->in_context.whole, c, bias_bar, self->whole_bar, cbar);
}

static status accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    conv_field *self = as_conv(base);
    const backend_ops *backend = self->of.base.backend;
    backend->zero(backend, self->spec.context, cbar);
    chunked_add_groups(&self->of);
    for (size_t l = 0; l < self->layers; l++) {
        unfold(self, l, c, cbar);
        intake_accumulate(&self->layer[l].in_context, backend, params, c, self->whole_bar, NULL, gradient, cbar);
    }
    return STATUS_OK;
}

/* --- A batch --- */

/* One half of a stack (chunk, D) <- images of x (n, D) from `first` on; zeros for missing ones and for x NULL. */
static void load(const conv_field *self, size_t first, size_t images, const real *x, real *half) {
    const backend_ops *backend = self->of.base.backend;
    const size_t D = self->of.base.dimension, there = x ? images : 0;
    if (x) backend->copy(backend, there * D, x + first * D, half);
    if (there < self->of.chunk) backend->zero(backend, (self->of.chunk - there) * D, half + there * D);
}

static dual_shape dual_of(const conv_field *self, const conv_layer *layer) {
    return (dual_shape){.function = self->spec.function,
                        .images = self->of.chunk,
                        .pixels = self->pixels,
                        .channels = layer->out,
                        .vectors = layer->bias_count,
                        .bias_of = layer->bias_of};
}

/* A chunk through all layers, to f and J e, which are returned. Where keep, every layer's numbers stay for the way
 * back; otherwise two buffers do. */
static real *run(const conv_field *self, conv_workspace *workspace, bool keep) {
    const backend_ops *backend = self->of.base.backend;
    const real *x = workspace->input;
    for (size_t l = 0;; l++) {
        const conv_layer *layer = &self->layer[l];
        const dual_shape shape = dual_of(self, layer);
        const bool last = l + 1 == self->layers;
        real *h = keep || last ? workspace->h[l] : workspace->cotangent[0],
             *y = keep ? workspace->y[l] : workspace->cotangent[1];
        conv_forward(workspace->convs[l], layer->forward, x, h);
        if (last) {
            backend->bias_add(backend, &shape, layer->biases, h);
            return h;
        }
        backend->dual_activate(backend, &shape, layer->biases, keep, h, y);
        x = y;
    }
}

/* The chunk's z and e through all layers; and what is wanted of f and J e, which are returned. */
static const real *evaluate(const field_batch *b, size_t first, size_t images, conv_workspace *workspace, bool keep) {
    const conv_field *self = as_conv(b->self);
    const size_t half = self->of.chunk * b->self->dimension;
    load(self, first, images, b->z, workspace->input);
    load(self, first, images, b->e, workspace->input + half);
    const real *last = run(self, workspace, keep);
    field_give(b, first, images, last, workspace->input + half, last + half);
    return last;
}

static void forward_chunk(const field_batch *b, size_t first, size_t images, size_t thread) {
    evaluate(b, first, images, &as_conv(b->self)->workspaces[thread], false);
}

static void backward_chunk(const field_batch *b, size_t first, size_t images, size_t thread, real *sums) {
    const conv_field *self = as_conv(b->self);
    const backend_ops *backend = b->self->backend;
    conv_workspace *workspace = &self->workspaces[thread];
    const size_t D = b->self->dimension, half = self->of.chunk * D, missing = (self->of.chunk - images) * D;
    const real *last = evaluate(b, first, images, workspace, true);
    real *bar = workspace->cotangent[0], *below = workspace->cotangent[1];
    field_take(b, first, images, last, workspace->input + half, last + half, bar, bar + half);
    if (missing > 0) backend->zero(backend, missing, bar + images * D);
    if (missing > 0) backend->zero(backend, missing, bar + half + images * D);
    size_t l = self->layers - 1;
    const dual_shape top = dual_of(self, &self->layer[l]);
    backend->bias_backward(backend, &top, bar, sums + self->layer[l].bias_gradient);
    for (;; l--) {
        const conv_layer *layer = &self->layer[l];
        conv_backward_weight(workspace->convs[l], l > 0 ? workspace->y[l - 1] : workspace->input, bar,
                             sums + layer->gradient);
        conv_backward_data(workspace->convs[l], layer->backward, bar, below);
        if (l == 0) break;
        const conv_layer *before = &self->layer[l - 1];
        const dual_shape shape = dual_of(self, before);
        backend->dual_backward(backend, &shape, workspace->h[l - 1], below, sums + before->bias_gradient);
        real *kept = bar;
        bar = below;
        below = kept;
    }
    backend->copy(backend, images * D, below, b->zbar + first * D);
}

/* --- Making --- */

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

static status check(const conv_field_spec *s, error_info *err) {
    if (!s->channels || !s->height || !s->width)
        return error_set(err, STATUS_INVALID, "field on images of %zu x %zu x %zu: expected none of them to be 0",
                         s->channels, s->height, s->width);
    if (s->hidden_layers < 1 || s->hidden_layers > IMAGE_HIDDEN_MAX)
        return error_set(err, STATUS_INVALID, "%zu hidden layers: expected 1 to %d", s->hidden_layers,
                         IMAGE_HIDDEN_MAX);
    if (s->layer != IMAGE_IGNORE && (s->fed < 1 || s->fed > s->context))
        return error_set(err, STATUS_INVALID, "layers see %zu entries of the context: expected 1 to %zu", s->fed,
                         s->context);
    if (s->joined * s->height * s->width > s->context)
        return error_set(err, STATUS_INVALID, "context of %zu entries: %zu channels of it cannot be joined", s->context,
                         s->joined);
    if (s->joined && s->layer == IMAGE_CONCAT)
        return error_set(err, STATUS_INVALID, "a context is joined as an image or as channels of one value, not both");
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
    const backend_ops *backend = self->of.base.backend;
    const size_t h = self->spec.height, w = self->spec.width, bytes = self->pixels * sizeof **edges;
    arena draft = {0};
    uint32_t *nine, *all;
    status made = ARENA_NEW(&draft, self->pixels, &nine);
    if (made == STATUS_OK) made = ARENA_NEW(&draft, self->pixels, &all);
    if (made == STATUS_OK) made = BACKEND_NEW(backend, &self->of.base.memory, self->pixels, edges);
    if (made == STATUS_OK) made = BACKEND_NEW(backend, &self->of.base.memory, self->pixels, each);
    if (made == STATUS_OK) {
        for (uint32_t p = 0; p < self->pixels; p++) {
            const size_t i = p / w, j = p % w;
            const uint32_t row = i == 0 ? 0 : i + 1 == h ? 2 : 1, column = j == 0 ? 0 : j + 1 == w ? 2 : 1;
            nine[p] = 3 * row + column;
            all[p] = p;
        }
        backend->copy_to_device(backend, bytes, nine, *edges);
        backend->copy_to_device(backend, bytes, all, *each);
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

static status make_workspace(conv_field *self, conv_workspace *workspace) {
    const backend_ops *backend = self->of.base.backend;
    const conv_field_spec *s = &self->spec;
    const size_t stack = 2 * self->of.chunk * self->pixels;
    size_t widest = s->channels, scratch = 0;
    TRY(BACKEND_NEW(backend, &self->of.base.memory, stack * s->channels, &workspace->input));
    for (size_t l = 0; l < self->layers; l++) {
        const conv_layer *layer = &self->layer[l];
        const conv_shape shape = {2 * self->of.chunk, s->height, s->width, layer->in, layer->out};
        TRY(conv_create_bare(self->of.base.backend, shape, s->method, s->math, &workspace->convs[l]));
        if (conv_scratch_reals(workspace->convs[l]) > scratch) scratch = conv_scratch_reals(workspace->convs[l]);
        TRY(BACKEND_NEW(backend, &self->of.base.memory, stack * layer->out, &workspace->h[l]));
        if (l + 1 < self->layers)
            TRY(BACKEND_NEW(backend, &self->of.base.memory, stack * layer->out, &workspace->y[l]));
        if (layer->out > widest) widest = layer->out;
    }
    for (size_t i = 0; i < 2; i++)
        TRY(BACKEND_NEW(backend, &self->of.base.memory, stack * widest, &workspace->cotangent[i]));
    if (scratch) TRY(BACKEND_NEW(backend, &self->of.base.memory, scratch, &workspace->scratch));
    for (size_t l = 0; l < self->layers; l++) conv_lend(workspace->convs[l], workspace->scratch);
    return STATUS_OK;
}

static size_t aligned(size_t reals) {
    return (reals + PARTIAL_SUMS - 1) / PARTIAL_SUMS * PARTIAL_SUMS;
}

static status build(conv_field *self) {
    const backend_ops *backend = self->of.base.backend;
    arena *memory = &self->of.base.memory;
    TRY(place_biases(self));
    TRY(ARENA_NEW(memory, self->of.threads, &self->workspaces));
    for (size_t i = 0; i < self->of.threads; i++) TRY(make_workspace(self, &self->workspaces[i]));
    size_t largest = 0, largest_whole = 0;
    for (size_t l = 0; l < self->layers; l++) {
        conv_layer *layer = &self->layer[l];
        const conv *one = self->workspaces[0].convs[l];
        TRY(BACKEND_NEW(backend, memory, conv_forward_reals(one), &layer->forward));
        TRY(BACKEND_NEW(backend, memory, conv_backward_reals(one), &layer->backward));
        TRY(intake_build(&layer->in_context, backend, memory));
        TRY(BACKEND_NEW(backend, memory, layer->bias_count * layer->out, &layer->biases));
        layer->gradient = self->of.stride;
        layer->bias_gradient = layer->gradient + aligned(conv_gradient_reals(one));
        self->of.stride = layer->bias_gradient + aligned(layer->bias_count * layer->out);
        const size_t packed = layer->out * layer->in * CONV_TAPS;
        if (packed > largest) largest = packed;
        if (layer->weights + layer->out > largest_whole) largest_whole = layer->weights + layer->out;
    }
    TRY(BACKEND_NEW(backend, memory, CHUNKED_GROUPS * self->of.stride, &self->of.sums));
    TRY(BACKEND_NEW(backend, memory, largest_whole, &self->whole_bar));
    return BACKEND_NEW(backend, memory, largest, &self->packing);
}

static size_t bytes(const field *base) {
    const conv_field *self = as_conv(base);
    size_t all = base->memory.bytes;
    for (size_t i = 0; i < self->of.threads; i++)
        for (size_t l = 0; l < self->layers; l++) all += conv_bytes(self->workspaces[i].convs[l]);
    return all;
}

static void destroy(field *base) {
    conv_field *self = as_conv(base);
    for (size_t i = 0; self->workspaces && i < self->of.threads; i++)
        for (size_t l = 0; l < CONV_LAYERS_MAX; l++) conv_destroy(&self->workspaces[i].convs[l]);
}

static const field_ops ops = {
    .initialise = initialise,
    .set_params = set_params,
    .prepare = prepare,
    .forward = chunked_forward,
    .backward = chunked_backward,
    .accumulate = accumulate,
    .bytes = bytes,
    .destroy = destroy,
};

status conv_field_create(const conv_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                         parameter_table *table, field **out, error_info *err) {
    const size_t pixels = spec->height * spec->width;
    const field about = {.ops = &ops,
                         .name = "conv",
                         .backend = backend,
                         .dimension = pixels * spec->channels,
                         .context = spec->context};
    const parameter_table before = *table;
    field *made;
    TRY(check(spec, err));
    TRY(field_new(sizeof(conv_field), &about, &made, err));
    conv_field *self = as_conv(made);
    self->spec = *spec;
    self->layers = spec->hidden_layers + 1;
    self->pixels = pixels;
    self->of.chunk = backend->images_together(backend, pixels, spec->batch);
    self->of.forward = forward_chunk;
    self->of.backward = backward_chunk;
    chunked_share(&self->of, workers);
    declare(self, prefix, table);
    const status built = build(self);
    if (built != STATUS_OK) *table = before;
    return field_finish(made, built, out, err);
}
