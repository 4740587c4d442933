/* field_check.c - compare a field with differences of its own values.
 *
 * With random cotangents of all results of a field, L = sum of cotangents times values is one number, whose derivative
 * by any entry x is (8 (L(x + h) - L(x - h)) - (L(x + 2 h) - L(x - 2 h))) / 12 h to fourth order. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/memory.h"
#include "base/arena.h"
#include "base/random.h"
#include "field/field.h"
#include "field/own_field.h"

enum { ROWS = 3 };

typedef struct check {
    arena memory;
    field *of;
    const parameter_table *table;
    real *params; /* (P) */
    size_t all; /* ROWS D */
    real *z, *e, *c; /* c (C) */
    field_values out, bar;
    real *zbar, *cbar, *gradient;
    double *computed, *expected; /* (the most entries of a kind) */
    double overall; /* the largest of all that is computed */
    bool f_alone; /* only f has a backward pass */
    field_report *report;
} check;

static void draw(uint64_t seed, uint32_t which, size_t n, double by, real *x) {
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = seed, .purpose = RANDOM_TEST_PROBE}, i, which, u);
        x[i] = (real)(by * u[0]);
    }
}

static double step_of(void) {
    return sizeof(real) == sizeof(float) ? 2e-2 : 1e-3;
}

static status forward(check *self) {
    field_set_params(self->of, self->params);
    TRY(field_prepare(self->of, self->params, self->c));
    return field_forward(self->of, ROWS, self->z, self->e, &self->out);
}

static double dot(size_t n, const real *a, const real *b) {
    double sum = 0;
    for (size_t i = 0; a && i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static status value(check *self, double *out) {
    const field_values *bar = &self->bar, *y = &self->out;
    TRY(forward(self));
    *out = dot(self->all, bar->f, y->f) + dot(self->all, bar->product, y->product) +
           dot(ROWS, bar->divergence, y->divergence) + dot(ROWS, bar->kinetic, y->kinetic) +
           dot(ROWS, bar->jacobian, y->jacobian);
    return STATUS_OK;
}

static status difference(check *self, real *at, double *out) {
    static const double steps[] = {1, -1, 2, -2}, weights[] = {8, -8, -1, 1};
    const real kept = *at;
    double sum = 0, divisor = 0;
    status outcome = STATUS_OK;
    for (size_t k = 0; k < 4 && outcome == STATUS_OK; k++) {
        double one = 0;
        *at = (real)((double)kept + steps[k] * step_of());
        if (k < 2) divisor += steps[k] * ((double)*at - (double)kept); /* 2 h, as it was rounded */
        outcome = value(self, &one);
        sum += weights[k] * one;
    }
    *at = kept;
    *out = sum / (6 * divisor);
    return outcome;
}

/* Compare `n` entries of one kind; `name` is a format with the kind, and with a place for an entry's number, or for two
 * of row and column where the entries are rows of D. */
static status compare(check *self, size_t n, const char *kind, const char *part, bool rows) {
    const size_t D = self->of->dimension;
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(self->computed[i]) || !isfinite(self->expected[i])) return STATUS_NON_FINITE;
        largest = fmax(largest, fmax(fabs(self->computed[i]), fabs(self->expected[i])));
    }
    for (size_t i = 0; i < n; i++) {
        const double error = fabs(self->computed[i] - self->expected[i]) / fmax(largest, 0.01 * self->overall);
        field_report *report = self->report;
        if (error <= report->error && report->worst[0]) continue;
        report->error = error;
        report->computed = self->computed[i];
        report->expected = self->expected[i];
        if (rows) snprintf(report->worst, sizeof report->worst, "%s, row %zu, column %zu", kind, i / D, i % D);
        else
            snprintf(report->worst, sizeof report->worst, "%s%s%s%s, entry %zu", kind, part ? " \"" : "",
                     part ? part : "", part ? "\"" : "", i);
    }
    return STATUS_OK;
}

static void see(check *self, size_t n, const real *x) {
    for (size_t i = 0; i < n; i++) self->overall = fmax(self->overall, fabs((double)x[i]));
}

/* J e is how f changes along e. */
static status check_product(check *self) {
    static const double steps[] = {1, -1, 2, -2}, weights[] = {8, -8, -1, 1};
    const double h = step_of();
    real *const z = self->z;
    TRY(forward(self));
    see(self, self->all, self->out.f);
    see(self, self->all, self->out.product);
    for (size_t i = 0; i < self->all; i++) self->computed[i] = (double)self->out.product[i], self->expected[i] = 0;
    memcpy(self->zbar, z, self->all * sizeof *z); /* kept */
    status outcome = STATUS_OK;
    for (size_t k = 0; k < 4 && outcome == STATUS_OK; k++) {
        for (size_t i = 0; i < self->all; i++) z[i] = (real)((double)self->zbar[i] + steps[k] * h * (double)self->e[i]);
        outcome = forward(self);
        for (size_t i = 0; i < self->all; i++) self->expected[i] += weights[k] * (double)self->out.f[i] / (12 * h);
    }
    memcpy(z, self->zbar, self->all * sizeof *z);
    TRY(outcome);
    return compare(self, self->all, "J e", NULL, true);
}

