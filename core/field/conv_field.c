/* conv_field.c - 3 x 3 convolutions in a stack (layers/stack.h).
 *
 * At one time, a layer is one weight (out, inputs, 3, 3) and one bias (out), which its intake computes. The weight's
 * part for channels of z is packed for convolutions; its part for channels of the context c becomes vectors of bias
 * (context_bias).
 *
 * Self-attention (layers/attention.h) is a part of the last layer, before its convolution.
 *
 * The batch is cut into chunks of as many images as the backend processes together: few on a processor, so that
 * activations stay in its cache. */
#include "field/conv_field.h"

#include <stdio.h>
#include <string.h>

#include "backend/conv.h"
#include "backend/memory.h"
#include "field/layers/attention.h"
#include "field/layers/stack.h"

_Static_assert((int)STACK_LAYERS_MAX > (int)IMAGE_HIDDEN_MAX, "layers of a field on images");

/* Positions of the channels of z or of a hidden layer, and of the context, in a convolution's weight (out, inputs,
 * 3, 3). */
typedef struct conv_inputs {
    size_t all; /* in + extra */
    size_t extra; /* channels of the context */
    size_t first_data, first_extra;
} conv_inputs;

typedef struct conv_field {
    stack of;
    conv_field_spec spec;
    conv_inputs inputs[STACK_LAYERS_MAX];
    conv *(*convs)[STACK_LAYERS_MAX]; /* (threads) */
    real *packing; /* (largest out in 9) */
    attention attention; /* heads 0: none */
    struct {
        real *y; /* (2, chunk, pixels, hidden): the last convolution's input */
        real *scratch;
    } * attended; /* (threads) */
    size_t attention_gradient; /* where that of its weights begins in the last layer's */
} conv_field;

static conv_field *as_conv(const void *self) {
    return (conv_field *)self;
}

/* Whether attention comes before layer l. */
static bool attends(const conv_field *self, size_t l) {
    return self->spec.attention_heads > 0 && l + 1 == self->of.layers;
}

/* --- Layers --- */

/* The convolved part of a layer's weight, (out, in 9): `row` of every `stride` reals. */
typedef struct convolved {
    size_t first, row, stride;
} convolved;

static convolved convolved_of(const conv_field *self, size_t l) {
    return (convolved){.first = self->inputs[l].first_data * CONV_TAPS,
                       .row = self->of.layer[l].in * CONV_TAPS,
                       .stride = self->inputs[l].all * CONV_TAPS};
}

static void pack(stack *of, size_t l, real *forward, real *reverse) {
    const conv_field *self = as_conv(of);
    const backend_ops *backend = of->of.base.backend;
    const stack_layer *layer = &of->layer[l];
    const convolved part = convolved_of(self, l);
    const real *weight = layer->in_context.whole + part.first;
    if (part.row < part.stride) {
        backend->copy_rows(backend, layer->out, part.row, weight, part.stride, self->packing, part.row);
        weight = self->packing;
    }
    conv_pack(self->convs[0][l], weight, forward, reverse);
}

static context_shape context_of(const conv_field *self, size_t l) {
    return (context_shape){.height = self->spec.height,
                           .width = self->spec.width,
                           .out = self->of.layer[l].out,
                           .inputs = self->inputs[l].all,
                           .first = self->inputs[l].first_extra,
                           .extra = self->inputs[l].extra,
                           .shared = self->spec.layer == IMAGE_CONCAT,
                           .vectors = self->of.layer[l].vectors};
}

static void see(stack *of, size_t l, const real *c) {
    const backend_ops *backend = of->of.base.backend;
    const context_shape shape = context_of(as_conv(of), l);
    if (shape.extra) backend->context_bias(backend, &shape, of->layer[l].in_context.whole, c, of->layer[l].bias);
}

