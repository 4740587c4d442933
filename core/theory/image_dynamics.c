/* image_dynamics.c - a convolutional field on one image, with all its dimensions, as one equation.
 *
 * Columns of df/dz are products J e with unit vectors e, all in one batch of copies of the image; what c gets is summed
 * over a batch, so rows of df/dc are reverses of their own. */
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/arena.h"
#include "field/mlp.h"
#include "theory/dynamics.h"

typedef struct image_dynamics {
    dynamics base;
    arena memory; /* holds itself too */
    conv_field *field;
    mlp g; /* where z* moves */
    size_t C; /* of the field's context: what moves, then zeros */
    real *params; /* (P) */
    real *context, *cbar; /* (C) */
    real *z, *e, *f, *product; /* (D, D): copies, unit vectors, f and J e of each */
    real *net, *unit, *gradient; /* of g: workspace, (M), (P) */
} image_dynamics;

static void prepare(image_dynamics *self, const real *w) {
    memcpy(self->context, w + self->base.z, self->base.c * sizeof *w);
    conv_field_prepare(self->field, self->params, self->context);
}

static void start(dynamics *base, const real *z, real *w) {
    memcpy(w, z, base->z * sizeof *w);
    memset(w + base->z, 0, base->c * sizeof *w);
}

static void value(dynamics *base, const real *w, real *h) {
    image_dynamics *self = (image_dynamics *)base;
    prepare(self, w);
    conv_field_evaluate(self->field, 1, w, NULL, &(conv_values){.f = h});
    if (self->net) mlp_forward(&self->g, base->backend, 1, self->params, w + base->z, h + base->z, self->net);
    else h[base->z] = 1;
}

static void jacobian_of_g(image_dynamics *self, const real *c, double *A) {
    const size_t D = self->base.z, M = self->base.c, n = self->base.n;
    for (size_t k = 0; k < M && self->net; k++) {
        real out[64], row[64];
        memset(self->unit, 0, M * sizeof *self->unit);
        self->unit[k] = 1;
        mlp_forward(&self->g, self->base.backend, 1, self->params, c, out, self->net);
        mlp_reverse(&self->g, self->base.backend, 1, self->params, c, self->unit, row, self->gradient, self->net);
        for (size_t i = 0; i < M; i++) A[(D + k) * n + D + i] = (double)row[i];
    }
}

static void linearise(dynamics *base, const real *w, double *A, double *B) {
    (void)B;
    image_dynamics *self = (image_dynamics *)base;
    const size_t D = base->z, n = base->n;
    memset(A, 0, n * n * sizeof *A);
    prepare(self, w);
    for (size_t i = 0; i < D; i++) memcpy(self->z + i * D, w, D * sizeof *w);
    conv_field_evaluate(self->field, D, self->z, self->e, &(conv_values){.product = self->product});
    for (size_t j = 0; j < D; j++)
        for (size_t i = 0; i < D; i++) A[i * n + j] = (double)self->product[j * D + i];
    for (size_t d = 0; d < D; d++) {
        const conv_values bar = {.f = self->e + d * D};
        conv_field_reverse(self->field, 1, w, NULL, &bar, &(conv_values){0}, self->f);
        conv_field_collect(self->field, self->params, self->context, self->gradient, self->cbar);
        for (size_t i = 0; i < base->c; i++) A[d * n + D + i] = (double)self->cbar[i];
    }
    jacobian_of_g(self, w + D, A);
}

static void destroy(dynamics *base) {
    image_dynamics *self = (image_dynamics *)base;
    conv_field_destroy(&self->field);
    arena memory = self->memory;
    arena_release(&memory);
}

static const dynamics_ops ops = {
    .name = "image", .start = start, .value = value, .linearise = linearise, .destroy = destroy};

static status build(image_dynamics *self, const conv_field_spec *spec, size_t moving, parameter_table *table,
                    failure *why) {
    arena *memory = &self->memory;
    TRY(conv_field_create(spec, "field", NULL, self->base.backend, table, &self->field, why));
    if (moving > 0) {
        self->g = (mlp){.layers = 2, .size = {moving, moving, moving}, .activation = MLP_TANH};
        mlp_declare(&self->g, table, "context");
        TRY(ARENA_NEW(memory, mlp_workspace(&self->g, 1), &self->net));
    }
    const size_t D = conv_field_dimension(self->field), c = moving > 0 ? moving : 1;
    self->C = spec->context;
    self->base.z = D;
    self->base.c = c;
    self->base.n = D + c;
    self->base.parameters = table->total;
    TRY(ARENA_NEW(memory, table->total, &self->params));
    TRY(ARENA_NEW(memory, table->total, &self->gradient));
    TRY(ARENA_NEW(memory, self->C, &self->context));
    TRY(ARENA_NEW(memory, self->C, &self->cbar));
    TRY(ARENA_NEW(memory, c, &self->unit));
    TRY(ARENA_NEW(memory, D * D, &self->z));
    TRY(ARENA_NEW(memory, D * D, &self->e));
    TRY(ARENA_NEW(memory, D, &self->f));
    TRY(ARENA_NEW(memory, D * D, &self->product));
    for (size_t i = 0; i < D; i++) self->e[i * D + i] = 1;
    return STATUS_OK;
}

status dynamics_image(const conv_field_spec *spec, size_t moving, uint64_t seed, double scale, dynamics **out,
                      failure *why) {
    if (moving > 64 || moving > spec->context)
        return fail(why, STATUS_INVALID,
                    "%zu entries of z* that move, of %zu: expected no more than those, nor than 64", moving,
                    spec->context);
    arena memory = {0};
    parameter_table table = {0};
    image_dynamics *self;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a field");
    self->base = (dynamics){.ops = &ops, .backend = cpu_backend(cpu_level_best())};
    self->memory = memory;
    failure reason = {""};
    const status built = build(self, spec, moving, &table, &reason);
    if (built != STATUS_OK) {
        destroy(&self->base);
        return fail(why, built, "%s", reason.text[0] ? reason.text : "out of memory for a field");
    }
    self->base.params = self->params;
    conv_field_initialise(self->field, seed, self->params);
    if (moving > 0) mlp_initialise(&self->g, seed, self->params);
    for (size_t i = 0; i < table.total; i++) self->params[i] *= (real)scale;
    conv_field_bind(self->field, self->params);
    *out = &self->base;
    return STATUS_OK;
}
