/* activation.h - the activations of a field's layers; dual.inc and images_field.cu have their formulas. */
#ifndef AFFJORD_BACKEND_ACTIVATION_H
#define AFFJORD_BACKEND_ACTIVATION_H

#include "base/choices.h"

/* log(1 + exp(x)); tanh x; x / (1 + exp(-x)); x, or exp(x) - 1 for x < 0. Append: the order is that of stored
 * settings. */
#define ACTIVATIONS(ENTRY)                                                                                             \
    ENTRY(ACTIVATION_SOFTPLUS, "softplus")                                                                             \
    ENTRY(ACTIVATION_TANH, "tanh")                                                                                     \
    ENTRY(ACTIVATION_SWISH, "swish")                                                                                   \
    ENTRY(ACTIVATION_ELU, "elu")
/* An activation, by its place in the table. */
typedef enum activation { ACTIVATIONS(CHOICE_SYMBOL) } activation;
/* How many there are. */
#define ACTIVATION_COUNT CHOICE_COUNT(ACTIVATIONS)

#endif
