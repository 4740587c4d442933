/* fused.c - the toy field's solves, values and gradients, chunk by chunk.
 *
 * The gradient of the mean negative log-likelihood has two methods.
 *
 * discrete: propagates backward through the solver's steps, from their stored states; exact for the computed solution.
 *
 * adjoint (eq. 4, 5): with a(t) = dL/dz(t), and dL/dl = -1/n at all times,
 *
 *   da/dt = -(a . df/dz + dL/dl ddiv/dz),  dL/dtheta(t) = a . df/dtheta + dL/dl ddiv/dtheta per unit of time,
 *
 * solved from T to 0 together with z; the forward solve stores no states of points.
 *
 * Both sum, for each chunk, the cotangent of the field's weights at every evaluation. Chunks are added in order, and
 * the sum is propagated through the field's preparation and the context. */
#include "flow/fused_internal.h"

#include <math.h>
#include <string.h>

#include "flow/noise.h"

/* One solve of a batch; threads take chunks. */
typedef struct job {
    fused *self;
    time_grid g; /* the solved part of the time grid, which begins with evaluation `first` */
    size_t first;
    const real *x; /* (n, D) */
    size_t n;
    random_stream probe;
    real *z; /* (n, D), or NULL */
    double *log_density; /* (n), or NULL */
    real *final; /* (chunks, n): final states, or NULL */
} job;

/* One chunk's equation, dz/dt = f and dl/dt = div f. */
typedef struct chunk_solve {
    const fused *self;
    fused_workspace *workspace;
    const real *probe; /* NULL for the exact divergence */
    size_t first; /* evaluation, of those prepared, that the solve begins with */
    real *thetabar; /* (evaluations, stride) of this chunk */
    ode_system system;
} chunk_solve;

bool fused_takes(const cnf_spec *spec) {
    return !spec->general && spec->field == CNF_HYPER_MLP && spec->steps > 0 && !spec->learn_end_time &&
           spec->kinetic == 0 && spec->jacobian == 0;
}
size_t fused_evaluations(const fused *self) {
    return self->evaluations;
}
size_t fused_bytes(const fused *self) {
    return self->memory.bytes + field_bytes(self->field);
}
void fused_give_probe(fused *self, const real *probe) {
    self->given_probe = probe;
}

void fused_initialise(const fused *self, uint64_t seed, real *params) {
    field_initialise(self->field, seed, params);
    context_initialise(self->context, seed, params);
}

/* --- A chunk --- */

static size_t chunks_of(size_t n) {
    return (n + CHUNK - 1) / CHUNK;
}
static size_t points_in(size_t n, size_t chunk) {
    return n - chunk * CHUNK < CHUNK ? n - chunk * CHUNK : CHUNK;
}

static void evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)t;
    const chunk_solve *chunk = argument;
    const fused *self = chunk->self;
    self->ops->evaluate(self->field, self->theta + (chunk->first + evaluation) * self->field->stride, y, chunk->probe,
                        dy, dy + self->spec->dimension * CHUNK);
}

static void backward(void *argument, size_t evaluation, const double *t, const real *y, const real *k, real *ybar) {
    (void)t;
    const chunk_solve *chunk = argument;
    const fused *self = chunk->self;
    const size_t stride = self->field->stride, l = self->spec->dimension * CHUNK;
    self->ops->backward(self->field, self->theta + evaluation * stride, y, chunk->probe, k, k + l, ybar,
                        chunk->thetabar + evaluation * stride, chunk->workspace->scratch);
    memset(ybar + l, 0, CHUNK * sizeof *ybar); /* nothing depends on l */
}

/* Chunk `chunk` of the batch, with zeros for missing points and for l; and its probe. */
static void load(const job *of, size_t chunk, size_t thread, chunk_solve *out) {
    const fused *self = of->self;
    const size_t D = self->spec->dimension, first = chunk * CHUNK, points = points_in(of->n, chunk);
    fused_workspace *at = &self->workspaces[thread];
    *out = (chunk_solve){.self = self, .workspace = at, .first = of->first};
    out->system = (ode_system){
        .backend = self->backend, .length = self->length, .context = out, .evaluate = evaluate, .backward = backward};
    memset(at->state, 0, self->length * sizeof *at->state);
    for (size_t i = 0; i < points; i++)
        for (size_t d = 0; d < D; d++) at->state[d * CHUNK + i] = of->x[(first + i) * D + d];
    if (self->spec->divergence == DIVERGENCE_EXACT) return;
    out->probe = at->probe;
    memset(at->probe, 0, D * CHUNK * sizeof *at->probe);
    for (size_t i = 0; i < points; i++) {
        if (!self->given_probe) noise_probe(self->spec->divergence, of->probe, first + i, 0, D, CHUNK, at->probe + i);
        else
            for (size_t d = 0; d < D; d++) at->probe[d * CHUNK + i] = self->given_probe[(first + i) * D + d];
    }
}

