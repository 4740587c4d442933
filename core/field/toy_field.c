/* toy_field.c - from the hypernet's outputs to the numbers of the field, and back.
 *
 * The kernel wants f_d = sum_j u'_jd tanh(w_j . z + b'_j) with trace weights c_j (see backend.h), so at each instant
 *   u'_jd = u_jd sigmoid(g_jd) / W
 *   b'_j  = b_j + sum_a w_j,D+a c_a      joining c to z costs nothing for the batch: c is the same for all points
 *   c_j   = sum_d u'_jd w_jd
 * The outputs of f for the joined coordinates, which the authors' release computes and drops, do not exist here. */
#include <string.h>

#include "field/field.h"

typedef struct toy_field {
    field base;
    toy_shape shape;
    size_t context; /* C */
    size_t inputs; /* D, or D + C where joined */
    size_t outputs; /* of the hypernet: W (inputs + 2 D + 1) */
    mlp hypernet;
    real *raw; /* (instants, outputs): what the hypernet gave; on the way back, its cotangent */
    real *gate; /* (instants, D, W): sigmoid(g) */
    real *joined; /* (instants, C): cotangent that c has from being joined to z */
    real *net; /* the hypernet's workspace */
} toy_field;

static const toy_field *as_toy(const field *self) {
    return (const toy_field *)self;
}

/* The hypernet's outputs at one instant, each a row of W numbers. */
typedef struct outputs {
    real *w; /* (inputs, W) */
    real *u; /* (D, W) */
    real *g; /* (D, W) */
    real *b; /* (W) */
} outputs;

static outputs split(const toy_field *self, real *raw) {
    const size_t W = self->shape.width, D = self->shape.dimension;
    outputs o = {.w = raw};
    o.u = o.w + self->inputs * W;
    o.g = o.u + D * W;
    o.b = o.g + D * W;
    return o;
}

static void toy_initialise(const field *self, uint64_t seed, real *params) {
    mlp_initialise(&as_toy(self)->hypernet, seed, params);
}

static void toy_prepare(const field *base, size_t instants, const real *params, const real *c, real *theta) {
    const toy_field *self = as_toy(base);
    const size_t W = self->shape.width, D = self->shape.dimension, K = toy_unit(self->shape);
    const real scale = 1 / (real)W;
    mlp_forward(&self->hypernet, base->backend, instants, params, c, self->raw, self->net);
    for (size_t i = 0; i < instants; i++, theta += base->stride) {
        const outputs o = split(self, self->raw + i * self->outputs);
        real *gate = self->gate + i * D * W;
        base->backend->sigmoid(base->backend, D * W, o.g, gate);
        for (size_t j = 0; j < W; j++) {
            real *unit = theta + j * K, trace = 0, b = o.b[j];
            for (size_t a = D; a < self->inputs; a++) b += o.w[a * W + j] * c[i * self->context + a - D];
            for (size_t d = 0; d < D; d++) {
                unit[d] = o.w[d * W + j];
                unit[D + 1 + d] = o.u[d * W + j] * gate[d * W + j] * scale;
                trace += unit[d] * unit[D + 1 + d];
            }
            unit[D] = b;
            unit[2 * D + 1] = trace;
        }
        memset(theta + W * K, 0, (base->stride - W * K) * sizeof *theta);
    }
}

static void toy_prepare_reverse(const field *base, size_t instants, const real *params, const real *c,
                                const real *thetabar, real *gradient, real *cbar) {
    const toy_field *self = as_toy(base);
    const size_t W = self->shape.width, D = self->shape.dimension, C = self->context, K = toy_unit(self->shape);
    const real scale = 1 / (real)W;
    /* The outputs give way to their cotangents; what c has from being joined is taken before. */
    for (size_t i = 0; i < instants; i++, thetabar += base->stride) {
        const outputs o = split(self, self->raw + i * self->outputs);
        const real *gate = self->gate + i * D * W;
        for (size_t a = D; a < self->inputs; a++) {
            const real value = c[i * C + a - D];
            real sum = 0;
            for (size_t j = 0; j < W; j++) {
                const real bbar = thetabar[j * K + D];
                sum += bbar * o.w[a * W + j];
                o.w[a * W + j] = bbar * value;
            }
            self->joined[i * C + a - D] = sum;
        }
        for (size_t j = 0; j < W; j++) {
            const real *unit = thetabar + j * K;
            const real tracebar = unit[2 * D + 1];
            for (size_t d = 0; d < D; d++) {
                const real w = o.w[d * W + j], u = o.u[d * W + j], s = gate[d * W + j];
                const real gated = (unit[D + 1 + d] + tracebar * w) * scale; /* cotangent of u sigmoid(g) */
                o.w[d * W + j] = unit[d] + tracebar * (u * s * scale);
                o.u[d * W + j] = gated * s;
                o.g[d * W + j] = gated * u * (s * (1 - s));
            }
            o.b[j] = unit[D];
        }
    }
    mlp_reverse(&self->hypernet, base->backend, instants, params, c, self->raw, cbar, gradient, self->net);
    if (self->inputs > D)
        for (size_t i = 0; i < instants * C; i++) cbar[i] += self->joined[i];
}

static void toy_field_evaluate(const field *base, const real *theta, const real *z, const real *probe, real *dz,
                               real *divergence) {
    base->backend->toy_evaluate(base->backend, as_toy(base)->shape, theta, z, probe, dz, divergence);
}

static void toy_field_reverse(const field *base, const real *theta, const real *z, const real *probe, const real *a,
                              const real *l, real *zbar, real *thetabar, real *scratch) {
    base->backend->toy_reverse(base->backend, as_toy(base)->shape, theta, z, probe, a, l, zbar, thetabar, scratch);
}

static const field_ops toy_field_ops = {
    .name = "toy",
    .initialise = toy_initialise,
    .prepare = toy_prepare,
    .prepare_reverse = toy_prepare_reverse,
    .evaluate = toy_field_evaluate,
    .reverse = toy_field_reverse,
};

status toy_field_create(size_t dimension, size_t width, size_t context, bool join, size_t layers, size_t hidden,
                        size_t instants, const backend_ops *backend, parameter_table *table, arena *memory,
                        field **out) {
    toy_field *self;
    TRY(ARENA_NEW(memory, 1, &self));
    self->shape = (toy_shape){.dimension = dimension, .width = width};
    self->base = (field){.ops = &toy_field_ops,
                         .backend = backend,
                         .dimension = dimension,
                         .stride = toy_stride(self->shape),
                         .scratch = toy_stride(self->shape) * LANES};
    self->context = context;
    self->inputs = join ? dimension + context : dimension;
    self->outputs = width * (self->inputs + 2 * dimension + 1);
    self->hypernet = (mlp){.layers = layers + 1, .activation = MLP_TANH};
    self->hypernet.size[0] = context;
    for (size_t l = 1; l <= layers; l++) self->hypernet.size[l] = hidden;
    self->hypernet.size[layers + 1] = self->outputs;
    mlp_declare(&self->hypernet, table, "hypernet");
    TRY(ARENA_NEW(memory, instants * self->outputs, &self->raw));
    TRY(ARENA_NEW(memory, instants * dimension * width, &self->gate));
    TRY(ARENA_NEW(memory, instants * context, &self->joined));
    TRY(ARENA_NEW(memory, mlp_workspace(&self->hypernet, instants), &self->net));
    *out = &self->base;
    return STATUS_OK;
}