static status check_entries(check *self, size_t n, real *at, const real *gradient, const char *kind, const char *part,
                            bool rows) {
    for (size_t i = 0; i < n; i++) {
        self->computed[i] = (double)gradient[i];
        TRY(difference(self, &at[i], &self->expected[i]));
    }
    return compare(self, n, kind, part, rows);
}

static status check_gradients(check *self) {
    TRY(forward(self));
    TRY(field_backward(self->of, ROWS, self->z, self->f_alone ? NULL : self->e, &self->bar, &self->out, self->zbar));
    TRY(field_accumulate(self->of, self->params, self->c, self->gradient, self->cbar));
    see(self, self->all, self->zbar);
    see(self, self->of->context, self->cbar);
    see(self, self->table->total, self->gradient);
    TRY(check_entries(self, self->all, self->z, self->zbar, "gradient of z", NULL, true));
    if (self->f_alone) return STATUS_OK;
    TRY(check_entries(self, self->of->context, self->c, self->cbar, "gradient of c", NULL, false));
    for (size_t k = 0; k < self->table->count; k++) {
        const parameter *part = &self->table->entries[k];
        TRY(check_entries(self, part->rows * part->columns, self->params + part->offset, self->gradient + part->offset,
                          "gradient of parameter", part->name, false));
    }
    return STATUS_OK;
}

static status build(check *self, uint64_t seed) {
    arena *memory = &self->memory;
    size_t most = self->all > self->of->context ? self->all : self->of->context;
    for (size_t k = 0; k < self->table->count; k++) {
        const size_t entries = self->table->entries[k].rows * self->table->entries[k].columns;
        if (entries > most) most = entries;
    }
    real **const rows[] = {&self->z,    &self->e,     &self->out.f,      &self->out.product,
                           &self->zbar, &self->bar.f, &self->bar.product};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) TRY(ARENA_NEW(memory, self->all, rows[i]));
    real **const numbers[] = {&self->out.divergence, &self->out.kinetic, &self->out.jacobian,
                              &self->bar.divergence, &self->bar.kinetic, &self->bar.jacobian};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) TRY(ARENA_NEW(memory, ROWS, numbers[i]));
    TRY(ARENA_NEW(memory, self->of->context, &self->c));
    TRY(ARENA_NEW(memory, self->of->context, &self->cbar));
    TRY(ARENA_NEW(memory, self->table->total, &self->gradient));
    TRY(ARENA_NEW(memory, most, &self->computed));
    TRY(ARENA_NEW(memory, most, &self->expected));
    uint32_t which = 0;
    draw(seed, which++, self->all, 0.7, self->z);
    draw(seed, which++, self->all, 1, self->e);
    draw(seed, which++, self->of->context, 0.7, self->c);
    draw(seed, which++, self->all, 1, self->bar.f);
    draw(seed, which++, self->all, 1, self->bar.product);
    draw(seed, which++, ROWS, 1, self->bar.divergence);
    draw(seed, which++, ROWS, 0.3, self->bar.kinetic);
    draw(seed, which++, ROWS, 0.3, self->bar.jacobian);
    return STATUS_OK;
}

static status run(check *self, uint64_t seed) {
    const char *lacks = self->of->lacks;
    TRY(build(self, seed));
    TRY(check_product(self));
    if (lacks) self->bar.product = self->bar.divergence = self->bar.jacobian = NULL, self->f_alone = true;
    const status outcome = check_gradients(self);
    if (!lacks) return outcome;
    self->report->skipped = lacks;
    return outcome == STATUS_INVALID ? STATUS_OK : outcome; /* no gradient of z either */
}

status field_check(field *of, const parameter_table *table, real *params, uint64_t seed, field_report *out) {
    *out = (field_report){.error = 0};
    check self = {.of = of, .table = table, .params = params, .all = ROWS * of->dimension, .report = out};
    const status outcome = run(&self, seed);
    arena_release(&self.memory);
    return outcome;
}

status field_check_callbacks(const field_callbacks *by, uint64_t seed, field_report *out, error_info *err) {
    parameter_table table = {0};
    field *of;
    arena memory = {0};
    real *params;
    TRY(field_from_callbacks(by, "field", ROWS, cpu_backend(cpu_level_best()), &table, &of, err));
    status outcome = ARENA_NEW(&memory, table.total, &params);
    if (outcome == STATUS_OK) {
        field_initialise(of, seed, params);
        outcome = field_check(of, &table, params, seed, out);
    }
    if (outcome != STATUS_OK) error_describe(err, "field %s: the check ended with status %d", by->name, (int)outcome);
    arena_release(&memory);
    field_destroy(&of);
    return outcome;
}
