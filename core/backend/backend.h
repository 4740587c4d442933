/* backend.h - the table of operations that a device implements.
 *
 * Points are processed in chunks of CHUNK, each chunk coordinate by coordinate (structure of arrays), so that a vector
 * register holds one coordinate of neighbouring points. The last chunk of a batch is padded with zeros, which add
 * nothing to any sum.
 *
 * Every operation is a fixed sequence of IEEE operations: a sum over the points of a chunk uses PARTIAL_SUMS partial
 * sums, which are reduced pairwise, and chunks are added in their order. The result has the same bits for every
 * processor level and number of threads.
 *
 * Legend: D dimension, W hidden units, K = 2 D + 2 weights for each hidden unit. */
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
    PARTIAL_SUMS = 16, /* partial sums of a sum over points */
    CHUNK = 128, /* points processed together */
    ALIGNMENT = 64,
    TOY_DIMENSION_MAX = 64 /* D of the toy field */
};

/* The shape of the toy field at one time,
 *
 *   f_d(z) = sum_j u_jd tanh(w_j . z + b_j),    tr df/dz = sum_j c_j (1 - tanh^2(...)),  c_j = u_j . w_j,
 *
 * with weights theta (W, K): [w_j (D), b_j, u_j (D), c_j] for each unit. */
typedef struct toy_shape {
    size_t dimension; /* D */
    size_t width; /* W */
} toy_shape;

/* Return the number of weights of a hidden unit, and the size of theta rounded up to a multiple of PARTIAL_SUMS. */
static inline size_t toy_unit(toy_shape shape) {
    return 2 * shape.dimension + 2;
}
static inline size_t toy_stride(toy_shape shape) {
    return (shape.width * toy_unit(shape) + PARTIAL_SUMS - 1) / PARTIAL_SUMS * PARTIAL_SUMS;
}

/* Adam's constants for one step (Kingma and Ba 2015), including the bias corrections. */
typedef struct adam_step {
    double beta1, beta2;
    double step_size; /* learning rate / (1 - beta1^t) */
    double root_correction; /* sqrt(1 - beta2^t) */
    double epsilon;
} adam_step;

/* The norm of a step's error: the largest, over consecutive parts of the state, of the root mean square of
 *
 *   error / (atol + rtol max(|y|, |next|)).
 */
typedef struct error_norm {
    double atol, rtol;
    size_t parts;
    const size_t *length; /* (parts), reals of each, positive */
    size_t finite; /* first reals of `next` and of the last term that must be finite; 0: not checked */
} error_norm;

/* A sum of dot products a[i] . b[i] of length n[i]; NULL for an absent term. */
enum { DOT_TERMS_MAX = 5 };
typedef struct dot_terms {
    size_t count, n[DOT_TERMS_MAX];
    const real *a[DOT_TERMS_MAX], *b[DOT_TERMS_MAX];
} dot_terms;

typedef struct backend_ops backend_ops;

/* The table of operations. An implementation with its own state begins with it, so operations receive it as `self`.
 *
 * Arrays are in device memory, which only operations access. The caller owns structures and tables that describe the
 * work (shapes, lists of pointers); an operation reads them before it returns. Operations take effect in the order of
 * their calls. Those that return a number wait for it. No operation but `alloc` and conv_create allocates. */
struct backend_ops {
    const char *name;
    bool concurrent; /* several threads may call operations at once */

    /* --- Memory --- */

    /* *out <- `bytes` of zeros, aligned to ALIGNMENT, which the caller returns by release. Both are NULL if device
     * memory is host memory; memory.h handles both cases. Errors: STATUS_MEMORY. */
    status (*alloc)(const backend_ops *self, size_t bytes, void **out);
    void (*release)(const backend_ops *self, void *block);

    /* Copy between host memory and device memory. */
    void (*copy_to_device)(const backend_ops *self, size_t bytes, const void *from, void *to);
    void (*copy_to_host)(const backend_ops *self, size_t bytes, const void *from, void *to);

