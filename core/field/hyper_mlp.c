/* hyper_mlp.c - from the hypernet's outputs to the field's weights, and back; and the field on a batch.
 *
 * The kernel computes f_d = sum_j u'_jd tanh(w_j . z + b'_j) with trace weights c_j (see backend.h), so at each time
 *
 *   u'_jd = u_jd sigmoid(g_jd) / W
 *   b'_j  = b_j + sum_a w_j,D+a c_a      concatenating c costs the batch nothing: c is equal for all points
 *   c_j   = sum_d u'_jd w_jd
 *
 * The outputs of f for the concatenated coordinates, which the authors' release computes and drops, do not exist here.
 *
 * The kernel does not compute J e itself. If it is requested,
 *
 *   J e = sum_j s_j (w_j . e) u'_j,  s_j = 1 - tanh^2(w_j . z + b'_j). */
#include "field/hyper_mlp.h"

#include <string.h>

#include "backend/memory.h"
#include "context/mlp.h"
#include "field/chunked.h"

/* Workspace of one thread for one chunk, (D, CHUNK) unless stated otherwise. */
typedef struct workspace {
    real *z, *e, *f, *product, *a, *q, *zbar;
    real *divergence, *l; /* (CHUNK) */
    real *t; /* (CHUNK): of one unit */
    real *thetabar; /* (stride) */
    real *scratch;
} workspace;

typedef struct hyper_mlp {
    chunked of; /* a chunk: CHUNK points */
    toy_shape shape;
    size_t inputs; /* D, or D + C if c is concatenated */
    size_t outputs; /* of the hypernet: W (inputs + 2 D + 1) */
    mlp hypernet;
    real *raw; /* (times, outputs): the hypernet's outputs; in the backward pass, their cotangent */
    real *gate; /* (times, D, W): sigmoid(g) */
    real *joined; /* (times, C): cotangent of the c concatenated with z */
    real *net; /* the hypernet's workspace */

    /* For forward and backward. */
    real *theta; /* (stride), at the time last prepared */
    workspace *workspaces; /* (threads) */
    real *gradient; /* (count of the hypernet) */
    bool spent; /* the last prepare's `raw` */
} hyper_mlp;

static hyper_mlp *as_hyper(const field *self) {
    return (hyper_mlp *)self;
}

/* The hypernet's outputs at one time, each a row of W numbers. */
typedef struct outputs {
    real *w; /* (inputs, W) */
    real *u; /* (D, W) */
    real *g; /* (D, W) */
    real *b; /* (W) */
} outputs;

static outputs split(const hyper_mlp *self, real *raw) {
    const size_t W = self->shape.width, D = self->shape.dimension;
    outputs o = {.w = raw};
    o.u = o.w + self->inputs * W;
    o.g = o.u + D * W;
    o.b = o.g + D * W;
    return o;
}

static void initialise(const field *self, uint64_t seed, real *params) {
    mlp_initialise(&as_hyper(self)->hypernet, seed, params);
}

