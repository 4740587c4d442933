/* conv_prepare.c - from parameters and context to the numbers of the convolutional field, and back.
 *
 * At an instant a layer is one weight (out, inputs, 3, 3) and one bias (out), which its intake makes.
 * What the weight has for channels of z is packed for convolutions; what it has for channels of the context c becomes
 * vectors of bias (context_bias).
 */
#include "field/conv_field.h"
#include "field/conv_internal.h"

void conv_field_initialise(const field *base, uint64_t seed, real *params) {
    const conv_field *self = (const conv_field *)base;
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
    const backend_ops *backend = self->backend;
    const conv_layer *layer = &self->layer[l];
    const convolved part = convolved_of(layer);
    backend->copy_rows(backend, layer->out, part.row, layer->in_context.whole + part.first, part.stride, self->packing,
                       part.row);
    conv_pack(self->lanes[0].convs[l], self->packing, layer->forward, layer->reverse);
}

void conv_field_bind(field *base, const real *params) {
    conv_field *self = (conv_field *)base;
    for (size_t l = 0; l < self->layers; l++) {
        intake_bind(&self->layer[l].in_context, self->backend, params);
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

status conv_field_prepare(field *base, const real *params, const real *c) {
    conv_field *self = (conv_field *)base;
    const backend_ops *backend = self->backend;
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
    const backend_ops *backend = self->backend;
    const conv_layer *layer = &self->layer[l];
    const convolved part = convolved_of(layer);
    const real *bias_bar = self->sums + layer->bias_gradient;
    backend->zero(backend, layer->weights + layer->out, self->whole_bar);
    conv_unpack(self->lanes[0].convs[l], self->sums + layer->gradient, self->packing);
    backend->copy_rows(backend, layer->out, part.row, self->packing, part.row, self->whole_bar + part.first,
                       part.stride);
    backend->add_rows(backend, layer->bias_count, layer->out, bias_bar, layer->out, self->whole_bar + layer->weights);
    if (!layer->extra) return;
    const context_shape shape = context_of(self, layer);
    backend->context_bias_reverse(backend, &shape, layer->in_context.whole, c, bias_bar, self->whole_bar, cbar);
}

/* Groups are added in their order, into the first. */
static void add_groups(conv_field *self) {
    const backend_ops *backend = self->backend;
    const size_t stride = self->sums_stride;
    if (self->groups_used == 0) backend->zero(backend, stride, self->sums);
    else backend->add_rows(backend, self->groups_used - 1, stride, self->sums + stride, stride, self->sums);
    self->groups_used = 0;
}

status conv_field_accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    conv_field *self = (conv_field *)base;
    const backend_ops *backend = self->backend;
    backend->zero(backend, self->spec.context, cbar);
    add_groups(self);
    for (size_t l = 0; l < self->layers; l++) {
        unfold(self, l, c, cbar);
        intake_accumulate(&self->layer[l].in_context, backend, params, c, self->whole_bar, NULL, gradient, cbar);
    }
    return STATUS_OK;
}