    /* --- Vectors --- */

    /* y (n) <- x, without overlap; x (n) <- 0; x[i stride] <- value for i < n. */
    void (*copy)(const backend_ops *self, size_t n, const real *x, real *y);
    void (*zero)(const backend_ops *self, size_t n, real *x);
    void (*fill)(const backend_ops *self, size_t n, size_t stride, double value, real *x);

    /* y (n) <- by x. `by`, from the host or from device memory, is first rounded to a real. y may be x. */
    void (*scale)(const backend_ops *self, size_t n, double by, const real *x, real *y);
    void (*scale_by)(const backend_ops *self, size_t n, const double *by, const real *x, real *y);

    /* *y <- *a times *b, in double. */
    void (*product)(const backend_ops *self, const double *a, const double *b, real *y);

    /* y (n) <- x in slot *slot of x or y, whose slots are x_stride and y_stride reals apart; 0 if there is only one. If
     * source and destination are equal, nothing is copied. */
    void (*copy_slot)(const backend_ops *self, size_t n, const size_t *slot, const real *x, size_t x_stride, real *y,
                      size_t y_stride);

    /* y (n) <- x rounded to the precision of `math`, which is not MATH_FP32 (rounding.h; the double build rounds to a
     * float first). y may be x. */
    void (*round)(const backend_ops *self, size_t n, conv_math math, const real *x, real *y);

    /* y (n) <- x + sum over terms j of weight[j] k[j], added in order. Weights are in device memory and are first
     * rounded to reals; zero weights are skipped. y may be x. */
    void (*combine)(const backend_ops *self, size_t n, const real *x, size_t terms, const double *weight,
                    const real *const *k, real *y);

    /* Operations on rows of `columns` reals at distance x_stride or y_stride: y <- x, without overlap; y (columns,
     * rows) <- the transpose of x (rows, columns), both dense; y (columns) += the rows of x in order. */
    void (*copy_rows)(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y,
                      size_t y_stride);
    void (*transpose)(const backend_ops *self, size_t rows, size_t columns, const real *x, real *y);
    void (*add_rows)(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y);

    /* Return whether all of x (n) is finite. */
    bool (*is_finite)(const backend_ops *self, size_t n, const real *x);

    /* *size <- the norm of the error sum_j weight[j] k[j], which is not stored; NaN if any input is NaN. Weights are in
     * device memory, as in combine. */
    void (*measure_error)(const backend_ops *self, const error_norm *norm, size_t terms, const double *weight,
                          const real *const *k, const real *y, const real *next, double *size);

    /* p (n), m (n), v (n) <- one step of Adam with the gradient g (n). */
    void (*adam)(const backend_ops *self, size_t n, const adam_step *step, const real *g, real *m, real *v, real *p);

    /* --- Steps of a solve --- */

    /* Call step_control_act on a control in device memory. */
    void (*decide)(const backend_ops *self, step_action action, step_control *control);

    /* Call step(argument) repeatedly until *going, in device memory, is 0; it may be 0 at first. `step` only calls
     * operations, none of which returns a number, always the same ones with the same arguments. A device may therefore
     * call it once, even if *going is 0, record the operations and repeat them. NULL if device memory is host memory;
     * the caller then calls it in a loop. */
    void (*repeat)(const backend_ops *self, void (*step)(void *argument), void *argument, const int *going);

    /* --- Networks --- */

    /* c (m, n) <- bias (n) + a (m, k) b (k, n). Element (i, p) of a is a[i row + p column], which allows a transposed
     * matrix. bias may be NULL for zeros. Sums run over p = 0 .. k - 1 in order. */
    void (*matmul)(const backend_ops *self, size_t m, size_t n, size_t k, const real *a, size_t row, size_t column,
                   const real *b, const real *bias, real *c);