static void unfold(stack *of, size_t l, const real *c, real *cbar) {
    const conv_field *self = as_conv(of);
    const backend_ops *backend = of->of.base.backend;
    const stack_layer *layer = &of->layer[l];
    const convolved part = convolved_of(self, l);
    const context_shape shape = context_of(self, l);
    conv_unpack(self->convs[0][l], of->of.sums + layer->gradient, self->packing);
    backend->copy_rows(backend, layer->out, part.row, self->packing, part.row, of->whole_bar + part.first, part.stride);
    if (shape.extra)
        backend->context_bias_backward(backend, &shape, layer->in_context.whole, c, of->of.sums + layer->bias_gradient,
                                       of->whole_bar, cbar);
}

static void multiply(const stack *of, size_t l, size_t rows, size_t thread, const real *x, real *h) {
    const conv_field *self = as_conv(of);
    const backend_ops *backend = of->of.base.backend;
    (void)rows;
    if (attends(self, l)) {
        backend->attention(backend, &self->attention.shape, self->attention.packed, x, self->attended[thread].y,
                           self->attended[thread].scratch);
        x = self->attended[thread].y;
    }
    conv_forward(self->convs[thread][l], of->layer[l].forward, x, h);
}

static void backward(const stack *of, size_t l, size_t rows, size_t thread, const real *x, const real *bar, real *below,
                     real *gradient) {
    const conv_field *self = as_conv(of);
    const backend_ops *backend = of->of.base.backend;
    conv *one = self->convs[thread][l];
    (void)rows;
    conv_backward_weight(one, attends(self, l) ? self->attended[thread].y : x, bar, gradient);
    conv_backward_data(one, of->layer[l].backward, bar, below);
    if (attends(self, l))
        backend->attention_backward(backend, &self->attention.shape, self->attention.packed, x, below,
                                    gradient + self->attention_gradient, self->attended[thread].scratch);
}

static const stack_ops layers = {
    .pack = pack, .see = see, .unfold = unfold, .multiply = multiply, .backward = backward};

/* --- The attention's parameters --- */

static void initialise(const field *base, uint64_t seed, real *params) {
    const conv_field *self = as_conv(base);
    stack_initialise(base, seed, params);
    if (self->spec.attention_heads) attention_initialise(&self->attention, seed, params);
}

static void set_params(field *base, const real *params) {
    const conv_field *self = as_conv(base);
    stack_set_params(base, params);
    if (self->spec.attention_heads) attention_set_params(&self->attention, base->backend, params);
}

static status accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    const conv_field *self = as_conv(base);
    const stack_layer *last = &self->of.layer[self->of.layers - 1];
    TRY(stack_accumulate(base, params, c, gradient, cbar));
    if (self->spec.attention_heads)
        attention_accumulate(&self->attention, base->backend,
                             self->of.of.sums + last->gradient + self->attention_gradient, gradient);
    return STATUS_OK;
}

/* --- Creation --- */

conv_field_spec conv_field_specify(const image_spec *model, const image_flow *flow, activation function) {
    conv_field_spec spec = {.channels = flow->channels,
                            .height = flow->height,
                            .width = flow->width,
                            .hidden_layers = model->hidden_layers,
                            .function = function,
                            .layer = model->layer,
                            .context = 1,
                            .fed = 1,
                            .attention_heads = model->attention_heads,
                            .attention_channels = model->attention_channels};
    memcpy(spec.hidden, model->hidden, sizeof spec.hidden);
    if (model->architecture == IMAGE_FFJORD) return spec;
    if (model->layer == IMAGE_CONCAT) spec.layer = IMAGE_IGNORE; /* z* is concatenated with z alone, or not at all */
    spec.fed = model->fed;
    spec.joined = model->variant == IMAGE_PAPER ? flow->channels : 0;
    spec.context = flow->channels * flow->height * flow->width;
    return spec;
}

static status check(const conv_field_spec *s, const backend_ops *backend, error_info *err) {
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
    if (s->attention_heads && (!s->attention_channels || s->attention_channels % s->attention_heads))
        return error_set(err, STATUS_INVALID, "attention of %zu channels: expected a multiple of its %zu heads",
                         s->attention_channels, s->attention_heads);
    if (s->attention_heads && !backend->attention)
        return error_set(err, STATUS_INVALID, "attention: device %s does not have it; use --device cpu", backend->name);
    return STATUS_OK;
}

