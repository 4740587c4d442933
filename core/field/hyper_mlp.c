/* hyper_mlp.c - from the hypernet's outputs to the numbers of the field, and back; and the field on a batch.
 *
 * The kernel wants f_d = sum_j u'_jd tanh(w_j . z + b'_j) with trace weights c_j (see backend.h), so at each instant
 *   u'_jd = u_jd sigmoid(g_jd) / W
 *   b'_j  = b_j + sum_a w_j,D+a c_a      joining c to z costs nothing for the batch: c is the same for all points
 *   c_j   = sum_d u'_jd w_jd
 * The outputs of f for the joined coordinates, which the authors' release computes and drops, do not exist here.
 *
 * J e itself is not one of the kernel's numbers. Where it is wanted, beside them
 *   J e = sum_j s_j (w_j . e) u'_j,  s_j = 1 - tanh^2(w_j . z + b'_j). */
#include "field/hyper_mlp.h"

#include <string.h>

#include "backend/memory.h"
#include "base/arena.h"
#include "context/mlp.h"

enum { GROUPS = 16 };

/* Workspace of one thread for one chunk, (D, CHUNK) unless stated otherwise. */
typedef struct lane {
    real *z, *e, *f, *product, *a, *q, *zbar;
    real *divergence, *l; /* (CHUNK) */
    real *t; /* (CHUNK): of one unit */
    real *thetabar; /* (stride) */
    real *scratch;
} lane;

typedef struct hyper_mlp {
    field base;
    arena memory; /* holds itself too */
    parallel *workers;
    toy_shape shape;
    size_t inputs; /* D, or D + C where joined */
    size_t outputs; /* of the hypernet: W (inputs + 2 D + 1) */
    mlp hypernet;
    real *raw; /* (instants, outputs): what the hypernet gave; on the way back, its cotangent */
    real *gate; /* (instants, D, W): sigmoid(g) */
    real *joined; /* (instants, C): cotangent that c has from being joined to z */
    real *net; /* the hypernet's workspace */

    /* Of forward and backward. */
    real *theta; /* (stride), at the instant last prepared */
    lane *lanes; /* (threads) */
    real *sums; /* (GROUPS, stride): thetabar */
    size_t groups_used; /* groups that have sums */
    real *gradient; /* (count of the hypernet) */
    bool spent; /* what the last prepare left in `raw` */
} hyper_mlp;

static hyper_mlp *as_hyper(const field *self) {
    return (hyper_mlp *)self;
}

/* The hypernet's outputs at one instant, each a row of W numbers. */
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