    /* y (rows) <- [bias +] matrix (rows, columns) x; bias may be NULL. The backward pass adds to all three cotangents;
     * bias_bar may be NULL. */
    void (*apply)(const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *bias,
                  const real *x, real *y);
    void (*apply_backward)(const backend_ops *self, size_t rows, size_t columns, const real *matrix, const real *x,
                           const real *ybar, real *matrix_bar, real *bias_bar, real *xbar);

    /* Choose how matrices of this size are applied, before their first use. NULL: there is nothing to choose. */
    void (*plan_apply)(const backend_ops *self, size_t rows, size_t columns);

    /* y (n) <- tanh(x), sigmoid(x), elu(x), where elu(x) = x, or exp(x) - 1 for x < 0; y may be x. */
    void (*tanh)(const backend_ops *self, size_t n, const real *x, real *y);
    void (*sigmoid)(const backend_ops *self, size_t n, const real *x, real *y);
    void (*elu)(const backend_ops *self, size_t n, const real *x, real *y);

    /* Replace bar (n), the cotangent of y = tanh(x) or elu(x), by that of x. */
    void (*tanh_backward)(const backend_ops *self, size_t n, const real *y, real *bar);
    void (*elu_backward)(const backend_ops *self, size_t n, const real *y, real *bar);

    /* --- Points --- */

    /* Evaluate the toy field on one chunk: for z (D, CHUNK), dz (D, CHUNK) <- f; divergence (CHUNK) <- the exact trace,
     * or e . (J e) for a probe e (D, CHUNK) if probe is not NULL. */
    void (*toy_evaluate)(const backend_ops *self, toy_shape shape, const real *theta, const real *z, const real *probe,
                         real *dz, real *divergence);

    /* The backward pass of toy_evaluate: for cotangents a (D, CHUNK) of f and l (CHUNK) of the divergence, zbar (D,
     * CHUNK) <- a . df/dz + l . ddivergence/dz, and theta_bar (stride) <- the same for theta, summed over the chunk.
     * `partial` is scratch, PARTIAL_SUMS reals for each weight. */
    void (*toy_backward)(const backend_ops *self, toy_shape shape, const real *theta, const real *z, const real *probe,
                         const real *a, const real *l, real *zbar, real *theta_bar, real *partial);

    /* --- Images: the field --- */

    /* Return the number of images of `pixels` pixels that the device processes together, for a batch of `batch` (0:
     * unknown). */
    size_t (*images_together)(const backend_ops *self, size_t pixels, size_t batch);

    /* Create a convolution, which the caller owns; only conv.h calls this. Its inputs have been rounded to `math`, so
     * the device may use units that read no more bits. Sums are fp32. */
    status (*conv_create)(const backend_ops *self, conv_shape shape, conv_method method, conv_math math, conv **out);

    /* y (2, images, pixels, channels) <- the activation of h (same shape) plus bias (K, channels), on dual numbers; the
     * bias is added to the values only. y is not h. With `keep`, the values of h are overwritten by the input of
     * dual_backward. */
    void (*dual_activate)(const backend_ops *self, const dual_shape *shape, const real *bias, bool keep, real *h,
                          real *y);

    /* The backward pass of dual_activate with `keep`: ybar, the cotangent of y, becomes that of h; bias_bar (K,
     * channels) += that of the bias. */
    void (*dual_backward)(const backend_ops *self, const dual_shape *shape, const real *h, real *ybar, real *bias_bar);

    /* Add bias to values x (images, pixels, channels) without activation, and its backward pass. */
    void (*bias_add)(const backend_ops *self, const dual_shape *shape, const real *bias, real *x);
    void (*bias_backward)(const backend_ops *self, const dual_shape *shape, const real *xbar, real *bias_bar);

    /* y (2, images, pixels, channels) <- x (same shape) plus self-attention of x, on dual numbers: with q, k, v linear
     * in x, softmax(q kT / sqrt(size)) v of all heads times `out`. y is not x; `scratch` is attention_scratch reals.
     * NULL if the device has none, as attention_backward and attention_scratch are then. */
    void (*attention)(const backend_ops *self, const attention_shape *shape, const real *packed, const real *x, real *y,
                      real *scratch);

