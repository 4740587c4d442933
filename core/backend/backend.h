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

#include "backend/image_shapes.h"
#include "backend/step_control.h"
#include "base/real.h"
#include "base/status.h"

enum {
    LANES = 16, /* partial sums of a sum over points */
    CHUNK = 128, /* points worked on together */
    ALIGNMENT = 64,
    TOY_DIMENSION_MAX = 64 /* D of the toy field */
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

/* Adam's constants for one step (Kingma and Ba 2015), bias corrections included. */
typedef struct adam_step {
    double beta1, beta2;
    double step_size; /* learning rate / (1 - beta1^t) */
    double root_correction; /* sqrt(1 - beta2^t) */
    double epsilon;
} adam_step;

/* How the error of a step is measured: as the largest, over consecutive parts of the state, of the root mean square of
 *
 *   error / (atol + rtol max(|y|, |next|)). */
typedef struct error_norm {
    double atol, rtol;
    size_t parts;
    const size_t *length; /* (parts), reals of each, not 0 */
    size_t
        finite; /* reals of `next` and of the last term, whatever the parts are, that must be finite; 0: don't look */
} error_norm;

/* A sum of dot products, a[i] . b[i] of n[i] numbers each; NULL for a term that there is not. */
enum { DOT_TERMS_MAX = 5 };
typedef struct dot_terms {
    size_t count, n[DOT_TERMS_MAX];
    const real *a[DOT_TERMS_MAX], *b[DOT_TERMS_MAX];
} dot_terms;

typedef struct backend_ops backend_ops;

/* The table. An implementation that has a state of its own begins with it, so operations get it as `self`.
 *
 * Arrays are in the memory of the device, which nothing but the operations looks into; structures and tables that an
 * operation is told its work by (shapes, lists of pointers) are the caller's, and are read before it returns.
 * Operations take effect in the order of their calls, and those that return a number wait for it. None allocates. */
struct backend_ops {
    const char *name;
    bool concurrent; /* several threads may call at once, so that a caller may share out work */

    /* --- Memory --- */

    /* *out <- so many bytes of zeros, aligned to ALIGNMENT, to be given back. NULL, both: the memory of the program;
     * memory.h has the way to either. Errors: STATUS_MEMORY. */
    status (*take)(const backend_ops *self, size_t bytes, void **out);
    void (*give_back)(const backend_ops *self, void *block);

    /* From the program's memory to the device's, and back. */
    void (*upload)(const backend_ops *self, size_t bytes, const void *from, void *to);
    void (*download)(const backend_ops *self, size_t bytes, const void *from, void *to);

    /* --- Vectors --- */

    /* y (n) <- x, which does not overlap it; x (n) <- 0; x[i stride] <- value for i < n. */
    void (*copy)(const backend_ops *self, size_t n, const real *x, real *y);
    void (*zero)(const backend_ops *self, size_t n, real *x);
    void (*fill)(const backend_ops *self, size_t n, size_t stride, double value, real *x);

    /* y (n) <- by x, `by` rounded to a real first, a number of the program or one of the device's. y may be x. */
    void (*scale)(const backend_ops *self, size_t n, double by, const real *x, real *y);
    void (*scale_by)(const backend_ops *self, size_t n, const double *by, const real *x, real *y);

    /* *y <- *a times *b, in double. */
    void (*product)(const backend_ops *self, const double *a, const double *b, real *y);

    /* y (n) <- x, where *slot says which: slots of x and of y are so many reals apart, 0 where there is only one. Where
     * it is y itself, nothing moves. */
    void (*copy_slot)(const backend_ops *self, size_t n, const size_t *slot, const real *x, size_t x_apart, real *y,
                      size_t y_apart);

    /* y (n) <- the numbers nearest to x that have no more bits than `math`, which is not MATH_FP32 (rounding.h, by way of
     * a float in the double build). y may be x. */
    void (*round)(const backend_ops *self, size_t n, conv_math math, const real *x, real *y);

    /* y (n) <- x + sum over terms j of weight[j] k[j], added in order, each weight, which the device has, rounded to a
     * real first; zero weights are passed over. y may be x. */
    void (*combine)(const backend_ops *self, size_t n, const real *x, size_t terms, const double *weight,
                    const real *const *k, real *y);

