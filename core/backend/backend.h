/* backend.h - the table of operations that a device must have.
 *
 * Points are worked on in chunks of CHUNK, each chunk coordinate by
 * coordinate (structure of arrays), so that a vector register holds the same
 * coordinate of neighbouring points. The last chunk of a batch is filled up
 * with zeros, which contribute nothing to any sum.
 *
 * Every operation is a fixed sequence of IEEE operations: sums over the points
 * of a chunk run over LANES partial sums, folded by halves at the end, and
 * chunks are added in their order. So the result has the same bits on every
 * implementation of the table and for any number of threads.
 *
 * Legend: D dimension, W hidden units, K = 2 D + 2 numbers a hidden unit. */
#ifndef AFFJORD_BACKEND_BACKEND_H
#define AFFJORD_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

enum {
    LANES = 16, /* partial sums of a sum over points */
    CHUNK = 128, /* points worked on together */
    ALIGNMENT = 64,
    TOY_DIMENSION_MAX = 64, /* D of the toy field */
    CONV_TAPS = 9, /* of a 3 x 3 convolution */
    NARROW_MAX = 4 /* few channels */
};

/* The shape of the toy field at one instant,
 *
 *   f_d(z) = sum_j u_jd tanh(w_j . z + b_j),    tr df/dz = sum_j c_j (1 - tanh^2(...)),  c_j = u_j . w_j,
 *
 * whose numbers theta (W, K) are [w_j (D), b_j, u_j (D), c_j] for each unit. */
typedef struct toy_shape {
    size_t dimension; /* D */
    size_t width; /* W */
} toy_shape;

/* Numbers of a hidden unit, and reals of theta rounded up to whole lanes. */
static inline size_t toy_unit(toy_shape shape) {
    return 2 * shape.dimension + 2;
}
static inline size_t toy_stride(toy_shape shape) {
    return (shape.width * toy_unit(shape) + LANES - 1) / LANES * LANES;
}

/* The activations of the image models: log(1 + exp(x)), tanh x, x / (1 + exp(-x)). */
typedef enum activation { ACTIVATION_SOFTPLUS, ACTIVATION_TANH, ACTIVATION_SWISH } activation;

/* A hidden layer on dual numbers, channel-last: (2, images, pixels, channels), the values of all images, then their
 * tangents. Pixel p has bias vector bias_of[p] of K; NULL for one that all share. */
typedef struct dual_shape {
    activation function;
    size_t images, pixels, channels;
    const uint32_t *bias_of; /* (pixels) */
} dual_shape;

/* A 3 x 3 convolution, stride 1 and zero padding 1, from (images, height, width, wide) to (images, height, width, few),
 * or the other way round in reverse; wide is a multiple of LANES, few 1 .. NARROW_MAX. */
typedef struct narrow_shape {
    size_t images, height, width, wide, few;
} narrow_shape;

/* Reals of scratch for a row's partial sums and their folds. */
static inline size_t narrow_scratch(const narrow_shape *shape) {
    return (shape->width * shape->few + LANES - 1) / LANES * LANES * (LANES + 1);
}

/* Adam's constants for one step (Kingma and Ba 2015), bias corrections included. */
typedef struct adam_step {
    double beta1, beta2;
    double step_size; /* learning rate / (1 - beta1^t) */
    double root_correction; /* sqrt(1 - beta2^t) */
    double epsilon;
} adam_step;

typedef struct backend_ops {
    const char *name;

    /* c (m, n) <- bias (n) + a (m, k) b (k, n); element (i, p) of a is a[i row + p column], so that a transposed
     * matrix is the same call. bias may be NULL for zeros. Sums run over p = 0 .. k - 1 in order. */
    void (*matmul)(size_t m, size_t n, size_t k, const real *a, size_t row, size_t column, const real *b,
                   const real *bias, real *c);

    /* y (n) <- tanh(x), sigmoid(x); y may be x. */
    void (*tanh)(size_t n, const real *x, real *y);
    void (*sigmoid)(size_t n, const real *x, real *y);

    /* y (n) <- x + sum over terms j of weight[j] k[j], added in order; zero weights are passed over. y may be x. */
    void (*combine)(size_t n, const real *x, size_t terms, const double *weight, const real *const *k, real *y);

    /* p (n), m (n), v (n) <- one step of Adam along g (n). */
    void (*adam)(size_t n, const adam_step *step, const real *g, real *m, real *v, real *p);

    /* One chunk of the toy field. z (D, CHUNK); dz (D, CHUNK) <- f; divergence (CHUNK) <- the exact trace, or
     * e . (J e) with probe e (D, CHUNK) where probe is not NULL. */
    void (*toy_evaluate)(toy_shape shape, const real *theta, const real *z, const real *probe, real *dz,
                         real *divergence);

    /* Its reverse: for cotangents a (D, CHUNK) of f and l (CHUNK) of the divergence, zbar (D, CHUNK) <- a . df/dz +
     * l . ddivergence/dz, and theta_bar (stride) <- the same for theta, summed over the chunk. lanes is scratch for
     * LANES reals a number of theta. */
    void (*toy_reverse)(toy_shape shape, const real *theta, const real *z, const real *probe, const real *a,
                        const real *l, real *zbar, real *theta_bar, real *lanes);

    /* h and y (2, images, pixels, channels). y <- activation of h with bias (K, channels) added to its values, on dual
     * numbers; y may not be h. Where keep, the values of h give way to what dual_reverse needs. */
    void (*dual_activate)(const dual_shape *shape, const real *bias, bool keep, real *h, real *y);

    /* Its reverse, after a dual_activate that kept: the cotangent of y in ybar gives way to that of h, and bias_bar
     * (K, channels) gets that of the bias added. */
    void (*dual_reverse)(const dual_shape *shape, const real *h, real *ybar, real *bias_bar);

    /* y (.., few) <- convolution of x (.., wide) by w (few, 3, 3, wide). */
    void (*narrow_convolve)(const narrow_shape *shape, const real *w, const real *x, real *y, real *scratch);

    /* gradient (few, 3, 3, wide) += cotangent of w for the cotangent ybar of y. */
    void (*narrow_outer)(const narrow_shape *shape, const real *x, const real *ybar, real *gradient);
} backend_ops;

#endif
