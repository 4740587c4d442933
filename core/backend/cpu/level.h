/* level.h - declarations that the files of the processor's backend share.
 *
 * Each level of vector instructions has its own table: kernels that gain from it are compiled for each level
 * (kernels.inc), the rest once. */
#ifndef AFFJORD_BACKEND_CPU_LEVEL_H
#define AFFJORD_BACKEND_CPU_LEVEL_H

#include "backend/backend.h"
#include "backend/cpu/conv_kernels.h"

/* The first parameter of an operation that does not use it. */
#define UNUSED_SELF const backend_ops *self __attribute__((unused))

/* The table of a level, with kernels for the convolutions of this backend. Images are x (.., in), y (.., out), one
 * after the other; sums have one order on all levels. */
typedef struct cpu_level_ops {
    backend_ops table;

    /* y <- the convolution of x by w (out, 9, in); in is a multiple of PARTIAL_SUMS, out is 1 .. FEW_CHANNELS_MAX. */
    void (*few_channels_convolve)(const image_stack *s, size_t in, size_t out, const real *w, const real *x, real *y,
                                  real *scratch);

    /* y <- the convolution of x by w (9, in, out); gradient (9, in, out) += cotangent of w for the cotangent ybar of y.
     * padded (height + 2, width + 2, in) is scratch. */
    void (*direct_convolve)(const image_stack *s, size_t in, size_t out, const real *w, const real *x, real *y,
                            real *padded);
    void (*direct_outer)(const image_stack *s, size_t in, size_t out, const real *x, const real *ybar, real *gradient,
                         real *padded);

    /* to (9, n) <- from (n, 9), whose rows are `distance` reals apart, those of `to` tap_distance; turned: with the
     * taps in reverse order. give_taps is the inverse. */
    void (*take_taps)(size_t n, const real *from, size_t distance, bool turned, real *to, size_t tap_distance);
    void (*give_taps)(size_t n, const real *from, size_t tap_distance, bool turned, real *to, size_t distance);

    /* One input channel of a packed weight (36, in, round_to_vectors(out)), whose planes are winograd_weight_stride
     * apart, <- the transform of that channel, w (9, out). The same two operations by Winograd's method. */
    void (*winograd_pack)(size_t in, size_t out, const real *w, real *packed);
    void (*winograd_convolve)(const image_stack *s, size_t in, size_t out, const real *packed, const real *x, real *y,
                              const winograd_scratch *scratch);
    void (*winograd_outer)(const image_stack *s, size_t in, size_t out, const real *x, const real *ybar, real *gradient,
                           const winograd_scratch *scratch);
} cpu_level_ops;

/* Operations that are the same code on all levels: vectors.c, networks.c, images.c. */
void copy_cpu(const backend_ops *self, size_t n, const real *x, real *y);
void copy_bytes_cpu(const backend_ops *self, size_t bytes, const void *from, void *to);
void zero_cpu(const backend_ops *self, size_t n, real *x);
void fill_cpu(const backend_ops *self, size_t n, size_t stride, double value, real *x);
void scale_cpu(const backend_ops *self, size_t n, double by, const real *x, real *y);
void scale_by_cpu(const backend_ops *self, size_t n, const double *by, const real *x, real *y);
void product_cpu(const backend_ops *self, const double *a, const double *b, real *y);
void copy_slot_cpu(const backend_ops *self, size_t n, const size_t *slot, const real *x, size_t x_stride, real *y,
                   size_t y_stride);
void round_cpu(const backend_ops *self, size_t n, conv_math math, const real *x, real *y);
void copy_rows_cpu(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y,
                   size_t y_stride);
void transpose_cpu(const backend_ops *self, size_t rows, size_t columns, const real *x, real *y);
void add_rows_cpu(const backend_ops *self, size_t rows, size_t columns, const real *x, size_t x_stride, real *y);
bool is_finite_cpu(const backend_ops *self, size_t n, const real *x);
void measure_error_cpu(const backend_ops *self, const error_norm *norm, size_t terms, const double *weight,
                       const real *const *k, const real *y, const real *next, double *size);
void decide_cpu(const backend_ops *self, step_action action, step_control *control);
void accumulate_cpu(const backend_ops *self, size_t n, const real *x, double *sums);
void squares_cpu(const backend_ops *self, size_t n, size_t D, const real *x, double *sums);

void elu_cpu(const backend_ops *self, size_t n, const real *x, real *y);
void tanh_backward_cpu(const backend_ops *self, size_t n, const real *y, real *bar);
void elu_backward_cpu(const backend_ops *self, size_t n, const real *y, real *bar);
void gate_cpu(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x, const real *bias,
              real *y, real *shift);
void gate_backward_cpu(const backend_ops *self, size_t rows, size_t columns, const real *gate, const real *x,
                       const real *bias, const real *ybar, real *x_bar, real *bias_bar, real *shift_bar);
void time_backward_cpu(const backend_ops *self, const dot_terms *terms, const double *s, const real *clock_bar,
                       const real *root, real *root_bar);

size_t images_together_cpu(const backend_ops *self, size_t pixels, size_t batch);
void bias_add_cpu(const backend_ops *self, const dual_shape *shape, const real *bias, real *x);
void bias_backward_cpu(const backend_ops *self, const dual_shape *shape, const real *xbar, real *bias_bar);
void image_products_cpu(const backend_ops *self, size_t n, size_t D, const real *f, const real *e, const real *product,
                        real *divergence, real *kinetic, real *jacobian);
void image_products_backward_cpu(const backend_ops *self, size_t n, size_t D, const real *f, const real *e,
                                 const real *product, const real *divergence, const real *kinetic, const real *jacobian,
                                 real *fbar, real *product_bar);
void logit_cpu(const backend_ops *self, double alpha, size_t n, size_t D, const real *x, real *z,
               double *log_determinant);
void unlogit_cpu(const backend_ops *self, double alpha, size_t n, size_t D, const real *z, real *x);
void squeeze_cpu(const backend_ops *self, const squeeze_shape *shape, size_t n, bool inverse, const real *x, real *y);

#endif
