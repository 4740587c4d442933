/* own_field.c - a user's callbacks behind the interface of field.h. */
#include "field/own_field.h"

#include <math.h>
#include <string.h>

#include "backend/memory.h"
#include "base/random.h"
#include "field/chunked.h"

typedef struct own_field {
    field base;
    field_callbacks by;
    size_t first, count; /* its range of parameters */
    real *f, *product, *zero; /* (batch, D); zeros, for a missing probe */
    real *fbar, *product_bar; /* (batch, D) */
    real *gradient, *cbar; /* (count), (C): sums since the last accumulate */
    const real *params, *c; /* of the last prepare */
} own_field;

static own_field *as_own(const field *self) {
    return (own_field *)self;
}

static void initialise(const field *base, uint64_t seed, real *params) {
    const own_field *self = as_own(base);
    size_t i = self->first;
    if (self->by.initialise) {
        self->by.initialise(self->by.user, seed, params + self->first);
        return;
    }
    for (size_t k = 0; k < self->by.parameter_count; k++) {
        const field_parameter *part = &self->by.parameters[k];
        for (const size_t end = i + part->rows * part->columns; i < end; i++) {
            double u[4];
            random_uniform4((random_stream){.seed = seed, .purpose = RANDOM_INITIALISATION}, i, 0, u);
            params[i] = (real)((2 * u[0] - 1) / sqrt((double)part->columns));
        }
    }
}

static status prepare(field *base, const real *params, const real *c) {
    own_field *self = as_own(base);
    self->params = params + self->first;
    self->c = c;
    return STATUS_OK;
}

/* Write the requested values of the batch to *b->out; f and J e stay in the field too, J e zero without a probe. */
static status evaluate(const field_batch *b, bool product) {
    own_field *self = as_own(b->self);
    const real *probe = product ? b->e : NULL;
    TRY(self->by.value(self->by.user, self->params, self->c, b->n, b->z, probe, self->f, self->product));
    if (!probe) memset(self->product, 0, b->n * b->self->dimension * sizeof *self->product);
    field_give(b, 0, b->n, self->f, b->e ? b->e : self->zero, self->product);
    return STATUS_OK;
}

static status forward(field *base, size_t n, const real *z, const real *e, const field_values *out) {
    const field_batch b = {.self = base, .n = n, .z = z, .e = e, .out = out};
    return evaluate(&b, out->product || out->divergence || out->jacobian);
}

static status backward(field *base, size_t n, const real *z, const real *e, const field_values *bar,
                       const field_values *out, real *zbar) {
    own_field *self = as_own(base);
    const field_batch b = {.self = base, .n = n, .z = z, .e = e, .out = out, .bar = bar, .zbar = zbar};
    const bool wanted = out->product || out->divergence || out->jacobian;
    const bool product = bar->product || bar->divergence || bar->jacobian;
    TRY(evaluate(&b, wanted || product));
    field_take(&b, 0, n, self->f, e ? e : self->zero, self->product, self->fbar, self->product_bar);
    const real *probe = product ? e : NULL;
    if (self->by.backward)
        return self->by.backward(self->by.user, self->params, self->c, n, z, probe, self->fbar,
                                 probe ? self->product_bar : NULL, zbar, self->gradient, self->cbar);
    if (!self->by.vjp || probe) return STATUS_INVALID;
    return self->by.vjp(self->by.user, self->params, self->c, n, z, self->fbar, zbar);
}

static status accumulate(field *base, const real *params, const real *c, real *gradient, real *cbar) {
    own_field *self = as_own(base);
    (void)params, (void)c;
    for (size_t i = 0; i < self->count; i++) gradient[self->first + i] += self->gradient[i];
    memcpy(cbar, self->cbar, base->context * sizeof *cbar);
    memset(self->gradient, 0, self->count * sizeof *self->gradient);
    memset(self->cbar, 0, base->context * sizeof *self->cbar);
    return STATUS_OK;
}

static const field_ops ops = {
    .initialise = initialise,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .accumulate = accumulate,
};

/* --- Creation --- */

static status check(const field_callbacks *by, const backend_ops *backend, error_info *err) {
    if (!by->name || !by->name[0]) return error_set(err, STATUS_INVALID, "a field without a name; expected one");
    if (!by->value)
        return error_set(err, STATUS_INVALID, "field %s: has no value callback; expected one that gives f and J e",
                         by->name);
    if (by->dimension < 1 || by->context < 1)
        return error_set(err, STATUS_INVALID,
                         "field %s: z of %zu numbers and a context of %zu; expected at least 1 of both", by->name,
                         by->dimension, by->context);
    if (by->parameter_count > PARAMETERS_MAX / 2)
        return error_set(err, STATUS_INVALID, "field %s: %zu parameters; expected at most %d", by->name,
                         by->parameter_count, PARAMETERS_MAX / 2);
    for (size_t k = 0; k < by->parameter_count; k++) {
        const field_parameter *part = &by->parameters[k];
        if (!part->name || !part->name[0] || part->rows < 1 || part->columns < 1)
            return error_set(err, STATUS_INVALID,
                             "field %s: parameter %zu, \"%.40s\", is of %zu x %zu; expected a name and at least 1 x 1",
                             by->name, k, part->name ? part->name : "", part->rows, part->columns);
    }
    if (!backend_is_host(backend))
        return error_set(err, STATUS_INVALID, "field %s: its callbacks are of the processor; expected no other device",
                         by->name);
    return STATUS_OK;
}

static status build(own_field *self, size_t batch) {
    arena *memory = &self->base.memory;
    const size_t all = batch * self->base.dimension;
    real **const blocks[] = {&self->f, &self->product, &self->zero, &self->fbar, &self->product_bar};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) TRY(ARENA_NEW(memory, all, blocks[i]));
    TRY(ARENA_NEW(memory, self->count, &self->gradient));
    return ARENA_NEW(memory, self->base.context, &self->cbar);
}

status field_from_callbacks(const field_callbacks *by, const char *prefix, size_t batch, const backend_ops *backend,
                            parameter_table *table, field **out, error_info *err) {
    const field about = {.ops = &ops,
                         .name = by->name,
                         .backend = backend,
                         .dimension = by->dimension,
                         .context = by->context,
                         .lacks = by->backward ? NULL
                                  : by->vjp ? "has a vjp of z, and no backward callback, which gives the gradients of "
                                              "J e, of parameters and of c"
                                            : "has no backward callback"};
    field *made;
    TRY(check(by, backend, err));
    TRY(field_new(sizeof(own_field), &about, &made, err));
    own_field *self = as_own(made);
    self->by = *by;
    self->first = table->total;
    for (size_t k = 0; k < by->parameter_count; k++) {
        const field_parameter *part = &by->parameters[k];
        parameter_table_add(table, part->rows, part->columns, "%.20s.%.26s", prefix, part->name);
    }
    self->count = table->total - self->first;
    return field_finish(made, build(self, batch), out, err);
}
