/* mlp.h - a fully connected network on rows, and its backward pass.
 *
 *   h_0 = x,  h_l = activation(W_l h_{l-1} + b_l),  y = W_L h_{L-1} + b_L
 *
 * It is g, the derivative of the augmented context, and the hypernet that makes a field's weights from the context.
 * Weights have the layout of PyTorch's Linear, (out, in). All arrays except those of mlp_initialise are in the
 * backend's memory. */
#ifndef AFFJORD_CONTEXT_MLP_H
#define AFFJORD_CONTEXT_MLP_H

#include "backend/backend.h"
#include "base/parameters.h"
#include "base/random.h"

enum { MLP_LAYERS_MAX = 6 };

typedef enum mlp_activation { MLP_TANH, MLP_ELU } mlp_activation;

typedef struct mlp {
    size_t layers; /* L, linear maps */
    size_t size[MLP_LAYERS_MAX + 1]; /* input, hidden ..., output */
    mlp_activation activation;
    size_t first, count; /* the network's range in the block of parameters */
    size_t weight[MLP_LAYERS_MAX], bias[MLP_LAYERS_MAX]; /* offsets in this range */
} mlp;

/* Add the parameters of `net`, whose layers, size and activation are set, to the table as prefix.0.weight,
 * prefix.0.bias, prefix.1.weight, ... */
void mlp_declare(mlp *net, parameter_table *table, const char *prefix);

/* params <- U(-1/sqrt(in), 1/sqrt(in)) for weights and biases, as PyTorch's Linear; number i of the block is draw i of
 * (seed, RANDOM_INITIALISATION). */
void mlp_initialise(const mlp *net, uint64_t seed, real *params);

/* Return the reals of workspace for `rows` rows. `backward` reads what `forward` wrote there. */
size_t mlp_workspace(const mlp *net, size_t rows);

/* y (rows, out) <- the network at x (rows, in). */
void mlp_forward(const mlp *net, const backend_ops *backend, size_t rows, const real *params, const real *x, real *y,
                 real *workspace);

/* For the cotangent ybar (rows, out) of y: xbar (rows, in), if not NULL, <- the cotangent of x; gradient (count),
 * the network's range alone, <- sums over rows. Follows a forward with the same x, params and workspace. */
void mlp_backward(const mlp *net, const backend_ops *backend, size_t rows, const real *params, const real *x,
                  const real *ybar, real *xbar, real *gradient, real *workspace);

#endif