static void unload(const job *of, size_t chunk, const real *state, real *x) {
    const size_t D = of->self->spec->dimension, first = chunk * CHUNK;
    for (size_t i = 0; x && i < points_in(of->n, chunk); i++)
        for (size_t d = 0; d < D; d++) x[(first + i) * D + d] = state[d * CHUNK + i];
}

/* -log N(z; 0, s^2 I) - l of point i of a state. */
static double point_loss(const fused *self, const real *state, size_t i) {
    const size_t D = self->spec->dimension;
    double square = 0;
    for (size_t d = 0; d < D; d++) square += (double)state[d * CHUNK + i] * (double)state[d * CHUNK + i];
    return 0.5 * (square / self->spec->base_variance + fused_base_logarithm(self)) - (double)state[D * CHUNK + i];
}

static real *thetabar_of(const fused *self, size_t chunk) {
    return self->thetabar + chunk * self->evaluations * self->field->stride;
}

/* Return the sum of the chunk's losses; cotangent (n) <- its derivative by the final state, divided by the batch's
 * points. */
static void end_chunk(const job *of, size_t chunk, const real *state, real *cotangent) {
    fused *self = of->self;
    const size_t D = self->spec->dimension;
    double sum = 0;
    memset(cotangent, 0, self->length * sizeof *cotangent);
    for (size_t i = 0; i < points_in(of->n, chunk); i++) {
        sum += point_loss(self, state, i);
        for (size_t d = 0; d < D; d++)
            cotangent[d * CHUNK + i] =
                (real)((double)state[d * CHUNK + i] / (self->spec->base_variance * (double)of->n));
        cotangent[D * CHUNK + i] = (real)(-1 / (double)of->n);
    }
    self->losses[chunk] = sum;
}

/* --- Values --- */

/* Compute contexts and the field's weights at every evaluation of a solve along g. */
static void prepare(fused *self, const real *params, time_grid g) {
    self->prepared_grid.steps = 0;
    context_path(self->context, params, g, self->path);
    self->ops->prepare(self->field, self->evaluations, params, self->path, self->theta);
}

/* The same for values, unless the last call had these parameters: one model passes through many batches. */
static void prepare_values(fused *self, const real *params, time_grid g) {
    const size_t bytes = self->parameters->total * sizeof *params;
    const time_grid *last = &self->prepared_grid;
    if (last->start == g.start && last->end == g.end && last->steps == g.steps &&
        memcmp(self->prepared, params, bytes) == 0)
        return;
    prepare(self, params, g);
    memcpy(self->prepared, params, bytes);
    self->prepared_grid = g;
}

static time_grid backward_grid(const fused *self) {
    return (time_grid){.start = self->spec->end_time, .end = 0, .steps = self->spec->steps};
}

static double time_of(const fused *self, size_t step) {
    return (double)step * self->spec->end_time / (double)self->spec->steps;
}

static void solve_chunk(void *argument, size_t chunk, size_t thread) {
    const job *of = argument;
    const fused *self = of->self;
    chunk_solve solve;
    load(of, chunk, thread, &solve);
    real *state = solve.workspace->state;
    const solve_spec by = {.method = self->by.method, .steps = of->g.steps};
    if (by.steps > 0)
        solve_integrate(&by, of->g.start, of->g.end, &solve.system, state, NULL, solve.workspace->rk, NULL);
    for (size_t i = 0; of->log_density && i < points_in(of->n, chunk); i++)
        of->log_density[chunk * CHUNK + i] = -point_loss(self, state, i);
    if (of->final) memcpy(of->final + chunk * self->length, state, self->length * sizeof *state);
    unload(of, chunk, state, of->z);
}

void fused_transform(fused *self, const real *params, size_t step, const real *x, size_t n, random_stream probe,
                     real *z, double *log_density) {
    job of = {.self = self,
              .g = {.start = time_of(self, step), .end = self->spec->end_time, .steps = self->spec->steps - step},
              .first = step * self->by.method->stages,
              .x = x,
              .n = n,
              .probe = probe,
              .z = z,
              .log_density = log_density};
    prepare_values(self, params, fused_grid(self));
    parallel_for(self->workers, chunks_of(n), solve_chunk, &of);
}

