/* stack.h - a field that is a list of layers, of which each takes in the context: what all such fields share.
 *
 *   x_0 = z,  x_{l+1} = s(W_l(c) x_l + b_l(c)),  f = W_L(c) x_L + b_L(c)
 *
 * on dual numbers: a chunk of rows is (2, rows, pixels, channels), values, then tangents, so that a layer is one product
 * over both. A field says how its layers multiply (stack_ops); W_l and b_l at an instant are the intake's (intake.h).
 * Channels may be padded with zeros to a width that the product likes. */
#ifndef AFFJORD_FIELD_LAYERS_STACK_H
#define AFFJORD_FIELD_LAYERS_STACK_H

#include "field/chunked.h"
#include "field/layers/intake.h"

enum { STACK_LAYERS_MAX = 9 };

typedef struct stack stack;

/* A layer; the field sets what it does not create. */
typedef struct stack_layer {
    intake in_context; /* (out, columns): its weight and bias at an instant */
    size_t in, out; /* channels that are multiplied */
    size_t wide_in, wide_out; /* with their padding */
    size_t vectors; /* K, vectors of bias */
    const uint32_t *bias_of; /* (pixels): which of them; NULL where K = 1 */
    size_t forward_reals, backward_reals, gradient_reals; /* of the weight, as products want it, and of its gradient */

    real *forward, *backward; /* weights, as products want them */
    real *bias; /* (K, wide_out) */
    size_t gradient, bias_gradient; /* offsets in a group's sums: (gradient_reals), (K, wide_out) */
} stack_layer;

typedef struct stack_ops {
    /* forward, backward <- the intake's weight. */
    void (*pack)(stack *self, size_t l);

    /* bias += what channels of the context c give. NULL: there are none. */
    void (*see)(stack *self, size_t l, const real *c);

    /* The reverse: whole_bar, zero, <- cotangent of the weight, from the sums; what the context has is added to cbar. */
    void (*unfold)(stack *self, size_t l, const real *c, real *cbar);

    /* h (2 rows, pixels, wide_out) <- the product of x (2 rows, pixels, wide_in). */
    void (*multiply)(const stack *self, size_t l, size_t rows, size_t thread, const real *x, real *h);

    /* The reverse: below <- cotangent of x for that of h; gradient (gradient_reals) += that of the weight. */
    void (*backward)(const stack *self, size_t l, size_t rows, size_t thread, const real *x, const real *bar,
                     real *below, real *gradient);
} stack_ops;

/* What one thread needs for one chunk. */
typedef struct stack_workspace {
    real *x[STACK_LAYERS_MAX]; /* inputs of layers */
    real *h[STACK_LAYERS_MAX]; /* what products give; the last is f and J e */
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
    bool whole; /* chunks are always worked on whole, missing rows as zeros */
    size_t room_reals; /* of a thread, for stack_ops.backward */
    double deviation; /* of a hyper layer at the start, see intake.h */
    size_t layers; /* L + 1 */
    stack_layer layer[STACK_LAYERS_MAX];
    stack_workspace *workspaces; /* (threads) */
    real *whole_bar, *room; /* (the largest intake), (the largest out C), while accumulating */
};

/* Begin one, in a field that is new, in chunks of so many rows; `layers`, `pixels` and each layer are the field's to set
 * and declare, and then stack_build takes memory. Errors: STATUS_MEMORY. */
void stack_begin(stack *self, const stack_ops *by, activation function, size_t chunk, parallel *workers);
status stack_build(stack *self);

/* field_ops, with chunked_forward and chunked_backward. */
void stack_initialise(const field *self, uint64_t seed, real *params);
void stack_set_params(field *self, const real *params);
status stack_prepare(field *self, const real *params, const real *c);
status stack_accumulate(field *self, const real *params, const real *c, real *gradient, real *cbar);

#endif
