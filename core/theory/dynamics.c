/* dynamics.c - a field and its context as one equation for one point.
 *
 * Row d of the Jacobian is a backward pass of f_d; a row of z* is a backward pass of g. */
#include "theory/dynamics.h"

#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/arena.h"
#include "field/hyper_mlp.h"
#include "flow/fused.h"

typedef struct field_dynamics {
    dynamics base;
    arena memory; /* holds this object too */
    parameter_table table;
    field *field;
    context *context;
    real *params; /* (P), of a drawn field; NULL if the caller's */
    real *c, *cbar; /* (C) */
    real *unit; /* the larger of D and M */
    real *zbar, *gbar; /* (D); (M) */
    real *gradient; /* (P) */
} field_dynamics;

static field_dynamics *as_field(dynamics *of) {
    return (field_dynamics *)of;
}

static status prepare(dynamics *of, const real *w) {
    field_dynamics *self = as_field(of);
    memcpy(self->c, w + of->z, of->c * sizeof *w);
    return field_prepare(self->field, of->params, self->c);
}

static void start(dynamics *of, const real *z, real *w) {
    field_dynamics *self = as_field(of);
    memcpy(w, z, of->z * sizeof *w);
    context_start(self->context, of->params, self->c);
    memcpy(w + of->z, self->c, of->c * sizeof *w);
    memset(self->c, 0, self->field->context * sizeof *w); /* entries that do not move */
}

static void value(dynamics *of, const real *w, real *h) {
    field_dynamics *self = as_field(of);
    field_set_params(self->field, of->params);
    prepare(of, w);
    field_forward(self->field, 1, w, NULL, &(field_values){.f = h});
    if (context_is_clock(self->context)) h[of->z] = 1;
    else context_rate(self->context, of->params, self->c, h + of->z);
}

static void put(size_t count, const real *from, double *to) {
    for (size_t i = 0; i < count; i++) to[i] = (double)from[i];
}

static real *unit_of(field_dynamics *self, size_t count, size_t k) {
    memset(self->unit, 0, count * sizeof *self->unit);
    self->unit[k] = 1;
    return self->unit;
}

static void linearise(dynamics *of, const real *w, double *A, double *B) {
    field_dynamics *self = as_field(of);
    const size_t D = of->z, C = of->c, n = of->n, P = of->parameters;
    memset(A, 0, n * n * sizeof *A);
    field_set_params(self->field, of->params);
    for (size_t d = 0; d < D; d++) {
        const field_values bar = {.f = unit_of(self, D, d)};
        prepare(of, w);
        memset(self->gradient, 0, P * sizeof *self->gradient);
        field_backward(self->field, 1, w, NULL, &bar, &(field_values){0}, self->zbar);
        field_accumulate(self->field, of->params, self->c, self->gradient, self->cbar);
        put(D, self->zbar, A + d * n);
        put(C, self->cbar, A + d * n + D);
        if (B) put(P, self->gradient, B + d * P);
    }
    for (size_t k = 0; k < C; k++) {
        memset(self->gradient, 0, P * sizeof *self->gradient);
        if (!context_is_clock(self->context)) {
            context_rate(self->context, of->params, self->c, self->gbar);
            context_rate_backward(self->context, of->params, self->c, unit_of(self, C, k), self->gbar, self->gradient);
            put(C, self->gbar, A + (D + k) * n + D);
        }
        if (B) put(P, self->gradient, B + (D + k) * P);
    }
}

static void destroy(dynamics *of) {
    field_dynamics *self = as_field(of);
    field_destroy(&self->field);
    arena memory = self->memory;
    arena_release(&memory);
}

static const dynamics_ops ops = {
    .name = "field", .start = start, .value = value, .linearise = linearise, .destroy = destroy};

void dynamics_destroy(dynamics **of) {
    if (*of) (*of)->ops->destroy(*of);
    *of = NULL;
}

/* --- Creation --- */

static status create(dynamics **out, const backend_ops *backend) {
    arena memory = {0};
    field_dynamics *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    *self = (field_dynamics){.base = {.ops = &ops, .backend = backend}, .memory = memory};
    *out = &self->base;
    return STATUS_OK;
}

/* Append to the parameter table in a flow's order: the field, which is already there, then the context. */
static status finish(dynamics *of, const context_spec *about, error_info *err) {
    field_dynamics *self = as_field(of);
    arena *memory = &self->memory;
    TRY(context_create(about, "context", of->backend, &self->table, memory, &self->context, err));
    of->z = self->field->dimension;
    of->c = about->moving > 0 ? about->moving : 1;
    of->n = of->z + of->c;
    of->parameters = self->table.total;
    TRY(ARENA_NEW(memory, about->dimension, &self->c));
    TRY(ARENA_NEW(memory, about->dimension, &self->cbar));
    TRY(ARENA_NEW(memory, of->n, &self->unit));
    TRY(ARENA_NEW(memory, of->z, &self->zbar));
    TRY(ARENA_NEW(memory, of->c, &self->gbar));
    return ARENA_NEW(memory, of->parameters, &self->gradient);
}

static status make_toy(dynamics *of, const cnf_spec *spec) {
    const context_spec about = cnf_context_spec(spec, NULL);
    const hyper_mlp_spec toy = cnf_hyper_spec(spec, 1, true);
    TRY(hyper_mlp_create(&toy, NULL, of->backend, &as_field(of)->table, &as_field(of)->field, NULL));
    return finish(of, &about, NULL);
}

status dynamics_toy(const cnf_spec *spec, const real *params, dynamics **out) {
    dynamics *of;
    TRY(create(&of, spec->backend ? spec->backend : cpu_backend(cpu_level_best())));
    of->params = params;
    const status made = make_toy(of, spec);
    if (made == STATUS_OK) *out = of;
    else dynamics_destroy(&of);
    return made;
}

static status make_image(dynamics *of, const conv_field_spec *spec, size_t moving, uint64_t seed, double scale,
                         error_info *err) {
    field_dynamics *self = as_field(of);
    const context_spec about = {
        .augmented = moving > 0, .dimension = spec->context, .moving = moving, .width = moving, .activation = MLP_TANH};
    TRY(conv_field_create(spec, "field", NULL, of->backend, &self->table, &self->field, err));
    TRY(finish(of, &about, err));
    TRY(ARENA_NEW(&self->memory, of->parameters, &self->params));
    of->params = self->params;
    field_initialise(self->field, seed, self->params);
    context_initialise(self->context, seed, self->params);
    for (size_t i = 0; i < of->parameters; i++) self->params[i] *= (real)scale;
    return STATUS_OK;
}

status dynamics_image(const conv_field_spec *spec, size_t moving, uint64_t seed, double scale, dynamics **out,
                      error_info *err) {
    dynamics *of;
    error_info reason = {"out of memory for a field"};
    if (create(&of, cpu_backend(cpu_level_best())) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "%s", reason.text);
    const status made = make_image(of, spec, moving, seed, scale, &reason);
    if (made != STATUS_OK) {
        dynamics_destroy(&of);
        return error_set(err, made, "%s", reason.text);
    }
    *out = of;
    return STATUS_OK;
}
