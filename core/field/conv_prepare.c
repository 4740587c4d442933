/* conv_prepare.c - from parameters and context to the numbers of the convolutional field, and back.
 *
 * At an instant a layer is one weight (out, inputs, 3, 3) and one bias (out):
 *   ignore, concat   parameters
 *   hyper            H c + h, first the weight, then the bias
 *   concatsquash     gate . W and gate . b + S c, gate = sigmoid(G c + g), for each output
 * What the weight has for channels of z is packed for convolutions; what it has for channels of the context c becomes
 * vectors of bias (context_bias).
 */
#include <math.h>

#include "base/random.h"
#include "field/conv_field.h"
#include "field/conv_internal.h"

void conv_field_initialise(const field *base, uint64_t seed, real *params) {
    const conv_field *self = (const conv_field *)base;
    const random_stream stream = {.seed = seed, .purpose = RANDOM_INITIALISATION};
    for (size_t l = 0; l < self->layers; l++) {
        const conv_layer *layer = &self->layer[l];
        const size_t end = l + 1 < self->layers ? self->layer[l + 1].weight : self->first + self->count;
        for (size_t i = layer->weight; i < end; i++) {
            double draw[4];
            if (self->spec.layer == IMAGE_HYPER) {
                random_normal4(stream, i, 0, draw);
                params[i] = i < layer->bias ? 0 : (real)(0.01 * draw[0]);
                continue;
            }
            const bool gate = self->spec.layer == IMAGE_CONCATSQUASH && i >= layer->gate_weight;
            const double fan_in = gate ? (double)self->spec.fed : (double)(layer->inputs * CONV_TAPS);
            random_uniform4(stream, i, 0, draw);
            params[i] = (real)((2 * draw[0] - 1) / sqrt(fan_in));
        }
    }
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
    backend->copy_rows(backend, layer->out, part.row, layer->whole + part.first, part.stride, self->packing, part.row);
    conv_pack(self->lanes[0].convs[l], self->packing, layer->forward, layer->reverse);
}

void conv_field_bind(field *base, const real *params) {
    conv_field *self = (conv_field *)base;
    const backend_ops *backend = self->backend;
    if (conv_field_moves(self)) return; /* all is made from the context */
    for (size_t l = 0; l < self->layers; l++) {
        const conv_layer *layer = &self->layer[l];
        backend->copy(backend, layer->weights, params + layer->weight, layer->whole);
        backend->copy(backend, layer->out, params + layer->bias, layer->whole + layer->weights);
        pack(self, l);
    }
}

static void make_hyper(const conv_field *self, const conv_layer *layer, const real *params, const real *c) {
    self->backend->apply(self->backend, layer->weights + layer->out, self->spec.fed, params + layer->weight,
                         params + layer->bias, c, layer->whole);
}

static void make_squash(const conv_field *self, const conv_layer *layer, const real *params, const real *c) {
    const backend_ops *backend = self->backend;
    const size_t fed = self->spec.fed;
    real *shift = layer->whole + layer->weights;
    backend->apply(backend, layer->out, fed, params + layer->gate_weight, params + layer->gate_bias, c, layer->gate);
    backend->sigmoid(backend, layer->out, layer->gate, layer->gate);
    backend->apply(backend, layer->out, fed, params + layer->shift, NULL, c, shift);
    backend->gate(backend, layer->out, layer->inputs * CONV_TAPS, layer->gate, params + layer->weight,
                  params + layer->bias, layer->whole, shift);
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
        if (self->spec.layer == IMAGE_HYPER) make_hyper(self, layer, params, c);
        if (self->spec.layer == IMAGE_CONCATSQUASH) make_squash(self, layer, params, c);
        if (conv_field_moves(self)) pack(self, l);
        backend->copy_rows(backend, layer->bias_count, layer->out, layer->whole + layer->weights, 0, layer->biases,
                           layer->out);
        if (!layer->extra) continue;
        const context_shape shape = context_of(self, layer);
        backend->context_bias(backend, &shape, layer->whole, c, layer->biases);
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
    backend->context_bias_reverse(backend, &shape, layer->whole, c, bias_bar, self->whole_bar, cbar);
}

static void collect_squash(const conv_field *self, const conv_layer *layer, const real *params, const real *c,
                           real *gradient, real *cbar) {
    const backend_ops *backend = self->backend;
    const size_t fed = self->spec.fed;
    real *bar = self->whole_bar + layer->weights; /* of the shift, then of G c + g */
    backend->apply_reverse(backend, layer->out, fed, params + layer->shift, c, bar, gradient + layer->shift, NULL,
                           cbar);
    backend->gate_reverse(backend, layer->out, layer->inputs * CONV_TAPS, layer->gate, params + layer->weight,
                          params + layer->bias, self->whole_bar, gradient + layer->weight, gradient + layer->bias, bar);
    backend->apply_reverse(backend, layer->out, fed, params + layer->gate_weight, c, bar, gradient + layer->gate_weight,
                           gradient + layer->gate_bias, cbar);
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
        const conv_layer *layer = &self->layer[l];
        unfold(self, l, c, cbar);
        if (self->spec.layer == IMAGE_HYPER) {
            backend->apply_reverse(backend, layer->weights + layer->out, self->spec.fed, params + layer->weight, c,
                                   self->whole_bar, gradient + layer->weight, gradient + layer->bias, cbar);
        } else if (self->spec.layer == IMAGE_CONCATSQUASH) {
            collect_squash(self, layer, params, c, gradient, cbar);
        } else {
            backend->add_rows(backend, 1, layer->weights, self->whole_bar, 0, gradient + layer->weight);
            backend->add_rows(backend, 1, layer->out, self->whole_bar + layer->weights, 0, gradient + layer->bias);
        }
    }
    return STATUS_OK;
}
