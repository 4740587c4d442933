/* image_objective.h - bits per dimension of dequantized images, with regularisers where they have weights. */
#ifndef AFFJORD_TRAIN_IMAGE_OBJECTIVE_H
#define AFFJORD_TRAIN_IMAGE_OBJECTIVE_H

#include "base/export.h"
#include "data/image.h"
#include "flow/chain.h"
#include "train/objective.h"

AFFJORD_API_BEGIN

typedef struct image_objective_spec {
    chain_spec model;
    uint64_t seed;
    size_t batch; /* B, images an iteration: those at (iteration - 1) B, ... of the shuffled training split */
    size_t validation; /* first images of the split that is validated on, at most; 0 for all */
    size_t test; /* test images of the test batch, behind those validated on where these are test images too; 0: none */
    bool flip; /* mirror training images at random */
} image_objective_spec;

/* Which images a training is validated on: those of the set's validation split or, where it has none, as MNIST and
 * CIFAR-10, of its test split. */
image_split image_objective_validation(const image_set *set);

/* Whether a training can have this on the set, but for its model. Errors: STATUS_INVALID with the reason. */
status image_objective_check(const image_objective_spec *spec, const image_set *set, failure *why);

/* `set` and `workers` are shared and must outlive it; the caller owns *out. Errors: STATUS_INVALID with the reason,
 * STATUS_MEMORY. */
status image_objective_create(const image_objective_spec *spec, const image_set *set, parallel *workers,
                              objective **out, failure *why);

AFFJORD_API_END

#endif