    /* Its backward pass: bar, the cotangent of y, becomes that of x; gradient (attention_weights()) += that of the
     * weights. */
    void (*attention_backward)(const backend_ops *self, const attention_shape *shape, const real *packed, const real *x,
                               real *bar, real *gradient, real *scratch);
    size_t (*attention_scratch)(const backend_ops *self, const attention_shape *shape);

    /* For f, e, product (n, D) of n images: divergence (n) <- e . product, kinetic (n) <- f . f, jacobian (n) <-
     * product . product, except those that are NULL, in double with PARTIAL_SUMS partial sums. */
    void (*image_products)(const backend_ops *self, size_t n, size_t D, const real *f, const real *e,
                           const real *product, real *divergence, real *kinetic, real *jacobian);

    /* The backward pass of image_products: fbar, product_bar (n, D) += the contribution of the three cotangents, NULL
     * for zero. e has no cotangent. */
    void (*image_products_backward)(const backend_ops *self, size_t n, size_t D, const real *f, const real *e,
                                    const real *product, const real *divergence, const real *kinetic,
                                    const real *jacobian, real *fbar, real *product_bar);

    /* --- Images: the context's biases and gates --- */

    /* biases (K, out) += the convolution of the context channels c with their part of the weight (out, inputs, 3, 3),
     * at one pixel of each bias vector. Zero entries of c may be skipped. */
    void (*context_bias)(const backend_ops *self, const context_shape *shape, const real *weight, const real *c,
                         real *biases);

    /* The backward pass of context_bias: adds to weight_bar and cbar. */
    void (*context_bias_backward)(const backend_ops *self, const context_shape *shape, const real *weight,
                                  const real *c, const real *bias_bar, real *weight_bar, real *cbar);

    /* y (rows, columns) <- each row of x times its gate; shift (rows) += gate times bias. */
    void (*gate)(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x,
                 const real *bias, real *y, real *shift);

    /* The backward pass of gate and of the sigmoid before it: x_bar, bias_bar += gate times the cotangents of y and
     * shift; shift_bar becomes the cotangent of the sigmoid's argument. */
    void (*gate_backward)(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x,
                          const real *bias, const real *ybar, real *x_bar, real *bias_bar, real *shift_bar);

    /* root_bar += 2 root (sum of the terms, plus *s times *clock_bar unless NULL), in double. This is the cotangent of
     * root if all rates of a flow are multiplied by its end time root^2. */
    void (*time_backward)(const backend_ops *self, const dot_terms *terms, const double *s, const real *clock_bar,
                          const real *root, real *root_bar);

    /* --- Images: the first and last operations of a flow --- */

    /* z (n, D) <- logit of x (n, D) in [0, 1], in double throughout:
     *
     *   y = alpha + (1 - 2 alpha) x,  z = log(y / (1 - y)),  log|dz/dx| = log(1 - 2 alpha) - log y - log(1 - y)
     *
     * and log_determinant (n) <- the sum of log|dz/dx| over each image. unlogit is the inverse: x (n, D) <- z. */
    void (*logit)(const backend_ops *self, double alpha, size_t n, size_t D, const real *x, real *z,
                  double *log_determinant);
    void (*unlogit)(const backend_ops *self, double alpha, size_t n, size_t D, const real *z, real *x);

    /* y (n images) <- x squeezed, or the inverse; y is not x. */
    void (*squeeze)(const backend_ops *self, const squeeze_shape *shape, size_t n, bool inverse, const real *x,
                    real *y);

    /* sums (n) += x (n); sums (n) <- sum of the squares of each row of x (n, D), in order. Both in double. */
    void (*accumulate)(const backend_ops *self, size_t n, const real *x, double *sums);
    void (*squares)(const backend_ops *self, size_t n, size_t D, const real *x, double *sums);
};

#endif