static void grid_prepare_reverse(field *base, size_t instants, const real *params, const real *c, const real *thetabar,
                                 real *gradient, real *cbar) {
    const hyper_mlp *self = as_hyper(base);
    const size_t W = self->shape.width, D = self->shape.dimension, C = base->context, K = toy_unit(self->shape);
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

static void grid_evaluate(const field *base, const real *theta, const real *z, const real *probe, real *dz,
                          real *divergence) {
    base->backend->toy_evaluate(base->backend, as_hyper(base)->shape, theta, z, probe, dz, divergence);
}

static void grid_reverse(const field *base, const real *theta, const real *z, const real *probe, const real *a,
                         const real *l, real *zbar, real *thetabar, real *scratch) {
    base->backend->toy_reverse(base->backend, as_hyper(base)->shape, theta, z, probe, a, l, zbar, thetabar, scratch);
}

static const field_grid_ops grid_ops = {
    .prepare = grid_prepare,
    .prepare_reverse = grid_prepare_reverse,
    .evaluate = grid_evaluate,
    .reverse = grid_reverse,
};

/* --- A batch --- */

typedef struct batch {
    hyper_mlp *self;
    size_t n, chunks, groups;
    const real *z, *e;
    const field_values *out;
    const field_values *bar; /* backward */
    real *zbar;
} batch;

static size_t points_in(const batch *b, size_t chunk) {
    return b->n - chunk * CHUNK < CHUNK ? b->n - chunk * CHUNK : CHUNK;
}

/* to (D, CHUNK) <- a chunk of rows x (n, D); zeros for missing points and for x NULL. */
static void load(const batch *b, size_t chunk, const real *x, real *to) {
    const size_t D = b->self->shape.dimension, first = chunk * CHUNK, points = points_in(b, chunk);
    memset(to, 0, D * CHUNK * sizeof *to);
    for (size_t i = 0; x && i < points; i++)
        for (size_t d = 0; d < D; d++) to[d * CHUNK + i] = x[(first + i) * D + d];
}

static void store(const batch *b, size_t chunk, const real *from, real *x) {
    const size_t D = b->self->shape.dimension, first = chunk * CHUNK, points = points_in(b, chunk);
    for (size_t i = 0; x && i < points; i++)
        for (size_t d = 0; d < D; d++) x[(first + i) * D + d] = from[d * CHUNK + i];
}

/* to (n) of a chunk <- |x|^2 of x (D, CHUNK). */
static void store_squares(const batch *b, size_t chunk, const real *x, real *to) {
    for (size_t i = 0; to && i < points_in(b, chunk); i++) {
        double sum = 0;
        for (size_t d = 0; d < b->self->shape.dimension; d++)
            sum += (double)x[d * CHUNK + i] * (double)x[d * CHUNK + i];
        to[chunk * CHUNK + i] = (real)sum;
    }
}

/* bar (D, CHUNK) += 2 x times a cotangent (n) of |x|^2. */
static void add_squares_bar(const batch *b, size_t chunk, const real *of, const real *x, real *bar) {
    for (size_t i = 0; of && i < points_in(b, chunk); i++)
        for (size_t d = 0; d < b->self->shape.dimension; d++)
            bar[d * CHUNK + i] += 2 * of[chunk * CHUNK + i] * x[d * CHUNK + i];
}

/* For one unit: t <- tanh(w . z + b). */
static void activate(const hyper_mlp *self, const real *unit, const lane *at) {
    const size_t D = self->shape.dimension;
    for (size_t i = 0; i < CHUNK; i++) {
        at->t[i] = unit[D];
        for (size_t d = 0; d < D; d++) at->t[i] += unit[d] * at->z[d * CHUNK + i];
    }
    self->base.backend->tanh(self->base.backend, CHUNK, at->t, at->t);
}

static real dot(size_t D, const real *w, const real *x, size_t i) {
    real sum = 0;
    for (size_t d = 0; d < D; d++) sum += w[d] * x[d * CHUNK + i];
    return sum;
}

static void make_product(const hyper_mlp *self, const lane *at) {
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

/* For the cotangent q of J e: adds to zbar and to thetabar. */
static void pull_product(const hyper_mlp *self, const lane *at) {
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

/* Values of a chunk, to *out; where `product`, J e too. */
static void evaluate(const batch *b, size_t chunk, const lane *at, bool product) {
    const hyper_mlp *self = b->self;
    const field_values *out = b->out;
    load(b, chunk, b->z, at->z);
    load(b, chunk, b->e, at->e);
    grid_evaluate(&self->base, self->theta, at->z, b->e ? at->e : NULL, at->f, at->divergence);
    if (product) make_product(self, at);
    store(b, chunk, at->f, out->f);
    if (out->divergence) memcpy(out->divergence + chunk * CHUNK, at->divergence, points_in(b, chunk) * sizeof(real));
    store_squares(b, chunk, at->f, out->kinetic);
    if (!product) return;
    store(b, chunk, at->product, out->product);
    store_squares(b, chunk, at->product, out->jacobian);
}

static void forward_chunk(void *argument, size_t chunk, size_t thread) {
    const batch *b = argument;
    evaluate(b, chunk, &b->self->lanes[thread], b->out->product || b->out->jacobian);
}

static status forward(field *base, size_t n, const real *z, const real *e, const field_values *out) {
    hyper_mlp *self = as_hyper(base);
    batch b = {.self = self, .n = n, .z = z, .e = e, .out = out};
    parallel_for(self->workers, (n + CHUNK - 1) / CHUNK, forward_chunk, &b);
    return STATUS_OK;
}

static void backward_chunk(const batch *b, size_t chunk, const lane *at, real *sums) {
    const hyper_mlp *self = b->self;
    const backend_ops *backend = self->base.backend;
    const field_values *bar = b->bar;
    const bool product = bar->product || bar->jacobian;
    evaluate(b, chunk, at, product || b->out->product || b->out->jacobian);
    load(b, chunk, bar->f, at->a);
    add_squares_bar(b, chunk, bar->kinetic, at->f, at->a);
    memset(at->l, 0, CHUNK * sizeof *at->l);
    if (bar->divergence) memcpy(at->l, bar->divergence + chunk * CHUNK, points_in(b, chunk) * sizeof *at->l);
    grid_reverse(&self->base, self->theta, at->z, b->e ? at->e : NULL, at->a, at->l, at->zbar, at->thetabar,
                 at->scratch);
    if (product) {
        load(b, chunk, bar->product, at->q);
        add_squares_bar(b, chunk, bar->jacobian, at->product, at->q);
        pull_product(self, at);
    }
    store(b, chunk, at->zbar, b->zbar);
    backend->add_rows(backend, 1, self->base.stride, at->thetabar, 0, sums);
}

/* Chunks are dealt to groups in their order; a group is one task. */
static void backward_group(void *argument, size_t group, size_t thread) {
    const batch *b = argument;
    hyper_mlp *self = b->self;
    real *sums = self->sums + group * self->base.stride;
    if (group >= self->groups_used) memset(sums, 0, self->base.stride * sizeof *sums);
    for (size_t chunk = group * b->chunks / b->groups; chunk < (group + 1) * b->chunks / b->groups; chunk++)
        backward_chunk(b, chunk, &self->lanes[thread], sums);
}

static status backward(field *base, size_t n, const real *z, const real *e, const field_values *bar,
                       const field_values *out, real *zbar) {
    hyper_mlp *self = as_hyper(base);
    batch b = {.self = self, .n = n, .z = z, .e = e, .bar = bar, .out = out, .zbar = zbar};
    b.chunks = (n + CHUNK - 1) / CHUNK;
    b.groups = b.chunks < GROUPS ? b.chunks : GROUPS;
    parallel_for(self->workers, b.groups, backward_group, &b);
    if (b.groups > self->groups_used) self->groups_used = b.groups;
    return STATUS_OK;
}

static status prepare(field *base, const real *params, const real *c) {
    hyper_mlp *self = as_hyper(base);
    grid_prepare(base, 1, params, c, self->theta);
    self->spent = false;
    return STATUS_OK;
}

static status accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    hyper_mlp *self = as_hyper(base);
    const size_t stride = base->stride;
    const backend_ops *backend = base->backend;
    if (self->groups_used == 0) memset(self->sums, 0, stride * sizeof *self->sums);
    else backend->add_rows(backend, self->groups_used - 1, stride, self->sums + stride, stride, self->sums);
    self->groups_used = 0;
    if (self->spent) TRY(prepare(base, params, c));
    self->spent = true;
    grid_prepare_reverse(base, 1, params, c, self->sums, self->gradient, cbar);
    backend->add_rows(backend, 1, self->hypernet.count, self->gradient, 0, gradient + self->hypernet.first);
    return STATUS_OK;
}

static size_t bytes(const field *base) {
    return as_hyper(base)->memory.bytes;
}

static void destroy(field *base) {
    arena memory = as_hyper(base)->memory;
    arena_release(&memory);
}

static const field_ops ops = {
    .initialise = initialise,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .accumulate = accumulate,
    .bytes = bytes,
    .destroy = destroy,
    .grid = &grid_ops,
};

/* --- Making --- */

static status make_lane(hyper_mlp *self, lane *at) {
    arena *memory = &self->memory;
    const size_t D = self->shape.dimension;
    real **const blocks[] = {&at->z, &at->e, &at->f, &at->product, &at->a, &at->q, &at->zbar};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) TRY(ARENA_NEW(memory, D * CHUNK, blocks[i]));
    TRY(ARENA_NEW(memory, CHUNK, &at->divergence));
    TRY(ARENA_NEW(memory, CHUNK, &at->l));
    TRY(ARENA_NEW(memory, CHUNK, &at->t));
    TRY(ARENA_NEW(memory, self->base.stride, &at->thetabar));
    return ARENA_NEW(memory, self->base.scratch, &at->scratch);
}

static status build(hyper_mlp *self, const hyper_mlp_spec *spec) {
    arena *memory = &self->memory;
    TRY(ARENA_NEW(memory, spec->instants * self->outputs, &self->raw));
    TRY(ARENA_NEW(memory, spec->instants * spec->dimension * spec->width, &self->gate));
    TRY(ARENA_NEW(memory, spec->instants * spec->context, &self->joined));
    TRY(ARENA_NEW(memory, mlp_workspace(&self->hypernet, spec->instants), &self->net));
    if (!spec->batches) return STATUS_OK;
    const size_t threads = parallel_threads(self->workers);
    TRY(ARENA_NEW(memory, self->base.stride, &self->theta));
    TRY(ARENA_NEW(memory, GROUPS * self->base.stride, &self->sums));
    TRY(ARENA_NEW(memory, self->hypernet.count, &self->gradient));
    TRY(ARENA_NEW(memory, threads, &self->lanes));
    for (size_t i = 0; i < threads; i++) TRY(make_lane(self, &self->lanes[i]));
    return STATUS_OK;
}

status hyper_mlp_create(const hyper_mlp_spec *spec, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, failure *why) {
    arena memory = {0};
    hyper_mlp *self;
    if (!backend_is_near(backend))
        return fail(why, STATUS_INVALID, "field hyper_mlp: its memory is the program's; expected no other device");
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a field");
    self->memory = memory;
    self->workers = workers;
    self->shape = (toy_shape){.dimension = spec->dimension, .width = spec->width};
    self->base = (field){.ops = &ops,
                         .name = "hyper_mlp",
                         .backend = backend,
                         .dimension = spec->dimension,
                         .context = spec->context,
                         .traces = true,
                         .stride = toy_stride(self->shape),
                         .scratch = toy_stride(self->shape) * LANES};
    self->inputs = spec->join ? spec->dimension + spec->context : spec->dimension;
    self->outputs = spec->width * (self->inputs + 2 * spec->dimension + 1);
    self->hypernet = (mlp){.layers = spec->layers + 1, .activation = MLP_TANH};
    self->hypernet.size[0] = spec->context;
    for (size_t l = 1; l <= spec->layers; l++) self->hypernet.size[l] = spec->hidden;
    self->hypernet.size[spec->layers + 1] = self->outputs;
    mlp_declare(&self->hypernet, table, "hypernet");
    if (build(self, spec) != STATUS_OK) {
        destroy(&self->base);
        return fail(why, STATUS_MEMORY, "out of memory for a field");
    }
    *out = &self->base;
    return STATUS_OK;
}
