/* fused_kernel_spec.h - a specification, in plain numbers, for training the toy experiments' flows on a device.
 *
 * The host describes a flow once (fused_kernel_spec), and each launch by the work of every run in it (run_launch). The
 * device recomputes nothing that the host has rounded: the solver's weights and Adam's constants are the floats that
 * the CPU's kernels use.
 *
 * Legend: D dimension, W hidden units, C context, E evaluations of a solve, P parameters, n points of a batch. */
#ifndef AFFJORD_BACKEND_FUSED_KERNEL_SPEC_H
#define AFFJORD_BACKEND_FUSED_KERNEL_SPEC_H

#include <stddef.h>
#include <stdint.h>

enum {
    TOY_STAGES_MAX = 4, /* of a fixed-step method */
    TOY_LAYERS_MAX = 6, /* linear maps of a network */
    TOY_DEVICE_DIMENSION_MAX = 16, /* D, in the registers of a thread */
    TOY_HOLDOUTS_MAX = 2 /* holdout batches: validation and test */
};

/* The sizes of a network, and the offsets of its weights (out, in) and biases in the parameters. */
typedef struct toy_net {
    uint32_t layers;
    uint32_t size[TOY_LAYERS_MAX + 1]; /* input, hidden ..., output */
    uint32_t weight[TOY_LAYERS_MAX], bias[TOY_LAYERS_MAX];
} toy_net;

/* A flow and its training. Runs with one specification differ in data, seeds and memory. */
typedef struct fused_kernel_spec {
    uint32_t dimension, width; /* D, W */
    /* 2 D + 2 weights of a hidden unit; weights at one time, rounded up to a multiple of PARTIAL_SUMS. */
    uint32_t unit, stride;
    uint32_t context; /* C */
    uint32_t inputs; /* D, or D + C if the context is concatenated to z */
    uint32_t augmented; /* the context is z*, with dynamics `motion`; otherwise the time, whose path the host sets */
    uint32_t learn_start, start; /* z*(0) is the parameters from `start` on; otherwise zero */
    uint32_t fixed_context; /* z* has no learned parameters */
    uint32_t parameters; /* P */
    toy_net hypernet, motion; /* tanh; ELU with one hidden layer */

    /* The Runge-Kutta method, multiplied by the step size; zero weights are skipped. */
    uint32_t stages, steps; /* E = stages * steps */
    float a[TOY_STAGES_MAX][TOY_STAGES_MAX], b[TOY_STAGES_MAX];

    uint32_t batch; /* n */
    uint32_t holdout[TOY_HOLDOUTS_MAX]; /* points of the validation and test batches */
    double variance, logarithm; /* s^2 and D log(2 pi s^2) of the base density, in the data's units */

    float beta1, rest1, beta2, rest2, epsilon; /* Adam's; rest is 1 - beta as the CPU rounds it */
    double running_decay, stop_loss; /* of the running mean of the loss; a run ends when it falls below stop_loss */
} fused_kernel_spec;

/* Adam's constants for one iteration. */
typedef struct toy_adam {
    float size, correction;
} toy_adam;

/* The work of one run in a launch, and its results. */
typedef struct run_launch {
    uint32_t iterations; /* to do; 0: the run pauses */
    uint32_t measure; /* measure the holdout batches after the last iteration */
    double running; /* running mean of the loss, NaN for none; updated */
    /* Result: iterations done; fewer after a non-finite loss or gradient, or when the running mean fell below
     * stop_loss. */
    uint32_t done;
    uint32_t skipped; /* result: the last iteration changed nothing because its loss or gradient was not finite */
    uint32_t measured; /* result: the holdout batches were measured */
} run_launch;

#endif