    /* Rows of `columns` reals, so many reals apart: y <- x, which does not overlap it; y <- x transposed, (rows, columns)
     * to (columns, rows), both dense; and y (columns) += the rows of x in their order. */
    void (*copy_rows)(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_apart, real *y,
                      size_t y_apart);
    void (*transpose)(const backend_ops *self, size_t rows, size_t columns, const real *x, real *y);
    void (*add_rows)(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_apart, real *y);

    /* Whether x (n) has neither an infinity nor a NaN. */
    bool (*is_finite)(const backend_ops *self, size_t n, const real *x);

    /* *size <- the norm of the error sum_j weight[j] k[j], which is never stored; NaN if anything in it is. The weights
     * are the device's, as of combine. */
    void (*measure_error)(const backend_ops *self, const error_norm *norm, size_t terms, const double *weight,
                          const real *const *k, const real *y, const real *next, double *size);

    /* p (n), m (n), v (n) <- one step of Adam along g (n). */
    void (*adam)(const backend_ops *self, size_t n, const adam_step *step, const real *g, real *m, real *v, real *p);

    /* --- Steps of a solve --- */

    /* step_control_act, on a control in the device's memory. */
    void (*decide)(const backend_ops *self, step_action action, step_control *control);

    /* step(argument) again and again until *going, in the device's memory, is 0, which it may be at first. `step` calls
     * operations and nothing else, none that returns a number, and the same ones with the same arguments each time: a
     * device may call it when there is nothing to do, record the operations, and repeat them by itself. NULL where
     * memory is the program's: the caller calls (rk_step_repeat). */
    void (*repeat)(const backend_ops *self, void (*step)(void *argument), void *argument, const int *going);

    /* --- Networks --- */

    /* c (m, n) <- bias (n) + a (m, k) b (k, n); element (i, p) of a is a[i row + p column], so that a transposed
     * matrix is the same call. bias may be NULL for zeros. Sums run over p = 0 .. k - 1 in order. */
    void (*matmul)(const backend_ops *self, size_t m, size_t n, size_t k, const real *a, size_t row, size_t column,
                   const real *b, const real *bias, real *c);

    /* y (rows) <- [bias +] matrix (rows, columns) x; bias may be NULL. Its reverse adds to all three; bias_bar may be
     * NULL. */
    void (*apply)(const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *bias,
                  const real *x, real *y);
    void (*apply_reverse)(const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *x,
                          const real *ybar, real *matrix_bar, real *bias_bar, real *xbar);

    /* y (n) <- tanh(x), sigmoid(x), elu(x) = x or exp(x) - 1 below zero; y may be x. */
    void (*tanh)(const backend_ops *self, size_t n, const real *x, real *y);
    void (*sigmoid)(const backend_ops *self, size_t n, const real *x, real *y);
    void (*elu)(const backend_ops *self, size_t n, const real *x, real *y);

    /* bar (n), the cotangent of y = tanh(x), elu(x), becomes that of x. */
    void (*tanh_reverse)(const backend_ops *self, size_t n, const real *y, real *bar);
    void (*elu_reverse)(const backend_ops *self, size_t n, const real *y, real *bar);

    /* --- Points --- */

    /* One chunk of the toy field. z (D, CHUNK); dz (D, CHUNK) <- f; divergence (CHUNK) <- the exact trace, or
     * e . (J e) with probe e (D, CHUNK) where probe is not NULL. */
    void (*toy_evaluate)(const backend_ops *self, toy_shape shape, const real *theta, const real *z, const real *probe,
                         real *dz, real *divergence);

    /* Its reverse: for cotangents a (D, CHUNK) of f and l (CHUNK) of the divergence, zbar (D, CHUNK) <- a . df/dz +
     * l . ddivergence/dz, and theta_bar (stride) <- the same for theta, summed over the chunk. lanes is scratch for
     * LANES reals a number of theta. */
    void (*toy_reverse)(const backend_ops *self, toy_shape shape, const real *theta, const real *z, const real *probe,
                        const real *a, const real *l, real *zbar, real *theta_bar, real *lanes);

    /* --- Images: the field --- */

    /* Images of so many pixels that the device works on together, of a batch of so many (0: not known). */
    size_t (*images_together)(const backend_ops *self, size_t pixels, size_t batch);

    /* A convolution on this device, owned by the caller: see conv.h, which calls it. What it is given has been rounded to
     * `math`, so that it may multiply in units that read no more bits than these; sums are fp32's all the same. */
    status (*conv_create)(const backend_ops *self, conv_shape shape, conv_method method, conv_math math, conv **out);