void fused_invert(fused *self, const real *params, size_t step, const real *z, size_t n, real *x) {
    job of = {.self = self,
              .g = {.start = self->spec->end_time, .end = time_of(self, step), .steps = self->spec->steps - step},
              .x = z,
              .n = n,
              .z = x};
    prepare_values(self, params, backward_grid(self));
    parallel_for(self->workers, chunks_of(n), solve_chunk, &of);
}

void fused_field(fused *self, const real *params, size_t step, const real *z, size_t n, real *dz, real *c) {
    const size_t C = self->field->context;
    const job of = {
        .self = self, .first = step * self->by.method->stages, .x = z, .n = n}; /* of the step's first stage */
    prepare_values(self, params, fused_grid(self));
    memcpy(c, self->path + of.first * C, C * sizeof *c);
    for (size_t chunk = 0; chunk < chunks_of(n); chunk++) {
        chunk_solve solve;
        load(&of, chunk, 0, &solve);
        evaluate(&solve, 0, NULL, solve.workspace->state, solve.workspace->cotangent);
        unload(&of, chunk, solve.workspace->cotangent, dz);
    }
}

/* --- Gradients --- */

/* The first chunk's thetabar becomes the sum of all. */
static void add_chunks(void *argument, size_t evaluation, size_t thread) {
    (void)thread;
    const job *of = argument;
    const fused *self = of->self;
    const size_t stride = self->field->stride;
    const double one = 1;
    real *sum = self->thetabar + evaluation * stride;
    for (size_t chunk = 1; chunk < chunks_of(of->n); chunk++) {
        const real *term = thetabar_of(self, chunk) + evaluation * stride;
        self->backend->combine(self->backend, stride, sum, 1, &one, &term, sum);
    }
}

static void discrete_chunk(void *argument, size_t chunk, size_t thread) {
    const job *of = argument;
    const fused *self = of->self;
    chunk_solve solve;
    load(of, chunk, thread, &solve);
    fused_workspace *at = solve.workspace;
    solve.thetabar = thetabar_of(self, chunk);
    adaptive_record record = {.capacity = self->by.steps, .states = at->states, .stages = true};
    solve_integrate(&self->by, of->g.start, of->g.end, &solve.system, at->state, &record, at->rk, NULL);
    end_chunk(of, chunk, at->state, at->cotangent);
    solve_backward(&self->by, &record, &solve.system, at->cotangent, at->rk, NULL);
}

static void gradient_discrete(job *of, const real *params, real *gradient) {
    fused *self = of->self;
    prepare(self, params, of->g);
    parallel_for(self->workers, chunks_of(of->n), discrete_chunk, of);
    parallel_for(self->workers, self->evaluations, add_chunks, of);
    memset(gradient, 0, self->parameters->total * sizeof *gradient);
    self->ops->prepare_backward(self->field, self->evaluations, params, self->path, self->thetabar, gradient,
                                self->pathbar);
    context_path_backward(self->context, params, of->g, self->path, self->pathbar, gradient);
}

/* The state of a chunk in the adjoint solve: [z | l | a | dL/dl]; l and dL/dl keep their values. */
static void adjoint_evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    const chunk_solve *chunk = argument;
    const size_t n = chunk->self->length, l = chunk->self->spec->dimension * CHUNK;
    evaluate(argument, evaluation, t, y, dy);
    backward(argument, evaluation, t, y, y + n, dy + n);
    for (size_t i = 0; i < l; i++) dy[n + i] = -dy[n + i];
}

static void adjoint_chunk(void *argument, size_t chunk, size_t thread) {
    const job *of = argument;
    const fused *self = of->self;
    const size_t n = self->length;
    chunk_solve solve;
    load(of, chunk, thread, &solve);
    real *joint = solve.workspace->joint;
    solve.thetabar = thetabar_of(self, chunk);
    solve.system.length = 2 * n;
    solve.system.evaluate = adjoint_evaluate;
    memcpy(joint, self->final + chunk * n, n * sizeof *joint);
    end_chunk(of, chunk, joint, joint + n);
    solve_integrate(&self->by, of->g.end, of->g.start, &solve.system, joint, NULL, solve.workspace->rk, NULL);
}

