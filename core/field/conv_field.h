/* conv_field.h - a vector field on images: a chain of 3 x 3 convolutions that knows a context.
 *
 *   x_0 = z,  x_{l+1} = s(W_l(c) * x_l + b_l(c)),  f = W_L(c) * x_L + b_L(c)
 *
 * The context c (C) is one vector for the whole batch, t or z*, and enters in two ways:
 *
 *   joined      its first joined*h*w entries are an image (joined, h, w) beside z, for the first convolution
 *   the layer   ignore; concat: its first `fed` entries are channels, each of one value, before those of every
 *               convolution's input; hyper: W_l and b_l are linear in the first `fed` entries; concatsquash: outputs
 *               are multiplied by sigmoid(G c + g) and shifted by S c
 *
 * A channel that does not depend on the batch adds nothing to its cost: its
 * convolution is a bias, one vector for each pixel, of which only nine differ
 * for a channel of one value (an image has four corners and four edges).
 *
 * Images are channel-last, z (n, h, w, c), D = h w c; see field.h for what a field is and how it is used. */
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
    size_t fed; /* 1 .. C; unused where the layer ignores c */
    size_t joined; /* 0, or channels of the image that c begins with: joined*h*w <= C */
    conv_method method;
    conv_math math; /* of the convolutions; what the context gives is a bias, in fp32 */
    size_t batch; /* images that a call brings as a rule, 0 if not known: a device may work on all of them together */
} conv_field_spec;

/* The field of one flow of an image model. FFJORD's context is t, AFFJORD's z* or as much of it as the field sees:
 * z* joined where the paper joins it, while the zeros that the release joins, and outputs that are dropped, do not
 * exist. */
conv_field_spec conv_field_specify(const image_spec *model, const image_flow *flow, activation function);

/* A field for batches of any size, with all its workspace; `workers` (shared, not owned; may be NULL) splits
 * the batch. Enters PREFIX.0.weight (out, in*9), PREFIX.0.bias, ... into the table, or PREFIX.0.hyper.weight,
 * .hyper.bias, or besides PREFIX.0.gate.weight, .gate.bias, .shift.weight; PREFIX as in "flow.2.field", where
 * image_model has the same names. The caller owns *out. Errors: STATUS_INVALID with the
 * reason, STATUS_MEMORY. */
status conv_field_create(const conv_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                         parameter_table *table, field **out, error_info *err);

#endif
