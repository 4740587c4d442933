/* toy_program.h - what a device must know to train the toy experiments' flows, in plain numbers.
 *
 * The host describes a flow once (toy_program), and each launch by what every run shall do in it (toy_order). Nothing
 * is derived on the device that the host has already rounded: weights of the solver and constants of Adam are the very
 * floats that the kernels on the CPU work with.
 *
 * Legend: D dimension, W hidden units, C context, E evaluations of a solve, P parameters, n points of a batch. */
#ifndef AFFJORD_BACKEND_TOY_PROGRAM_H
#define AFFJORD_BACKEND_TOY_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    TOY_STAGES_MAX = 4, /* of a method for fixed grids */
    TOY_LAYERS_MAX = 6, /* linear maps of a network */
    TOY_DEVICE_DIMENSION_MAX = 16, /* D: what a thread keeps of its point */
    TOY_HELD_MAX = 2 /* batches that are measured and not trained on */
};

/* A network's sizes, and the offsets of its weights (out, in) and biases in the block of parameters. */
typedef struct toy_net {
    uint32_t layers;
    uint32_t size[TOY_LAYERS_MAX + 1]; /* input, hidden ..., output */
    uint32_t weight[TOY_LAYERS_MAX], bias[TOY_LAYERS_MAX];
} toy_net;

/* A flow and its training. Runs of one program differ in their data, their seeds and where they are. */
typedef struct toy_program {
    uint32_t dimension, width; /* D, W */
    uint32_t unit, stride; /* 2 D + 2 numbers a hidden unit; numbers of an instant, rounded up to whole lanes */
    uint32_t context; /* C */
    uint32_t inputs; /* D, or D + C where the context is joined to z */
    uint32_t augmented; /* the context is z*, moved by `motion`; otherwise the clock, whose path the host gives */
    uint32_t learn_start, start; /* z*(0) is the parameters from `start` on; otherwise zero */
    uint32_t fixed_context; /* nothing is learned of z* */
    uint32_t parameters; /* P */
    toy_net hypernet, motion; /* tanh; ELU with one hidden layer */

    /* The Runge-Kutta method with the step's size multiplied in; a weight that is zero is passed over. */
    uint32_t stages, steps; /* E = stages * steps */
    float a[TOY_STAGES_MAX][TOY_STAGES_MAX], b[TOY_STAGES_MAX];

    uint32_t batch; /* n */
    uint32_t held[TOY_HELD_MAX]; /* points of the validation and of the test batch */
    double variance, logarithm; /* s^2 and D log(2 pi s^2) of the base density, in the data's units */

    float beta1, rest1, beta2, rest2, epsilon; /* Adam's, 1 - beta as the CPU rounds it */
    double running_decay, stop_loss; /* of the running mean of the loss; a run ends once it is below */
} toy_program;

/* Adam's constants of one iteration. */
typedef struct toy_adam {
    float size, correction;
} toy_adam;

/* What one run does in a launch, and what became of it. */
typedef struct toy_order {
    uint32_t iterations; /* to be done; 0: the run pauses */
    uint32_t measure; /* the held batches are wanted after the last of them */
    double running; /* mean of the loss so far, NaN for none; moved on */
    uint32_t done; /* by the launch: iterations done; fewer where one had no finite loss or gradient, the last of these,
                    * or the running mean fell below stop_loss */
    uint32_t skipped; /* the last one changed nothing, as its loss or gradient is not finite */
    uint32_t measured; /* the held batches were measured */
} toy_order;

#endif
