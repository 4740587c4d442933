/* stack.h - a field that is a list of layers with the context.
 *
 *   x_0 = z,  x_{l+1} = s(W_l(c) x_l + b_l(c)),  f = W_L(c) x_L + b_L(c)
 *
 * on dual numbers: a chunk of rows is (2, rows, pixels, channels), values, then tangents, so a layer is one product
 * over both. A field defines the product of its layers (stack_ops); the intake computes W_l and b_l at one time
 * (intake.h). Channels may be padded with zeros to a width that suits the product. */
#ifndef AFFJORD_FIELD_LAYERS_STACK_H
#define AFFJORD_FIELD_LAYERS_STACK_H

#include "field/chunked.h"
#include "field/layers/intake.h"

enum { STACK_LAYERS_MAX = 9 };

typedef struct stack stack;

/* A layer; the field sets the members that the stack does not create. */
typedef struct stack_layer {
    intake in_context; /* (out, columns): its weight and bias at one time */
    size_t in, out; /* channels of the product */
    size_t wide_in, wide_out; /* with their padding */
    size_t vectors; /* K, vectors of bias */
    const uint32_t *bias_of; /* (pixels): the index of each pixel's bias; NULL if K = 1 */
    size_t forward_reals, backward_reals, gradient_reals; /* sizes of the packed weight and its gradient */

    real *forward, *backward; /* packed weights */
    real *bias; /* (K, wide_out) */
    size_t gradient, bias_gradient; /* offsets in a group's sums: (gradient_reals), (K, wide_out) */
} stack_layer;

typedef struct stack_ops {
    /* forward, backward <- the packed weight of the intake; either may be NULL. */
    void (*pack)(stack *self, size_t l, real *forward, real *backward);

    /* bias += the contribution of channels of the context c. NULL: there are none. */
    void (*see)(stack *self, size_t l, const real *c);

    /* Backward: whole_bar, initially zero, <- the cotangent of the weight, from the sums; cbar += the context's
     * part. */
    void (*unfold)(stack *self, size_t l, const real *c, real *cbar);

    /* h (2 rows, pixels, wide_out) <- the product of x (2 rows, pixels, wide_in). */
    void (*multiply)(const stack *self, size_t l, size_t rows, size_t thread, const real *x, real *h);

    /* Backward: below <- the cotangent of x from that of h; gradient (gradient_reals) += that of the weight. */
    void (*backward)(const stack *self, size_t l, size_t rows, size_t thread, const real *x, const real *bar,
                     real *below, real *gradient);
} stack_ops;

/* Workspace of one thread for one chunk. */
typedef struct stack_workspace {
    real *x[STACK_LAYERS_MAX]; /* inputs of layers */
    real *h[STACK_LAYERS_MAX]; /* results of products; the last is f and J e */
    real *cotangent[2]; /* of the widest */
    real *dense[3]; /* (chunk, D): f, e, J e without their padding */
    real *room; /* (room_reals), and cotangents of f and J e without their padding */
} stack_workspace;

/* A field begins with it. */
struct stack {
    chunked of;
    const stack_ops *by;
    activation function; /* s */
    size_t pixels; /* of a row; 1 for tables */
    bool whole; /* chunks are always processed whole, with zeros for missing rows */
    size_t room_reals; /* of a thread, for stack_ops.backward */
    double deviation; /* for a hyper layer's initial bias, see intake.h */
    size_t layers; /* L + 1 */
    stack_layer layer[STACK_LAYERS_MAX];
    stack_workspace *workspaces; /* (threads) */
    bool backward_packed; /* the weights that move, of the last instant: a solve forward needs none */
    real *whole_bar, *room; /* (the largest intake), (the largest out C), while accumulating */
};

/* Start a new field with chunks of `chunk` rows. The field then sets `layers`, `pixels` and each layer and declares
 * them, and stack_build allocates memory. Errors: STATUS_MEMORY. */
void stack_begin(stack *self, const stack_ops *by, activation function, size_t chunk, parallel *workers);
status stack_build(stack *self);

/* The field_ops, with chunked_forward. */
void stack_initialise(const field *self, uint64_t seed, real *params);
void stack_set_params(field *self, const real *params);
status stack_prepare(field *self, const real *params, const real *c);
status stack_backward(field *self, size_t n, const real *z, const real *e, const field_values *bar,
                      const field_values *out, real *zbar);
status stack_accumulate(field *self, const real *params, const real *c, real *gradient, real *cbar);

#endif