static void grid_prepare(field *base, size_t instants, const real *params, const real *c, real *theta) {
    const hyper_mlp *self = as_hyper(base);
    const size_t W = self->shape.width, D = self->shape.dimension, K = toy_unit(self->shape);
    const real scale = 1 / (real)W;
    mlp_forward(&self->hypernet, base->backend, instants, params, c, self->raw, self->net);
    for (size_t i = 0; i < instants; i++, theta += base->stride) {
        const outputs o = split(self, self->raw + i * self->outputs);
        real *gate = self->gate + i * D * W;
        base->backend->sigmoid(base->backend, D * W, o.g, gate);
        for (size_t j = 0; j < W; j++) {
            real *unit = theta + j * K, trace = 0, b = o.b[j];
            for (size_t a = D; a < self->inputs; a++) b += o.w[a * W + j] * c[i * base->context + a - D];
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

static void grid_prepare_backward(field *base, size_t instants, const real *params, const real *c, const real *thetabar,
                                  real *gradient, real *cbar) {
    const hyper_mlp *self = as_hyper(base);
    const size_t W = self->shape.width, D = self->shape.dimension, C = base->context, K = toy_unit(self->shape);
    const real scale = 1 / (real)W;
    /* Replace the outputs by their cotangents, after computing that of the concatenated c. */
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
    mlp_backward(&self->hypernet, base->backend, instants, params, c, self->raw, cbar, gradient, self->net);
    if (self->inputs > D)
        for (size_t i = 0; i < instants * C; i++) cbar[i] += self->joined[i];
}

static void grid_evaluate(const field *base, const real *theta, const real *z, const real *probe, real *dz,
                          real *divergence) {
    base->backend->toy_evaluate(base->backend, as_hyper(base)->shape, theta, z, probe, dz, divergence);
}

static void grid_backward(const field *base, const real *theta, const real *z, const real *probe, const real *a,
                          const real *l, real *zbar, real *thetabar, real *scratch) {
    base->backend->toy_backward(base->backend, as_hyper(base)->shape, theta, z, probe, a, l, zbar, thetabar, scratch);
}

static const field_grid_ops grid_ops = {
    .prepare = grid_prepare,
    .prepare_backward = grid_prepare_backward,
    .evaluate = grid_evaluate,
    .backward = grid_backward,
};

/* --- A batch --- */

/* to (D, CHUNK) <- a chunk's `points` rows of x (n, D); zeros for missing points and for NULL x. And back. */
static void load(const field_batch *b, size_t first, size_t points, const real *x, real *to) {
    const size_t D = b->self->dimension;
    memset(to, 0, D * CHUNK * sizeof *to);
    for (size_t i = 0; x && i < points; i++)
        for (size_t d = 0; d < D; d++) to[d * CHUNK + i] = x[(first + i) * D + d];
}
static void store(const field_batch *b, size_t first, size_t points, const real *from, real *x) {
    const size_t D = b->self->dimension;
    for (size_t i = 0; x && i < points; i++)
        for (size_t d = 0; d < D; d++) x[(first + i) * D + d] = from[d * CHUNK + i];
}

/* to (n) of a chunk <- |x|^2 of x (D, CHUNK). */
static void store_squares(const field_batch *b, size_t first, size_t points, const real *x, real *to) {
    for (size_t i = 0; to && i < points; i++) {
        double sum = 0;
        for (size_t d = 0; d < b->self->dimension; d++) sum += (double)x[d * CHUNK + i] * (double)x[d * CHUNK + i];
        to[first + i] = (real)sum;
    }
}

/* bar (D, CHUNK) += 2 x times a cotangent (n) of |x|^2. */
static void add_squares_bar(const field_batch *b, size_t first, size_t points, const real *of, const real *x,
                            real *bar) {
    for (size_t i = 0; of && i < points; i++)
        for (size_t d = 0; d < b->self->dimension; d++) bar[d * CHUNK + i] += 2 * of[first + i] * x[d * CHUNK + i];
}

/* For one unit: t <- tanh(w . z + b). */
static void activate(const hyper_mlp *self, const real *unit, const workspace *at) {
    const size_t D = self->shape.dimension;
    for (size_t i = 0; i < CHUNK; i++) {
        at->t[i] = unit[D];
        for (size_t d = 0; d < D; d++) at->t[i] += unit[d] * at->z[d * CHUNK + i];
    }
    self->of.base.backend->tanh(self->of.base.backend, CHUNK, at->t, at->t);
}

static real dot(size_t D, const real *w, const real *x, size_t i) {
    real sum = 0;
    for (size_t d = 0; d < D; d++) sum += w[d] * x[d * CHUNK + i];
    return sum;
}

static void make_product(const hyper_mlp *self, const workspace *at) {
    const size_t D = self->shape.dimension, K = toy_unit(self->shape);
    memset(at->product, 0, D * CHUNK * sizeof *at->product);
    for (size_t j = 0; j < self->shape.width; j++) {
        const real *w = self->theta + j * K, *u = w + D + 1;
        activate(self, w, at);
        for (size_t i = 0; i < CHUNK; i++) {
            const real through = (1 - at->t[i] * at->t[i]) * dot(D, w, at->e, i);
            for (size_t d = 0; d < D; d++) at->product[d * CHUNK + i] += u[d] * through;
        }
    }
}

/* For the cotangent q of J e: add to zbar and to thetabar. */
static void product_vjp(const hyper_mlp *self, const workspace *at) {
    const size_t D = self->shape.dimension, K = toy_unit(self->shape);
    for (size_t j = 0; j < self->shape.width; j++) {
        const real *w = self->theta + j * K, *u = w + D + 1;
        real *wbar = at->thetabar + j * K, *ubar = wbar + D + 1;
        activate(self, w, at);
        for (size_t i = 0; i < CHUNK; i++) {
            const real t = at->t[i], s = 1 - t * t, we = dot(D, w, at->e, i), uq = dot(D, u, at->q, i);
            const real hbar = -2 * t * s * uq * we;
            wbar[D] += hbar;
            for (size_t d = 0; d < D; d++) {
                wbar[d] += uq * s * at->e[d * CHUNK + i] + hbar * at->z[d * CHUNK + i];
                ubar[d] += s * we * at->q[d * CHUNK + i];
                at->zbar[d * CHUNK + i] += hbar * w[d];
            }
        }
    }
}

/* *out <- the values of a chunk; with `product`, also J e. */
static void evaluate(const field_batch *b, size_t first, size_t points, const workspace *at, bool product) {
    const hyper_mlp *self = as_hyper(b->self);
    const field_values *out = b->out;
    load(b, first, points, b->z, at->z);
    load(b, first, points, b->e, at->e);
    grid_evaluate(b->self, self->theta, at->z, b->e ? at->e : NULL, at->f, at->divergence);
    if (product) make_product(self, at);
    store(b, first, points, at->f, out->f);
    if (out->divergence) memcpy(out->divergence + first, at->divergence, points * sizeof(real));
    store_squares(b, first, points, at->f, out->kinetic);
    if (!product) return;
    store(b, first, points, at->product, out->product);
    store_squares(b, first, points, at->product, out->jacobian);
}

static void forward_chunk(const field_batch *b, size_t first, size_t points, size_t thread) {
    evaluate(b, first, points, &as_hyper(b->self)->workspaces[thread], b->out->product || b->out->jacobian);
}

static void backward_chunk(const field_batch *b, size_t first, size_t points, size_t thread, real *sums) {
    const hyper_mlp *self = as_hyper(b->self);
    const workspace *at = &self->workspaces[thread];
    const field_values *bar = b->bar;
    const bool product = bar->product || bar->jacobian;
    evaluate(b, first, points, at, product || b->out->product || b->out->jacobian);
    load(b, first, points, bar->f, at->a);
    add_squares_bar(b, first, points, bar->kinetic, at->f, at->a);
    memset(at->l, 0, CHUNK * sizeof *at->l);
    if (bar->divergence) memcpy(at->l, bar->divergence + first, points * sizeof *at->l);
    grid_backward(b->self, self->theta, at->z, b->e ? at->e : NULL, at->a, at->l, at->zbar, at->thetabar, at->scratch);
    if (product) {
        load(b, first, points, bar->product, at->q);
        add_squares_bar(b, first, points, bar->jacobian, at->product, at->q);
        product_vjp(self, at);
    }
    store(b, first, points, at->zbar, b->zbar);
    b->self->backend->add_rows(b->self->backend, 1, self->of.stride, at->thetabar, 0, sums);
}

static status prepare(field *base, const real *params, const real *c) {
    hyper_mlp *self = as_hyper(base);
    grid_prepare(base, 1, params, c, self->theta);
    self->spent = false;
    return STATUS_OK;
}

static status accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    hyper_mlp *self = as_hyper(base);
    chunked_add_groups(&self->of);
    if (self->spent) TRY(prepare(base, params, c));
    self->spent = true;
    grid_prepare_backward(base, 1, params, c, self->of.sums, self->gradient, cbar);
    base->backend->add_rows(base->backend, 1, self->hypernet.count, self->gradient, 0, gradient + self->hypernet.first);
    return STATUS_OK;
}

static const field_ops ops = {
    .initialise = initialise,
    .prepare = prepare,
    .forward = chunked_forward,
    .backward = chunked_backward,
    .accumulate = accumulate,
    .grid = &grid_ops,
};

/* --- Creation --- */

static status make_workspace(hyper_mlp *self, workspace *at) {
    arena *memory = &self->of.base.memory;
    const size_t D = self->shape.dimension;
    real **const blocks[] = {&at->z, &at->e, &at->f, &at->product, &at->a, &at->q, &at->zbar};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) TRY(ARENA_NEW(memory, D * CHUNK, blocks[i]));
    TRY(ARENA_NEW(memory, CHUNK, &at->divergence));
    TRY(ARENA_NEW(memory, CHUNK, &at->l));
    TRY(ARENA_NEW(memory, CHUNK, &at->t));
    TRY(ARENA_NEW(memory, self->of.base.stride, &at->thetabar));
    return ARENA_NEW(memory, self->of.base.scratch, &at->scratch);
}

static status build(hyper_mlp *self, const hyper_mlp_spec *spec) {
    arena *memory = &self->of.base.memory;
    TRY(ARENA_NEW(memory, spec->instants * self->outputs, &self->raw));
    TRY(ARENA_NEW(memory, spec->instants * spec->dimension * spec->width, &self->gate));
    TRY(ARENA_NEW(memory, spec->instants * spec->context, &self->joined));
    TRY(ARENA_NEW(memory, mlp_workspace(&self->hypernet, spec->instants), &self->net));
    if (!spec->batches) return STATUS_OK;
    TRY(ARENA_NEW(memory, self->of.base.stride, &self->theta));
    TRY(ARENA_NEW(memory, CHUNKED_GROUPS * self->of.stride, &self->of.sums));
    TRY(ARENA_NEW(memory, self->hypernet.count, &self->gradient));
    TRY(ARENA_NEW(memory, self->of.threads, &self->workspaces));
    for (size_t i = 0; i < self->of.threads; i++) TRY(make_workspace(self, &self->workspaces[i]));
    return STATUS_OK;
}

status hyper_mlp_create(const hyper_mlp_spec *spec, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, error_info *err) {
    const toy_shape shape = {.dimension = spec->dimension, .width = spec->width};
    const field about = {.ops = &ops,
                         .name = "hyper_mlp",
                         .backend = backend,
                         .dimension = spec->dimension,
                         .context = spec->context,
                         .traces = true,
                         .stride = toy_stride(shape),
                         .scratch = toy_stride(shape) * PARTIAL_SUMS};
    field *made;
    if (!backend_is_host(backend))
        return error_set(err, STATUS_INVALID, "field hyper_mlp: its memory is the program's; expected no other device");
    TRY(field_new(sizeof(hyper_mlp), &about, &made, err));
    hyper_mlp *self = as_hyper(made);
    self->shape = shape;
    self->of.chunk = CHUNK;
    self->of.stride = about.stride;
    self->of.forward = forward_chunk;
    self->of.backward = backward_chunk;
    chunked_share(&self->of, workers);
    self->inputs = spec->join ? spec->dimension + spec->context : spec->dimension;
    self->outputs = spec->width * (self->inputs + 2 * spec->dimension + 1);
    self->hypernet = (mlp){.layers = spec->layers + 1, .activation = MLP_TANH};
    self->hypernet.size[0] = spec->context;
    for (size_t l = 1; l <= spec->layers; l++) self->hypernet.size[l] = spec->hidden;
    self->hypernet.size[spec->layers + 1] = self->outputs;
    mlp_declare(&self->hypernet, table, "hypernet");
    return field_finish(made, build(self, spec), out, err);
}