    /* h and y (2, images, pixels, channels). y <- activation of h with bias (K, channels) added to its values, on dual
     * numbers; y may not be h. Where keep, the values of h give way to what dual_reverse needs. */
    void (*dual_activate)(const backend_ops *self, const dual_shape *shape, const real *bias, bool keep, real *h,
                          real *y);

    /* Its reverse, after a dual_activate that kept: the cotangent of y in ybar gives way to that of h, and bias_bar
     * (K, channels) gets that of the bias added. */
    void (*dual_reverse)(const backend_ops *self, const dual_shape *shape, const real *h, real *ybar, real *bias_bar);

    /* The same where nothing is activated: bias added to the values x (images, pixels, channels) alone. */
    void (*bias_add)(const backend_ops *self, const dual_shape *shape, const real *bias, real *x);
    void (*bias_reverse)(const backend_ops *self, const dual_shape *shape, const real *xbar, real *bias_bar);

    /* Of n images' f, e, product (n, D) each: divergence (n) <- e . product, kinetic (n) <- f . f, jacobian (n) <-
     * product . product, those that are not NULL, in double over LANES partial sums. */
    void (*image_products)(const backend_ops *self, size_t n, size_t D, const real *f, const real *e,
                           const real *product, real *divergence, real *kinetic, real *jacobian);

    /* Its reverse: fbar, product_bar (n, D) += what the three cotangents give, NULL for zero; e is not differentiated. */
    void (*image_products_reverse)(const backend_ops *self, size_t n, size_t D, const real *f, const real *e,
                                   const real *product, const real *divergence, const real *kinetic,
                                   const real *jacobian, real *fbar, real *product_bar);

    /* --- Images: what the context makes of the field --- */

    /* biases (K, out) += the convolution of the context c, at a pixel of each, by what the weight (out, inputs, 3, 3) has
     * for its channels. Entries of c that are zero may be passed over. */
    void (*context_bias)(const backend_ops *self, const context_shape *shape, const real *weight, const real *c,
                         real *biases);

    /* Its reverse: adds to weight_bar and cbar. */
    void (*context_bias_reverse)(const backend_ops *self, const context_shape *shape, const real *weight, const real *c,
                                 const real *bias_bar, real *weight_bar, real *cbar);

    /* y (rows, columns) <- each row of x times its gate; shift (rows) += gate times bias. */
    void (*gate)(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x,
                 const real *bias, real *y, real *shift);

    /* Its reverse, with the sigmoid before it: x_bar, bias_bar += gate times the cotangents of y and shift, and shift_bar
     * gives way to the cotangent of what the gate is the sigmoid of. */
    void (*gate_reverse)(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x,
                         const real *bias, const real *ybar, real *x_bar, real *bias_bar, real *shift_bar);

    /* root_bar += 2 root (sum of the terms, and *s times *clock_bar where not NULL), in double: the cotangent of root
     * where all of a flow's rates are multiplied by root squared, its end time. */
    void (*time_reverse)(const backend_ops *self, const dot_terms *terms, const double *s, const real *clock_bar,
                         const real *root, real *root_bar);

    /* --- Images: what a flow starts from and ends with --- */

    /* z (n, D) <- logit of x (n, D) in [0, 1], in double throughout:
     *
     *   y = alpha + (1 - 2 alpha) x,  z = log(y / (1 - y)),  log|dz/dx| = log(1 - 2 alpha) - log y - log(1 - y)
     *
     * and log_determinant (n) <- sums of the last over an image. x (n, D) <- the way back. */
    void (*logit)(const backend_ops *self, double alpha, size_t n, size_t D, const real *x, real *z,
                  double *log_determinant);
    void (*unlogit)(const backend_ops *self, double alpha, size_t n, size_t D, const real *z, real *x);

    /* y (n images) <- x squeezed, or back; y is not x. */
    void (*squeeze)(const backend_ops *self, const squeeze_shape *shape, size_t n, bool back, const real *x, real *y);

    /* sums (n) += x (n); sums (n) <- sum of the squares of each row of x (n, D), in order. Both in double. */
    void (*accumulate)(const backend_ops *self, size_t n, const real *x, double *sums);
    void (*squares)(const backend_ops *self, size_t n, size_t D, const real *x, double *sums);
};

#endif
