/* mlp.c - layers as matrix products over all rows at once. */
#include "context/mlp.h"

#include <math.h>
#include <stdbool.h>

void mlp_declare(mlp *net, parameter_table *table, const char *prefix) {
    net->first = table->total;
    for (size_t l = 0; l < net->layers; l++) {
        const size_t in = net->size[l], out = net->size[l + 1];
        net->weight[l] = parameter_table_add(table, out, in, "%s.%zu.weight", prefix, l) - net->first;
        net->bias[l] = parameter_table_add(table, out, 1, "%s.%zu.bias", prefix, l) - net->first;
    }
    net->count = table->total - net->first;
}

void mlp_initialise(const mlp *net, uint64_t seed, real *params) {
    const random_stream stream = {.seed = seed, .purpose = RANDOM_INITIALISATION};
    for (size_t l = 0; l < net->layers; l++) {
        const double bound = 1 / sqrt((double)net->size[l]);
        const size_t end = l + 1 < net->layers ? net->weight[l + 1] : net->count;
        for (size_t i = net->first + net->weight[l]; i < net->first + end; i++) {
            double u[4];
            random_uniform4(stream, i, 0, u);
            params[i] = (real)(bound * (2 * u[0] - 1));
        }
    }
}

static size_t widest(const mlp *net) {
    size_t width = 0;
    for (size_t l = 1; l < net->layers; l++)
        if (net->size[l] > width) width = net->size[l];
    return width;
}

static size_t largest_weight(const mlp *net) {
    size_t largest = 0;
    for (size_t l = 0; l < net->layers; l++)
        if (net->size[l] * net->size[l + 1] > largest) largest = net->size[l] * net->size[l + 1];
    return largest;
}

/* Workspace: the hidden activations h_1 .. h_{L-1}, two cotangents of the widest, one transposed weight. */
size_t mlp_workspace(const mlp *net, size_t rows) {
    size_t hidden = 0;
    for (size_t l = 1; l < net->layers; l++) hidden += net->size[l];
    return rows * (hidden + 2 * widest(net)) + largest_weight(net);
}

static void activate(const mlp *net, const backend_ops *backend, size_t n, real *h) {
    if (net->activation == MLP_TANH) backend->tanh(backend, n, h, h);
    else backend->elu(backend, n, h, h);
}

static void activate_backward(const mlp *net, const backend_ops *backend, size_t n, const real *y, real *bar) {
    if (net->activation == MLP_TANH) backend->tanh_backward(backend, n, y, bar);
    else backend->elu_backward(backend, n, y, bar);
}

void mlp_forward(const mlp *net, const backend_ops *backend, size_t rows, const real *params, const real *x, real *y,
                 real *workspace) {
    real *hidden = workspace, *transposed = workspace + mlp_workspace(net, rows) - largest_weight(net);
    for (size_t l = 0; l < net->layers; l++) {
        const size_t in = net->size[l], out = net->size[l + 1];
        const real *weight = params + net->first + net->weight[l]; /* (out, in) */
        backend->transpose(backend, out, in, weight, transposed);
        const bool last = l + 1 == net->layers;
        real *h = last ? y : hidden;
        backend->matmul(backend, rows, out, in, x, in, 1, transposed, params + net->first + net->bias[l], h);
        if (last) break;
        activate(net, backend, rows * out, h);
        x = h;
        hidden += rows * out;
    }
}

void mlp_backward(const mlp *net, const backend_ops *backend, size_t rows, const real *params, const real *x,
                  const real *ybar, real *xbar, real *gradient, real *workspace) {
    size_t hidden = 0; /* reals before h_{l+1} in the workspace */
    for (size_t l = 1; l < net->layers; l++) hidden += rows * net->size[l];
    real *cotangents[2] = {workspace + hidden, workspace + hidden + rows * widest(net)};
    const real *hbar = ybar;
    for (size_t l = net->layers; l-- > 0;) {
        const size_t in = net->size[l], out = net->size[l + 1];
        if (l > 0) hidden -= rows * in;
        const real *h = l > 0 ? workspace + hidden : x; /* (rows, in), the layer's input */
        real *bias = gradient + net->bias[l];
        backend->zero(backend, out, bias);
        backend->add_rows(backend, rows, out, hbar, out, bias);
        backend->matmul(backend, out, in, rows, hbar, 1, out, h, NULL, gradient + net->weight[l]);
        real *below = l > 0 ? cotangents[l % 2] : xbar;
        if (!below) break;
        backend->matmul(backend, rows, in, out, hbar, out, 1, params + net->first + net->weight[l], NULL, below);
        if (l > 0) activate_backward(net, backend, rows * in, h, below);
        hbar = below;
    }
}
