/* mlp_spec.h - the specification of the general field for tables (mlp_field.h). */
#ifndef AFFJORD_FIELD_MLP_SPEC_H
#define AFFJORD_FIELD_MLP_SPEC_H

#include "backend/activation.h"
#include "field/image_model.h"

enum { MLP_FIELD_HIDDEN_MAX = 8, MLP_FIELD_DIMENSION_MAX = 512, MLP_FIELD_WIDTH_MAX = 4096 };

/* The specification of a field of linear layers. */
typedef struct mlp_field_spec {
    size_t dimension; /* D: 1 .. MLP_FIELD_DIMENSION_MAX */
    size_t inputs, outputs; /* how many of z's first numbers f reads, and how many it changes; 0: all D */
    size_t context; /* C */
    size_t hidden_layers; /* 0 .. MLP_FIELD_HIDDEN_MAX; 0 is a linear field */
    size_t hidden[MLP_FIELD_HIDDEN_MAX]; /* 1 .. MLP_FIELD_WIDTH_MAX units */
    activation function; /* between layers */
    image_layer layer; /* of every layer: how it uses the context */
} mlp_field_spec;

#endif
