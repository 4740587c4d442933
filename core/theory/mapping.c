/* mapping.c - one chunk of points through the toy field, and backpropagation through its steps. */
#include "theory/mapping.h"

#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/arena.h"
#include "context/context.h"
#include "field/hyper_mlp.h"
#include "ode/solve.h"
#include "train/adam.h"

enum { HYPERNET_WIDTH = 8, DIMENSIONS_MAX = 8 };

struct mapping {
    mapping_spec spec;
    const backend_ops *backend;
    arena memory; /* holds this object too */
    parameter_table table;
    field *field;
    context *clock;
    time_grid g;
    size_t evaluations, length; /* length = D CHUNK: the state is z alone */
    real *params, *gradient, *first, *second; /* (P) */
    real *path, *pathbar; /* (evaluations) */
    real *theta, *thetabar; /* (evaluations, stride) */
    real *state, *cotangent, *divergence, *l, *scratch, *rk; /* (CHUNK), zero */
    solve_spec solver;
    adaptive_record record; /* of a solve with a backward pass: states (evaluations, length) */
    double error;
};

static void evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)t;
    const mapping *self = argument;
    self->field->ops->grid->evaluate(self->field, self->theta + evaluation * self->field->stride, y, NULL, dy,
                                     self->divergence);
}

static void backward(void *argument, size_t evaluation, const double *t, const real *y, const real *k, real *ybar) {
    (void)t;
    const mapping *self = argument;
    const size_t at = evaluation * self->field->stride;
    self->field->ops->grid->backward(self->field, self->theta + at, y, NULL, k, self->l, ybar, self->thetabar + at,
                                     self->scratch);
}

static ode_system system_of(mapping *self) {
    return (ode_system){
        .backend = self->backend, .length = self->length, .context = self, .evaluate = evaluate, .backward = backward};
}

/* state <- z(T) of [x, 0]. */
static void move(mapping *self, size_t n, const real *x, bool keep) {
    const size_t d = self->spec.visible;
    const ode_system system = system_of(self);
    memset(self->state, 0, self->length * sizeof *self->state);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++) self->state[k * CHUNK + i] = x[i * d + k];
    context_path(self->clock, self->params, self->g, self->path);
    self->field->ops->grid->prepare(self->field, self->evaluations, self->params, self->path, self->theta);
    solve_integrate(&self->solver, self->g.start, self->g.end, &system, self->state, keep ? &self->record : NULL,
                    self->rk, NULL);
}

static void step(mapping *self, size_t n, const real *x, const real *y, uint64_t iteration) {
    const size_t compared = self->spec.compared;
    const double count = (double)(n * compared);
    const ode_system system = system_of(self);
    const adam_step adam = adam_step_at(self->spec.learning_rate, iteration);
    move(self, n, x, true);
    memset(self->cotangent, 0, self->length * sizeof *self->cotangent);
    self->error = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < compared; k++) {
            const double off = (double)(self->state[k * CHUNK + i] - y[i * compared + k]);
            self->error += off * off / count;
            self->cotangent[k * CHUNK + i] = (real)(2 * off / count);
        }
    solve_backward(&self->solver, &self->record, &system, self->cotangent, self->rk, NULL);
    self->field->ops->grid->prepare_backward(self->field, self->evaluations, self->params, self->path, self->thetabar,
                                             self->gradient, self->pathbar);
    self->backend->adam(self->backend, self->table.total, &adam, self->gradient, self->first, self->second,
                        self->params);
}

static status build(mapping *self) {
    const mapping_spec *spec = &self->spec;
    const size_t D = spec->visible + spec->joined;
    arena *memory = &self->memory;
    self->g = (time_grid){.start = 0, .end = 1, .steps = spec->steps};
    self->solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = spec->steps};
    self->record = (adaptive_record){.capacity = spec->steps, .stages = true};
    self->evaluations = 4 * spec->steps;
    self->length = D * CHUNK;
    const hyper_mlp_spec hyper = {.dimension = D,
                                  .width = spec->width,
                                  .context = 1,
                                  .layers = 1,
                                  .hidden = HYPERNET_WIDTH,
                                  .instants = self->evaluations};
    const context_spec clock = {.dimension = 1, .method = tableau_get(TABLEAU_RK4)};
    TRY(hyper_mlp_create(&hyper, NULL, self->backend, &self->table, &self->field, NULL));
    TRY(context_create(&clock, "context", self->backend, &self->table, memory, &self->clock, NULL));
    const size_t P = self->table.total, theta = self->evaluations * self->field->stride;
    real **const blocks[] = {&self->params, &self->gradient, &self->first, &self->second};
    for (size_t i = 0; i < 4; i++) TRY(ARENA_NEW(memory, P, blocks[i]));
    TRY(ARENA_NEW(memory, self->evaluations, &self->path));
    TRY(ARENA_NEW(memory, self->evaluations, &self->pathbar));
    TRY(ARENA_NEW(memory, theta, &self->theta));
    TRY(ARENA_NEW(memory, theta, &self->thetabar));
    TRY(ARENA_NEW(memory, self->length, &self->state));
    TRY(ARENA_NEW(memory, self->length, &self->cotangent));
    TRY(ARENA_NEW(memory, CHUNK, &self->divergence));
    TRY(ARENA_NEW(memory, CHUNK, &self->l));
    TRY(ARENA_NEW(memory, self->field->scratch, &self->scratch));
    TRY(ARENA_NEW(memory, solve_backward_workspace(&self->solver, self->length), &self->rk));
    return ARENA_NEW(memory, self->evaluations * self->length, &self->record.states);
}

status mapping_fit(const mapping_spec *spec, size_t n, const real *x, const real *y, mapping **out) {
    const size_t D = spec->visible + spec->joined;
    if (spec->visible < 1 || D > DIMENSIONS_MAX || spec->compared < 1 || spec->compared > spec->visible || n < 1 ||
        n > CHUNK || spec->steps < 1 || spec->width < 1)
        return STATUS_INVALID;
    arena memory = {0};
    mapping *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    self->spec = *spec;
    self->backend = cpu_backend(cpu_level_best());
    self->memory = memory;
    if (build(self) != STATUS_OK) {
        mapping_destroy(&self);
        return STATUS_MEMORY;
    }
    field_initialise(self->field, spec->seed, self->params);
    for (uint64_t i = 1; i <= spec->iterations; i++) step(self, n, x, y, i);
    *out = self;
    return STATUS_OK;
}

void mapping_destroy(mapping **self) {
    if (!*self) return;
    field_destroy(&(*self)->field);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

double mapping_error(const mapping *self) {
    return self->error;
}

void mapping_apply(mapping *self, size_t n, const real *x, real *z) {
    const size_t D = self->spec.visible + self->spec.joined;
    move(self, n, x, false);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < D; k++) z[i * D + k] = self->state[k * CHUNK + i];
}