static void declare(conv_field *self, const char *prefix, parameter_table *table) {
    const conv_field_spec *s = &self->spec;
    /* For the intake, a context of channels is a part of the input. */
    const image_layer kind = s->layer == IMAGE_CONCAT ? IMAGE_IGNORE : s->layer;
    const size_t L = s->hidden_layers;
    for (size_t l = 0; l <= L; l++) {
        stack_layer *layer = &self->of.layer[l];
        conv_inputs *inputs = &self->inputs[l];
        char name[PARAMETER_NAME_MAX];
        layer->in = layer->wide_in = l > 0 ? s->hidden[l - 1] : s->channels;
        layer->out = layer->wide_out = l < L ? s->hidden[l] : s->channels;
        inputs->extra = s->layer == IMAGE_CONCAT ? s->fed : l == 0 ? s->joined : 0;
        inputs->first_data = s->layer == IMAGE_CONCAT ? inputs->extra : 0;
        inputs->first_extra = s->layer == IMAGE_CONCAT ? 0 : layer->in;
        inputs->all = layer->in + inputs->extra;
        snprintf(name, sizeof name, "%.24s.%zu", prefix, l);
        intake_declare(&layer->in_context, kind, layer->out, inputs->all * CONV_TAPS, s->fed, name, table);
    }
    if (!s->attention_heads) return;
    self->attention.shape = (attention_shape){.images = self->of.of.chunk,
                                              .pixels = self->of.pixels,
                                              .channels = s->hidden[L - 1],
                                              .heads = s->attention_heads,
                                              .size = s->attention_channels / s->attention_heads};
    attention_declare(&self->attention, prefix, table);
}

/* places (2, h w), on the device <- the index of each pixel's vector: among nine, by rows and columns at the first, a
 * middle or the last position; and among one per pixel. */
static status place_pixels(conv_field *self, uint32_t **places) {
    const backend_ops *backend = self->of.of.base.backend;
    const size_t h = self->spec.height, w = self->spec.width, pixels = self->of.pixels;
    arena draft = {0};
    uint32_t *index;
    status made = ARENA_NEW(&draft, 2 * pixels, &index);
    if (made == STATUS_OK) made = BACKEND_NEW(backend, &self->of.of.base.memory, 2 * pixels, places);
    for (uint32_t p = 0; made == STATUS_OK && p < pixels; p++) {
        const size_t i = p / w, j = p % w;
        const uint32_t row = i == 0 ? 0 : i + 1 == h ? 2 : 1, column = j == 0 ? 0 : j + 1 == w ? 2 : 1;
        index[p] = 3 * row + column;
        index[pixels + p] = p;
    }
    if (made == STATUS_OK) backend->copy_to_device(backend, 2 * pixels * sizeof *index, index, *places);
    arena_release(&draft);
    return made;
}

/* Constant channels have nine vectors of bias, an image one per pixel. */
static status place_biases(conv_field *self) {
    /* A single row or column is first and last at once, which nine vectors do not distinguish. */
    const bool nine = self->spec.layer == IMAGE_CONCAT && self->spec.height > 1 && self->spec.width > 1;
    uint32_t *places = NULL;
    TRY(place_pixels(self, &places));
    for (size_t l = 0; l < self->of.layers; l++) {
        const bool extra = self->inputs[l].extra > 0;
        self->of.layer[l].vectors = !extra ? 1 : nine ? CONV_TAPS : self->of.pixels;
        self->of.layer[l].bias_of = !extra ? NULL : nine ? places : places + self->of.pixels;
    }
    return STATUS_OK;
}