static void gradient_adjoint(job *of, const real *params, real *gradient) {
    fused *self = of->self;
    const time_grid inverse = backward_grid(self);
    const size_t stride = self->field->stride;
    prepare(self, params, of->g);
    of->final = self->final;
    parallel_for(self->workers, chunks_of(of->n), solve_chunk, of);
    prepare(self, params, inverse);
    parallel_for(self->workers, chunks_of(of->n), adjoint_chunk, of);
    parallel_for(self->workers, self->evaluations, add_chunks, of);

    /* The context needs the density in time itself, without gradients of parameters. The hypernet needs the
     * quadrature's weights, |h| b_i. */
    self->ops->prepare_backward(self->field, self->evaluations, params, self->path, self->thetabar, self->gradient,
                                self->pathbar);
    memset(gradient, 0, self->parameters->total * sizeof *gradient);
    context_path_adjoint(self->context, params, inverse, self->path, self->pathbar, gradient);
    self->ops->prepare(self->field, self->evaluations, params, self->path, self->theta);
    for (size_t i = 0; i < self->evaluations; i++) {
        const real weight = (real)(-time_grid_step(inverse) * self->by.method->b[i % self->by.method->stages]);
        for (size_t k = 0; k < stride; k++) self->thetabar[i * stride + k] *= weight;
    }
    self->ops->prepare_backward(self->field, self->evaluations, params, self->path, self->thetabar, gradient,
                                self->pathbar);
}

status fused_loss_gradient(fused *self, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient) {
    job of = {.self = self, .g = fused_grid(self), .x = x, .n = n, .probe = probe};
    double sum = 0;
    if (self->spec->gradient == GRADIENT_DISCRETE) gradient_discrete(&of, params, gradient);
    else gradient_adjoint(&of, params, gradient);
    for (size_t chunk = 0; chunk < chunks_of(n); chunk++) sum += self->losses[chunk];
    *loss = sum / (double)n;
    const bool finite = isfinite(*loss) && self->backend->is_finite(self->backend, self->parameters->total, gradient);
    return finite ? STATUS_OK : STATUS_NON_FINITE;
}

/* --- Creation --- */

static status build(fused *self, size_t chunks, parameter_table *table) {
    const cnf_spec *spec = self->spec;
    const context_spec about = cnf_context_spec(spec, self->by.method);
    const hyper_mlp_spec hyper = cnf_hyper_spec(spec, self->evaluations, false);
    arena *memory = &self->memory;
    TRY(hyper_mlp_create(&hyper, NULL, self->backend, table, &self->field, NULL));
    self->ops = self->field->ops->grid;
    TRY(context_create(&about, "context", self->backend, table, memory, &self->context, NULL));
    const size_t theta = self->evaluations * self->field->stride, threads = parallel_threads(self->workers);
    TRY(ARENA_NEW(memory, self->evaluations * about.dimension, &self->path));
    TRY(ARENA_NEW(memory, self->evaluations * about.dimension, &self->pathbar));
    TRY(ARENA_NEW(memory, theta, &self->theta));
    TRY(ARENA_NEW(memory, chunks * theta, &self->thetabar));
    TRY(ARENA_NEW(memory, chunks, &self->losses));
    TRY(ARENA_NEW(memory, table->total, &self->prepared));
    if (spec->gradient == GRADIENT_ADJOINT) {
        TRY(ARENA_NEW(memory, chunks * self->length, &self->final));
        TRY(ARENA_NEW(memory, table->total, &self->gradient));
    }
    TRY(ARENA_NEW(memory, threads, &self->workspaces));
    for (fused_workspace *at = self->workspaces; at < self->workspaces + threads; at++) {
        TRY(ARENA_NEW(memory, self->length, &at->state));
        TRY(ARENA_NEW(memory, self->length, &at->cotangent));
        TRY(ARENA_NEW(memory, spec->dimension * CHUNK, &at->probe));
        if (spec->gradient == GRADIENT_DISCRETE) TRY(ARENA_NEW(memory, self->evaluations * self->length, &at->states));
        /* A backward solve needs (2 s + 3) n, an adjoint's of a state of 2 n needs (s + 1) 2 n, which is less. */
        TRY(ARENA_NEW(memory, solve_backward_workspace(&self->by, self->length), &at->rk));
        TRY(ARENA_NEW(memory, self->field->scratch, &at->scratch));
        TRY(ARENA_NEW(memory, 2 * self->length, &at->joint));
    }
    return STATUS_OK;
}

status fused_create(const cnf_spec *spec, size_t batch_max, parallel *workers, parameter_table *table, fused **out) {
    arena memory = {0};
    fused *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    *self = (fused){.spec = spec,
                    .parameters = table,
                    .backend = spec->backend,
                    .workers = workers,
                    .memory = memory,
                    .by = {.method = tableau_get(spec->solver), .steps = spec->steps},
                    .length = (spec->dimension + 1) * CHUNK};
    self->evaluations = spec->steps * self->by.method->stages;
    const status built = build(self, chunks_of(batch_max), table);
    if (built == STATUS_OK) *out = self;
    else fused_destroy(&self);
    return built;
}

void fused_destroy(fused **self) {
    if (!*self) return;
    field_destroy(&(*self)->field);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}
