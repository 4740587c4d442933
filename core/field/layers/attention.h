/* attention.h - self-attention over the pixels of a feature map: y = x + W softmax(q kT / sqrt(d)) v, for all heads.
 *
 * q, k, v (P, d) of a head are linear in x (P, C), without bias: the layer of Flow++ (Ho et al. 2019). It connects
 * pixels that are too far apart for 3 x 3 convolutions. Flow++ normalises x; here, the fixed scale 1 / sqrt(d) replaces
 * that. Arrays are in the backend's memory, except in `initialise`. */
#ifndef AFFJORD_FIELD_LAYERS_ATTENTION_H
#define AFFJORD_FIELD_LAYERS_ATTENTION_H

#include "backend/backend.h"
#include "base/arena.h"
#include "base/parameters.h"

typedef struct attention {
    attention_shape shape; /* images: processed together; heads 0: no layer */
    size_t in, out; /* offsets of parameters */
    real *packed; /* (attention_packed) */
    real *draft; /* (heads size, C) */
} attention;

/* Add PREFIX.attention.in.weight (3 heads size, C) and PREFIX.attention.out.weight (C, heads size) to the table, and
 * allocate memory. Errors: STATUS_MEMORY. */
void attention_declare(attention *self, const char *prefix, parameter_table *table);
status attention_build(attention *self, const backend_ops *backend, arena *memory);

/* Initialise as PyTorch's Linear, U(-1/sqrt(fan in), 1/sqrt(fan in)). */
void attention_initialise(const attention *self, uint64_t seed, real *params);

/* Set `packed` from new parameters. */
void attention_set_params(const attention *self, const backend_ops *backend, const real *params);

/* gradient += the sums of the backward passes, `sums` (attention_weights). */
void attention_accumulate(const attention *self, const backend_ops *backend, const real *sums, real *gradient);

#endif
