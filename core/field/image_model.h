/* image_model.h - the structure of the multiscale image models, down to each group of parameters.
 *
 * While h >= 4 and w >= 4, a scale is a flow at (c, h, w), a squeeze of 2 x 2 pixels into channels, and a flow at (4c,
 * h/2, w/2); then half of the channels leave, and the next scale starts at (2c, h/2, w/2). The last scale has one flow
 * and no squeeze. A flow's field is a chain of 3 x 3 convolutions.
 *
 * Every group of parameters has two counts: `declared`, that of the authors' modules (Table 2), and `effective`, the
 * parameters that can change the output. The library stores and trains only the latter. */
#ifndef AFFJORD_FIELD_IMAGE_MODEL_H
#define AFFJORD_FIELD_IMAGE_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/choices.h"
#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

/* FFJORD, a function of z and t; or AFFJORD, with the augmented state z*. */
typedef enum image_architecture { IMAGE_FFJORD, IMAGE_AFFJORD } image_architecture;

/* How a convolution uses the context (t, or entries of z*): not at all; as channels; with all its weights linear in
 * it; by a gate and a shift of every output. */
#define IMAGE_LAYERS(ENTRY)                                                                                            \
    ENTRY(IMAGE_IGNORE, "ignore")                                                                                      \
    ENTRY(IMAGE_CONCAT, "concat")                                                                                      \
    ENTRY(IMAGE_HYPER, "hyper")                                                                                        \
    ENTRY(IMAGE_CONCATSQUASH, "concatsquash")
/* A use of the context; an index into the table. */
typedef enum image_layer { IMAGE_LAYERS(CHOICE_SYMBOL) } image_layer;
/* The number of entries. */
#define IMAGE_LAYER_COUNT CHOICE_COUNT(IMAGE_LAYERS)

/* The differences between the paper and its authors' release, for AFFJORD: the paper concatenates z* with z as
 * channels; the release concatenates zeros, and its hyper layers read the bias from the first numbers of the weight. */
#define IMAGE_VARIANTS(ENTRY) ENTRY(IMAGE_PAPER, "paper") ENTRY(IMAGE_RELEASE, "release")
/* A variant; an index into the table. */
typedef enum image_variant { IMAGE_VARIANTS(CHOICE_SYMBOL) } image_variant;

enum {
    IMAGE_HIDDEN_MAX = 6, /* hidden layers of a field */
    IMAGE_FLOWS_MAX = 15, /* flows: images of up to 512 x 512 */
    IMAGE_GROUPS_MAX = 48, /* groups of parameters of one flow */
    IMAGE_SIDE_MAX = 512,
    IMAGE_CHANNELS_MAX = 1024
};

/* The definition of a model. */
typedef struct image_spec {
    size_t channels, height, width; /* of the data */
    image_architecture architecture; /* FFJORD or AFFJORD */
    image_layer layer; /* how convolutions use the context */
    image_variant variant; /* of AFFJORD */
    size_t hidden_layers; /* 1 .. IMAGE_HIDDEN_MAX */
    size_t hidden[IMAGE_HIDDEN_MAX]; /* channels between the convolutions */
    size_t attention_heads, attention_channels; /* of the attention after the last hidden layer; 0: none */
    size_t moving; /* number of first entries of z* with a derivative: 20 */
    size_t fed; /* number of first entries of z* for hyper and concatsquash layers: 10 */
    bool learn_start; /* the moving entries of z*(0) are a parameter of each scale's first flow; otherwise zero */
} image_spec;

/* Return whether AFFJORD's field depends on z* at all: by its input, or by the weights of its layers. */
static inline bool image_sees_context(const image_spec *spec) {
    return spec->variant == IMAGE_PAPER || spec->layer == IMAGE_HYPER || spec->layer == IMAGE_CONCATSQUASH;
}

/* A group of parameters. */
typedef struct image_group {
    char name[48]; /* as in "flow.2.field.0.hyper.weight" */
    size_t declared, effective; /* numbers of parameters */
    const char *reason; /* of the difference, one clause; NULL if there is none */
} image_group;

/* A flow of the model. */
typedef struct image_flow {
    size_t scale; /* 0, 1, ... */
    size_t channels, height, width; /* of its data */
    size_t declared, effective; /* sums over its groups */
    size_t group_count; /* groups in use */
    image_group groups[IMAGE_GROUPS_MAX]; /* (group_count) */
} image_flow;

/* The model as a list of flows. */
typedef struct image_model {
    image_spec spec; /* its specification */
    size_t scales; /* number of scales */
    size_t declared, effective; /* sums over the flows */
    size_t flow_count; /* flows in use */
    image_flow flows[IMAGE_FLOWS_MAX]; /* (flow_count), in the order of the forward direction */
} image_model;

/* *out <- the model of a specification. It has some 60 KB, too much for a small stack. Cheap and thread-safe.
 * Errors: STATUS_INVALID with the reason: an empty size, a bound exceeded, an odd side before a squeeze. */
status image_model_expand(const image_spec *spec, image_model *out, error_info *err);

AFFJORD_API_END

#endif
