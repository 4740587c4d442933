/* conv_field.h - a vector field on images: a chain of 3 x 3 convolutions with a context.
 *
 *   x_0 = z,  x_{l+1} = s(W_l(c) * x_l + b_l(c)),  f = W_L(c) * x_L + b_L(c)
 *
 * The context c (C) is one vector for the whole batch, t or z*. It has two uses:
 *
 *   joined      its first joined*h*w entries are an image (joined, h, w), concatenated with z for the first convolution
 *   the layer   ignore; concat: its first `fed` entries are constant channels, before the input of every convolution;
 *               hyper: W_l and b_l are linear in the first `fed` entries; concatsquash: outputs are multiplied by
 *               sigmoid(G c + g) and shifted by S c
 *
 * With attention_heads, the last hidden layer x_L is followed by self-attention over its pixels (layers/attention.h),
 * which does not use the context.
 *
 * A channel that does not depend on the batch costs the batch nothing: its convolution is a bias, one vector per pixel,
 * of which only nine differ for a constant channel (an image has four corners and four edges).
 *
 * Images are channel-last, z (n, h, w, c), D = h w c; field.h defines the interface. */
#ifndef AFFJORD_FIELD_CONV_FIELD_H
#define AFFJORD_FIELD_CONV_FIELD_H

#include "backend/backend.h"
#include "base/parallel.h"
#include "field/field.h"
#include "field/image_model.h"

typedef struct conv_field_spec {
    size_t channels, height, width; /* c, h, w of z */
    size_t hidden_layers; /* 1 .. IMAGE_HIDDEN_MAX */
    size_t hidden[IMAGE_HIDDEN_MAX];
    activation function; /* s */
    image_layer layer;
    size_t context; /* C */
    size_t fed; /* 1 .. C; unused if the layer ignores c */
    size_t attention_heads, attention_channels; /* heads, 0 for no attention; channels of all heads, a multiple */
    size_t joined; /* 0, or channels of the image at the beginning of c: joined*h*w <= C */
    conv_method method;
    conv_math math; /* of the convolutions; the context's bias is fp32 */
    size_t batch; /* usual images per call, 0 if unknown: a device may process all of them together */
} conv_field_spec;

/* *out <- the field of one flow of an image model. FFJORD's context is t, AFFJORD's z*, or the part of it that the
 * field uses: z* is concatenated if the paper does so. The zeros that the release concatenates and the outputs that
 * it drops do not exist here. */
conv_field_spec conv_field_specify(const image_spec *model, const image_flow *flow, activation function);

/* Create a field for batches of any size, with all its workspace; `workers` (shared, not owned; may be NULL) splits
 * the batch. It adds PREFIX.0.weight (out, in*9), PREFIX.0.bias, ... to the table, or PREFIX.0.hyper.weight,
 * .hyper.bias, or also PREFIX.0.gate.weight, .gate.bias, .shift.weight; PREFIX as in "flow.2.field", with
 * image_model's names. The caller owns *out. Errors: STATUS_INVALID with the reason, STATUS_MEMORY. */
status conv_field_create(const conv_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                         parameter_table *table, field **out, error_info *err);

#endif
