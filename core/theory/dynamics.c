/* dynamics.c - the toy field and its context as one equation.
 *
 * Row d of the Jacobian is the reverse of f_d: one point of a chunk has the cotangent 1, the others none. */
#include "theory/dynamics.h"

#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/arena.h"
#include "field/context.h"
#include "field/field.h"

typedef struct toy_dynamics {
    dynamics base;
    arena memory; /* holds itself too */
    parameter_table table;
    field *field;
    context *context;
    real *theta, *thetabar; /* (stride) */
    real *z, *dz, *a, *zbar; /* (D, CHUNK) */
    real *divergence, *l; /* (CHUNK); l is zero */
    real *scratch;
    real *cbar, *unit; /* (C) */
    real *gradient; /* (P) */
} toy_dynamics;

static void prepare(toy_dynamics *self, const real *w) {
    const size_t D = self->base.z;
    field_prepare(self->field, 1, self->base.params, w + D, self->theta);
    for (size_t d = 0; d < D; d++)
        for (size_t i = 0; i < CHUNK; i++) self->z[d * CHUNK + i] = w[d];
}

static void start(dynamics *base, const real *z, real *w) {
    toy_dynamics *self = (toy_dynamics *)base;
    memcpy(w, z, base->z * sizeof *w);
    context_start(self->context, base->params, w + base->z);
}

static void value(dynamics *base, const real *w, real *h) {
    toy_dynamics *self = (toy_dynamics *)base;
    prepare(self, w);
    field_evaluate(self->field, self->theta, self->z, NULL, self->dz, self->divergence);
    for (size_t d = 0; d < base->z; d++) h[d] = self->dz[d * CHUNK];
    context_rate(self->context, base->params, w + base->z, h + base->z);
}

/* zbar, cbar (C) and the gradient (P) <- what f_d gives to z, c and the parameters. A reverse uses up what was
 * prepared. */
static void reverse_row(toy_dynamics *self, const real *w, size_t d) {
    const size_t D = self->base.z;
    prepare(self, w);
    memset(self->a, 0, D * CHUNK * sizeof *self->a);
    self->a[d * CHUNK] = 1;
    memset(self->gradient, 0, self->base.parameters * sizeof *self->gradient);
    field_reverse(self->field, self->theta, self->z, NULL, self->a, self->l, self->zbar, self->thetabar, self->scratch);
    field_prepare_reverse(self->field, 1, self->base.params, w + D, self->thetabar, self->gradient, self->cbar);
}

static void put(size_t count, const real *from, double *to) {
    for (size_t i = 0; i < count; i++) to[i] = (double)from[i];
}

static void linearise(dynamics *base, const real *w, double *A, double *B) {
    toy_dynamics *self = (toy_dynamics *)base;
    const size_t D = base->z, C = base->c, n = base->n, P = base->parameters;
    memset(A, 0, n * n * sizeof *A);
    for (size_t d = 0; d < D; d++) {
        reverse_row(self, w, d);
        for (size_t i = 0; i < D; i++) A[d * n + i] = (double)self->zbar[i * CHUNK];
        put(C, self->cbar, A + d * n + D);
        if (B) put(P, self->gradient, B + d * P);
    }
    for (size_t k = 0; k < C; k++) {
        memset(self->unit, 0, C * sizeof *self->unit);
        memset(self->gradient, 0, P * sizeof *self->gradient);
        self->unit[k] = 1;
        context_rate_reverse(self->context, base->params, w + D, self->unit, self->cbar, self->gradient);
        put(C, self->cbar, A + (D + k) * n + D);
        if (B) put(P, self->gradient, B + (D + k) * P);
    }
}

static void destroy(dynamics *base) {
    arena memory = ((toy_dynamics *)base)->memory;
    arena_release(&memory);
}

static const dynamics_ops ops = {
    .name = "toy", .start = start, .value = value, .linearise = linearise, .destroy = destroy};

/* In the order in which a flow enters its parts into the table: the field, then the context. */
static status build(toy_dynamics *self, const cnf_spec *spec) {
    const bool augmented = spec->context == CONTEXT_AUGMENTED;
    const size_t D = spec->dimension, C = augmented ? spec->augmented_dimension : 1;
    const backend_ops *backend = self->base.backend;
    const tableau *unused = tableau_get(TABLEAU_RK4);
    arena *memory = &self->memory;
    TRY(toy_field_create(D, spec->width, C, spec->join, spec->hypernet_layers, spec->hypernet_width, 1, backend,
                         &self->table, memory, &self->field));
    if (augmented)
        TRY(context_augmented_create(C, spec->augmented_width, spec->learn_start, backend, unused, &self->table, memory,
                                     &self->context));
    else TRY(context_clock_create(backend, unused, memory, &self->context));
    self->base.z = D;
    self->base.c = C;
    self->base.n = D + C;
    self->base.parameters = self->table.total;
    TRY(ARENA_NEW(memory, self->field->stride, &self->theta));
    TRY(ARENA_NEW(memory, self->field->stride, &self->thetabar));
    TRY(ARENA_NEW(memory, self->field->scratch, &self->scratch));
    TRY(ARENA_NEW(memory, D * CHUNK, &self->z));
    TRY(ARENA_NEW(memory, D * CHUNK, &self->dz));
    TRY(ARENA_NEW(memory, D * CHUNK, &self->a));
    TRY(ARENA_NEW(memory, D * CHUNK, &self->zbar));
    TRY(ARENA_NEW(memory, CHUNK, &self->divergence));
    TRY(ARENA_NEW(memory, CHUNK, &self->l));
    TRY(ARENA_NEW(memory, C, &self->cbar));
    TRY(ARENA_NEW(memory, C, &self->unit));
    return ARENA_NEW(memory, self->table.total, &self->gradient);
}

status dynamics_toy(const cnf_spec *spec, const real *params, dynamics **out) {
    arena memory = {0};
    toy_dynamics *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    self->base = (dynamics){
        .ops = &ops, .backend = spec->backend ? spec->backend : cpu_backend(cpu_level_best()), .params = params};
    self->memory = memory;
    const status built = build(self, spec);
    if (built != STATUS_OK) {
        destroy(&self->base);
        return built;
    }
    *out = &self->base;
    return STATUS_OK;
}

void dynamics_destroy(dynamics **self) {
    if (*self) (*self)->ops->destroy(*self);
    *self = NULL;
}
