/* flow_equation.c - F = T (f, e.(J e), g, |f|^2, |J e|^2), and k . dF for cotangents k of its parts.
 *
 * F is T times a function, so T is a parameter like any other: k . dF/dT = k . F / T, plus the part of the time c =
 * T s. */
#include "flow/flow_equation.h"

#include <math.h>

#include "backend/memory.h"

bool flow_equation_sums_basis(const flow_equation *self) {
    return self->spec->exact && (!self->field->traces || self->spec->regularized);
}

void flow_equation_begin(flow_equation *self, const real *params, size_t n) {
    if (n > 0) field_set_params(self->field, params);
    if (self->spec->learn_end_time) self->backend->squares(self->backend, 1, 1, params + self->end_time, self->T);
    self->params = params;
    self->n = n;
    self->e = NULL;
    self->divergence = false;
    self->failed = (flow_failure){.code = STATUS_OK};
    self->evaluations = 0;
}

/* Count an evaluation at *s, and record the first failure. */
static status note(flow_equation *self, status made, const double *s) {
    if (made != STATUS_OK && self->failed.code == STATUS_OK)
        self->failed = (flow_failure){.code = made,
                                      .time = backend_is_host(self->backend) ? *s * *self->T : NAN,
                                      .evaluation = self->evaluations};
    self->evaluations++;
    return made;
}

status flow_equation_see(flow_equation *self, const double *s, const real *moving) {
    const backend_ops *backend = self->backend;
    if (self->M > 0) backend->copy(backend, self->M, moving, self->c);
    else if (context_is_clock(self->context)) backend->product(backend, self->T, s, self->c);
    return self->n > 0 ? field_prepare(self->field, self->params, self->c) : STATUS_OK;
}

/* --- Sums over unit vectors --- */

/* basis (n, D) <- the unit vector of number d. */
static void set_basis(const flow_equation *self, size_t d) {
    const backend_ops *backend = self->backend;
    backend->zero(backend, self->n * self->D, self->basis);
    backend->fill(backend, self->n, self->D, 1, self->basis + d);
}

static void add(const flow_equation *self, size_t n, const real *x, real *y) {
    self->backend->add_rows(self->backend, 1, n, x, 0, y);
}

/* The target of one unit vector's share in a sum over all, and its addition. */
static field_values share_of(const flow_equation *self, const field_values *all) {
    real *const divergence = self->values + self->n * self->D + 3 * self->n;
    return (field_values){.divergence = divergence, .jacobian = all->jacobian ? divergence + self->n : NULL};
}
static void add_share(const flow_equation *self, const field_values *one, const field_values *all) {
    add(self, self->n, one->divergence, all->divergence);
    if (all->jacobian) add(self, self->n, one->jacobian, all->jacobian);
}

/* --- The equation --- */

/* The field along the probe, or summed over unit vectors where quadratic in e. */
static status forward(const flow_equation *self, const real *z, const field_values *out) {
    const size_t n = self->n;
    if (!self->divergence || !flow_equation_sums_basis(self))
        return field_forward(self->field, n, z, self->spec->exact ? NULL : self->e, out);
    const field_values one = share_of(self, out);
    set_basis(self, 0);
    TRY(field_forward(self->field, n, z, self->basis, out));
    for (size_t d = 1; d < self->D; d++) {
        set_basis(self, d);
        TRY(field_forward(self->field, n, z, self->basis, &one));
        add_share(self, &one, out);
    }
    return STATUS_OK;
}

status flow_equation_evaluate(flow_equation *self, const double *s, const real *z, const real *moving,
                              const field_values *out) {
    status made = self->failed.code;
    if (made == STATUS_OK) made = flow_equation_see(self, s, moving);
    if (made == STATUS_OK && self->n > 0) made = forward(self, z, out);
    if (made == STATUS_OK) context_rate(self->context, self->params, self->c, self->slope);
    return note(self, made, s);
}

/* --- Backward --- */

/* The field's values and its backward pass. In a sum over unit vectors, terms without e count once. */
static status backward_field(const flow_equation *self, const real *z, const field_values *bar, const field_values *out,
                             real *zbar) {
    const size_t n = self->n;
    if (!flow_equation_sums_basis(self))
        return field_backward(self->field, n, z, self->spec->exact ? NULL : self->e, bar, out, zbar);
    const field_values one = share_of(self, out);
    const field_values rest = {.divergence = bar->divergence, .jacobian = bar->jacobian};
    set_basis(self, 0);
    TRY(field_backward(self->field, n, z, self->basis, bar, out, zbar));
    for (size_t d = 1; d < self->D; d++) {
        set_basis(self, d);
        TRY(field_backward(self->field, n, z, self->basis, &rest, &one, self->below));
        add_share(self, &one, out);
        add(self, n * self->D, self->below, zbar);
    }
    return STATUS_OK;
}

/* out (n) <- T k, for a k that may be NULL; returns out, or NULL. */
static real *scaled(const flow_equation *self, size_t n, const real *k, real *out) {
    if (k) self->backend->scale_by(self->backend, n, self->T, k, out);
    return k ? out : NULL;
}

/* Add the contribution of the context's own rate and its cotangent k (M) to the gradient and to cbar. */
static void backward_context(const flow_equation *self, const real *k) {
    if (self->M == 0) return;
    scaled(self, self->M, k, self->g_bar);
    context_rate_backward(self->context, self->params, self->c, self->g_bar, self->g_below, self->gradient);
    add(self, self->M, self->g_below, self->cbar);
}

/* k . dF/dT. */
static void backward_end_time(const flow_equation *self, const double *s, const flow_cotangent *k,
                              const field_values *out) {
    const size_t n = self->n;
    if (!self->spec->learn_end_time) return;
    const dot_terms terms = {.count = 5,
                             .n = {n * self->D, n, n, n, self->M},
                             .a = {k->z, k->l, k->kinetic, k->jacobian, k->moving},
                             .b = {out->f, out->divergence, out->kinetic, out->jacobian, self->slope}};
    self->backend->time_backward(self->backend, &terms, s, context_is_clock(self->context) ? self->cbar : NULL,
                                 self->params + self->end_time, self->gradient + self->end_time);
}

static status backward(flow_equation *self, const double *s, const real *z, const real *moving, const flow_cotangent *k,
                       real *zbar, const field_values *out) {
    const size_t n = self->n, row = n * self->D;
    const field_values bar = {.f = scaled(self, row, k->z, self->scaled),
                              .divergence = scaled(self, n, k->l, self->scaled + row),
                              .kinetic = scaled(self, n, k->kinetic, self->scaled + row + n),
                              .jacobian = scaled(self, n, k->jacobian, self->scaled + row + 2 * n)};
    TRY(flow_equation_see(self, s, moving));
    context_rate(self->context, self->params, self->c, self->slope);
    TRY(backward_field(self, z, &bar, out, zbar));
    TRY(field_accumulate(self->field, self->params, self->c, self->gradient, self->cbar));
    backward_context(self, k->moving);
    backward_end_time(self, s, k, out);
    return STATUS_OK;
}

status flow_equation_backward(flow_equation *self, const double *s, const real *z, const real *moving,
                              const flow_cotangent *k, real *zbar, field_values *out) {
    const size_t n = self->n, row = n * self->D;
    real *const values = self->values;
    *out = (field_values){.f = values,
                          .divergence = values + row,
                          .kinetic = k->kinetic ? values + row + n : NULL,
                          .jacobian = k->jacobian ? values + row + 2 * n : NULL};
    const status made = self->failed.code != STATUS_OK ? self->failed.code : backward(self, s, z, moving, k, zbar, out);
    return note(self, made, s);
}
