/* intake.h - a layer's use of the context: from parameters and c (C) to its weight (out, columns) and bias (out) at one
 * time, and the backward pass.
 *
 *   ignore        W, b
 *   concat        the first C columns of W (out, C + columns) are those of c: the other columns, b + W_c c
 *   hyper         [W, b] = H c + h
 *   concatsquash  gate . W and gate . b + S c, gate = sigmoid(G c + g), for each output
 *
 * A layer is linear, or a convolution, whose columns are inputs times taps. Arrays are in the backend's memory,
 * except in `initialise`. */
#ifndef AFFJORD_FIELD_LAYERS_INTAKE_H
#define AFFJORD_FIELD_LAYERS_INTAKE_H

#include "backend/backend.h"
#include "base/arena.h"
#include "base/parameters.h"
#include "field/image_model.h"

typedef struct intake {
    image_layer kind;
    size_t out, columns, context; /* context: C */
    size_t weight, bias; /* offsets of the parameters of the layer or its hypernet */
    size_t gate_weight, gate_bias, shift; /* of concatsquash */
    size_t end; /* offset after its parameters */
    real *whole; /* (out columns + out): weight and bias at this time */
    real *gate; /* (out), of concatsquash */
    real *seen; /* (out, C), for concat: the weight's columns of c */
} intake;

/* Add PREFIX.weight, PREFIX.bias, or PREFIX.hyper.weight, .hyper.bias, or also PREFIX.gate.weight, .gate.bias,
 * .shift.weight, to the table, and allocate memory. */
void intake_declare(intake *self, image_layer kind, size_t out, size_t columns, size_t context, const char *prefix,
                    parameter_table *table);
status intake_build(intake *self, const backend_ops *backend, arena *memory);

/* Initialise as PyTorch's Linear, U(-1/sqrt(fan in), 1/sqrt(fan in)). hyper: weight 0, and the bias, which is the
 * initial layer, as a Linear's or, if `deviation` > 0, N(0, deviation^2). */
void intake_initialise(const intake *self, double deviation, uint64_t seed, real *params);

/* Return whether the weight depends on time. */
static inline bool intake_moves(const intake *self) {
    return self->kind == IMAGE_HYPER || self->kind == IMAGE_CONCATSQUASH;
}

/* whole <- at new parameters, the part that does not depend on c; then the part that does. */
void intake_set_params(const intake *self, const backend_ops *backend, const real *params);
void intake_prepare(const intake *self, const backend_ops *backend, const real *params, const real *c);

/* From the cotangent whole_bar (out columns + out), which is overwritten: add to the gradient and to cbar (C).
 * `room` (out C), for concat. */
void intake_accumulate(const intake *self, const backend_ops *backend, const real *params, const real *c,
                       real *whole_bar, real *room, real *gradient, real *cbar);

#endif
