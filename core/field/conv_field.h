/* conv_field.h - a vector field on images: a chain of 3 x 3 convolutions that knows a context.
 *
 *   x_0 = z,  x_{l+1} = s(W_l(c) * x_l + b_l(c)),  f = W_L(c) * x_L + b_L(c)
 *
 * and J e = (df/dz) e for a probe e, by dual numbers: e . (J e) is Hutchinson's
 * estimate, |f|^2 and |J e|^2 are what regularisers integrate. The context c (C)
 * is one vector for the whole batch, t or z*, and enters in two ways:
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
 * Images are channel-last, z (n, h, w, c), D = h w c. The use of a field:
 *
 *   bind        once for each value of the parameters
 *   prepare     for each instant: c -> the field's numbers at c
 *   evaluate, reverse   any number of times, on the batch
 *   collect     after reverses: what they gave, to parameters and to c
 *
 * Arrays are in the backend's memory, but for those of `initialise`. Results are the same bits for any number of
 * threads. */
#ifndef AFFJORD_FIELD_CONV_FIELD_H
#define AFFJORD_FIELD_CONV_FIELD_H

#include "backend/backend.h"
#include "base/parallel.h"
#include "field/image_model.h"
#include "field/parameters.h"

typedef struct conv_field conv_field;

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
                         parameter_table *table, conv_field **out, failure *why);
void conv_field_destroy(conv_field **self);

const conv_field_spec *conv_field_specification(const conv_field *self);
size_t conv_field_dimension(const conv_field *self); /* D */
size_t conv_field_bytes(const conv_field *self); /* all that it holds, without a library's code */

/* The field's range of params <- as PyTorch's Conv2d and Linear, U(-1/sqrt(fan in), 1/sqrt(fan in)); hyper: weight 0,
 * bias N(0, 0.01^2). Number i of the block is draw i of (seed, RANDOM_INITIALISATION). */
void conv_field_initialise(const conv_field *self, uint64_t seed, real *params);

/* Take over params, which are read again by prepare and collect. */
void conv_field_bind(conv_field *self, const real *params);

/* The field's numbers at the context c (C). */
void conv_field_prepare(conv_field *self, const real *params, const real *c);

/* What the field gives on a batch; in reverse, cotangents of it. NULL: not wanted, or a cotangent of zero. */
typedef struct conv_values {
    real *f; /* (n, D) */
    real *product; /* (n, D): J e */
    real *divergence; /* (n): e . (J e) */
    real *kinetic; /* (n): |f|^2 */
    real *jacobian; /* (n): |J e|^2 */
} conv_values;

/* *out <- the field at z (n, D) along e (n, D); e may be NULL for zero. */
void conv_field_evaluate(conv_field *self, size_t n, const real *z, const real *e, const conv_values *out);

/* Its reverse: zbar (n, D) <- cotangent of z for the cotangents *bar; e is not differentiated. *out gets the values
 * themselves, which are computed on the way. What parameters and context get is added up in the field until it is
 * collected. */
void conv_field_reverse(conv_field *self, size_t n, const real *z, const real *e, const conv_values *bar,
                        const conv_values *out, real *zbar);

/* gradient += what the reverses since the last collect gave to the field's range of parameters; cbar (C) <- what they
 * gave to the context c, that of the last prepare. */
void conv_field_collect(conv_field *self, const real *params, const real *c, real *gradient, real *cbar);

#endif
