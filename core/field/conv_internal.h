/* conv_internal.h - what the files of the convolutional field share. */
#ifndef AFFJORD_FIELD_CONV_INTERNAL_H
#define AFFJORD_FIELD_CONV_INTERNAL_H

#include "backend/conv.h"
#include "base/arena.h"
#include "field/conv_field.h"
#include "field/layers/intake.h"

enum { CONV_LAYERS_MAX = IMAGE_HIDDEN_MAX + 1, CONV_GROUPS = 16 };

/* One convolution. Its weight has `inputs` channels (out, inputs, 3, 3), of which those from first_data on are z's or
 * a hidden layer's, and the others the context's. */
typedef struct conv_layer {
    size_t in, out; /* channels that are convolved */
    size_t inputs; /* in + extra */
    size_t extra; /* channels of the context */
    size_t first_data, first_extra;
    intake
        in_context; /* (out, inputs 9): weight and bias at an instant; what it has for the context's channels is a bias */
    size_t weights; /* out inputs 9, numbers of the whole weight */

    size_t bias_count; /* K, vectors of bias */
    const uint32_t *bias_of; /* (h w), of each pixel; NULL where K = 1 */

    real *forward, *reverse; /* packed weights */
    real *biases; /* (K, out) */
    size_t gradient, bias_gradient; /* offsets in a group's sums: packed, and (K, out) */
} conv_layer;

/* What one thread needs for one chunk: images in stacks of two halves, values and tangents. */
typedef struct conv_lane {
    conv *convs[CONV_LAYERS_MAX];
    real *input; /* (2, chunk, h, w, c) */
    real *h[CONV_LAYERS_MAX]; /* (2, chunk, h, w, out), what convolutions give; the last is f and J e */
    real *y[CONV_LAYERS_MAX]; /* the same after the activation */
    real *cotangent[2]; /* (2, chunk, h, w, widest) */
    real *scratch; /* of all its convolutions */
} conv_lane;

typedef struct conv_field {
    field base;
    conv_field_spec spec;
    const backend_ops *backend;
    parallel *workers;
    arena memory; /* holds the field itself too */
    size_t layers; /* L + 1 */
    conv_layer layer[CONV_LAYERS_MAX];
    size_t pixels, dimension; /* h w, h w c */
    size_t chunk; /* images worked on together */
    size_t threads;
    conv_lane *lanes; /* (threads) */
    size_t sums_stride; /* reals of a group's sums */
    real *sums; /* (CONV_GROUPS, sums_stride) */
    size_t groups_used; /* groups that have sums */
    real *packing; /* (largest out in 9) */
    real *whole_bar; /* (largest weights + out), while accumulating */
} conv_field;

/* The operations of field.h that work on parameters and context (conv_prepare.c). */
void conv_field_initialise(const field *self, uint64_t seed, real *params);
void conv_field_bind(field *self, const real *params);
status conv_field_prepare(field *self, const real *params, const real *c);
status conv_field_accumulate(field *self, const real *params, const real *c, real *gradient, real *cbar);

static inline size_t conv_field_chunks(const conv_field *self, size_t n) {
    return (n + self->chunk - 1) / self->chunk;
}

#endif