/* One thread's convolutions, which share their scratch. */
static status make_convs(conv_field *self, conv **convs) {
    const backend_ops *backend = self->of.of.base.backend;
    const conv_field_spec *s = &self->spec;
    size_t scratch = 0;
    real *shared = NULL;
    for (size_t l = 0; l < self->of.layers; l++) {
        const stack_layer *layer = &self->of.layer[l];
        const conv_shape shape = {2 * self->of.of.chunk, s->height, s->width, layer->in, layer->out};
        TRY(conv_create_bare(backend, shape, s->method, s->math, &convs[l]));
        if (conv_scratch_reals(convs[l]) > scratch) scratch = conv_scratch_reals(convs[l]);
    }
    if (scratch) TRY(BACKEND_NEW(backend, &self->of.of.base.memory, scratch, &shared));
    for (size_t l = 0; l < self->of.layers; l++) conv_lend(convs[l], shared);
    return STATUS_OK;
}

static status make_attention(conv_field *self) {
    const backend_ops *backend = self->of.of.base.backend;
    arena *memory = &self->of.of.base.memory;
    const attention_shape *shape = &self->attention.shape;
    stack_layer *last = &self->of.layer[self->of.layers - 1];
    self->attention_gradient = last->gradient_reals;
    last->gradient_reals += attention_weights(shape);
    TRY(attention_build(&self->attention, backend, memory));
    TRY(ARENA_NEW(memory, self->of.of.threads, &self->attended));
    for (size_t i = 0; i < self->of.of.threads; i++) {
        TRY(BACKEND_NEW(backend, memory, 2 * shape->images * shape->pixels * shape->channels, &self->attended[i].y));
        TRY(BACKEND_NEW(backend, memory, backend->attention_scratch(backend, shape), &self->attended[i].scratch));
    }
    return STATUS_OK;
}

static status build(conv_field *self) {
    arena *memory = &self->of.of.base.memory;
    size_t largest = 0;
    TRY(place_biases(self));
    TRY(ARENA_NEW(memory, self->of.of.threads, &self->convs));
    for (size_t i = 0; i < self->of.of.threads; i++) TRY(make_convs(self, self->convs[i]));
    for (size_t l = 0; l < self->of.layers; l++) {
        stack_layer *layer = &self->of.layer[l];
        const conv *one = self->convs[0][l];
        const size_t packed = layer->out * layer->in * CONV_TAPS;
        layer->forward_reals = conv_forward_reals(one);
        layer->backward_reals = conv_backward_reals(one);
        layer->gradient_reals = conv_gradient_reals(one);
        if (packed > largest) largest = packed;
    }
    TRY(BACKEND_NEW(self->of.of.base.backend, memory, largest, &self->packing));
    if (self->spec.attention_heads) TRY(make_attention(self));
    return stack_build(&self->of);
}

static size_t bytes(const field *base) {
    const conv_field *self = as_conv(base);
    size_t all = base->memory.bytes;
    for (size_t i = 0; i < self->of.of.threads; i++)
        for (size_t l = 0; l < self->of.layers; l++) all += conv_bytes(self->convs[i][l]);
    return all;
}

static void destroy(field *base) {
    conv_field *self = as_conv(base);
    for (size_t i = 0; self->convs && i < self->of.of.threads; i++)
        for (size_t l = 0; l < self->of.layers; l++) conv_destroy(&self->convs[i][l]);
}

static const field_ops ops = {
    .initialise = initialise,
    .set_params = set_params,
    .prepare = stack_prepare,
    .forward = chunked_forward,
    .backward = stack_backward,
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
    TRY(check(spec, backend, err));
    TRY(field_new(sizeof(conv_field), &about, &made, err));
    conv_field *self = as_conv(made);
    stack_begin(&self->of, &layers, spec->function, backend->images_together(backend, pixels, spec->batch), workers);
    self->spec = *spec;
    self->of.layers = spec->hidden_layers + 1;
    self->of.pixels = pixels;
    self->of.whole = true;
    self->of.deviation = 0.01;
    declare(self, prefix, table);
    const status built = build(self);
    if (built != STATUS_OK) *table = before;
    return field_finish(made, built, out, err);
}
