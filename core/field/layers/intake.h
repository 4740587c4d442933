/* intake.h - how a layer takes in the context: from parameters and c (C) to the layer's weight (out, columns) and bias
 * (out) at an instant, and back.
 *
 *   ignore        W, b
 *   concat        the first C columns of W (out, C + columns) are of c: W's others, b + W_c c
 *   hyper         [W, b] = H c + h
 *   concatsquash  gate . W and gate . b + S c, gate = sigmoid(G c + g), for each output
 *
 * A layer is a linear one, or a convolution, whose columns are inputs times taps. Arrays are in the backend's memory,
 * but for those of `initialise`. */
#ifndef AFFJORD_FIELD_LAYERS_INTAKE_H
#define AFFJORD_FIELD_LAYERS_INTAKE_H

#include "backend/backend.h"
#include "base/arena.h"
#include "base/parameters.h"
#include "field/image_model.h"

typedef struct intake {
    image_layer kind;
    size_t out, columns, context; /* context: C */
    size_t weight, bias; /* offsets of parameters: of the layer, or of the hypernet */
    size_t gate_weight, gate_bias, shift; /* of concatsquash */
    size_t end; /* offset behind its parameters */
    real *whole; /* (out columns + out): weight and bias at this instant */
    real *gate; /* (out), of concatsquash */
    real *seen; /* (out, C), of concat: what the weight has for c */
} intake;

/* Enter PREFIX.weight, PREFIX.bias, or PREFIX.hyper.weight, .hyper.bias, or besides PREFIX.gate.weight, .gate.bias,
 * .shift.weight, into the table; and take memory. */
void intake_declare(intake *self, image_layer kind, size_t out, size_t columns, size_t context, const char *prefix,
                    parameter_table *table);
status intake_build(intake *self, const backend_ops *backend, arena *memory);

/* As PyTorch's Linear, U(-1/sqrt(fan in), 1/sqrt(fan in)). hyper: weight 0, and the bias, which is the layer at the
 * start, as a Linear's or, where `deviation` > 0, N(0, deviation^2). */
void intake_initialise(const intake *self, double deviation, uint64_t seed, real *params);

/* Whether the weight differs from instant to instant. */
static inline bool intake_moves(const intake *self) {
    return self->kind == IMAGE_HYPER || self->kind == IMAGE_CONCATSQUASH;
}

/* whole <- at new parameters, what does not depend on c; then at c. */
void intake_set_params(const intake *self, const backend_ops *backend, const real *params);
void intake_prepare(const intake *self, const backend_ops *backend, const real *params, const real *c);

/* For the cotangent whole_bar (out columns + out), which is used up: adds to the gradient and to cbar (C). `room`
 * (out C), of concat. */
void intake_accumulate(const intake *self, const backend_ops *backend, const real *params, const real *c,
                       real *whole_bar, real *room, real *gradient, real *cbar);

#endif
