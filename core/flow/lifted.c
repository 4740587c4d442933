/* lifted.c - create a lifted flow; solve for z and its derivatives by x; the backward pass of that solve. */
#include <math.h>

#include "backend/memory.h"
#include "base/detmath.h"
#include "field/mlp_field.h"
#include "flow/lifted_internal.h"

static const double log_two_pi = 1.8378770664093454836;

/* --- Rows --- */

/* y (n, wide) <- x (n, columns), followed by zeros. */
static void widen(const lifted *self, size_t columns, const real *x, size_t wide, real *y) {
    self->backend->zero(self->backend, self->n * wide, y);
    self->backend->copy_rows(self->backend, self->n, columns, x, columns, y, wide);
}

/* x (n, columns) <- the columns of y (n, wide) from `first` on. */
static void narrow(const lifted *self, size_t columns, size_t first, size_t wide, const real *y, real *x) {
    self->backend->copy_rows(self->backend, self->n, columns, y + first, wide, x, columns);
}

/* y (n, D + A) <- [z, z*]. */
static void join(const lifted *self, const real *z, const real *augmented, real *y) {
    const size_t D = self->D, A = self->A;
    self->backend->copy_rows(self->backend, self->n, D, z, D, y, D + A);
    self->backend->copy_rows(self->backend, self->n, A, augmented, A, y + D, D + A);
}

static void add(const lifted *self, size_t count, const real *x, real *y) {
    self->backend->add_rows(self->backend, 1, count, x, 0, y);
}

/* The backward pass of join. f is no longer needed, so its memory is reused. */
static void join_backward(const lifted *self, const real *bar, real *zbar, real *augmented_bar) {
    const size_t D = self->D, A = self->A;
    narrow(self, D, 0, D + A, bar, self->f);
    add(self, self->n * D, self->f, zbar);
    narrow(self, A, D, D + A, bar, self->f);
    add(self, self->n * A, self->f, augmented_bar);
}

/* --- h and its derivatives --- */

static void set_basis(const lifted *self, size_t i) {
    self->backend->zero(self->backend, self->n * self->lift_width, self->e);
    self->backend->fill(self->backend, self->n, self->lift_width, 1, self->e + i);
}

/* raised <- h(x), dh/dx. The library's fields and their backward passes cannot fail, here and below. */
static void raise(lifted *self, const real *x) {
    const size_t A = self->A, M = self->lift_width, block = self->n * A;
    const field_values out = {.f = self->f, .product = self->product};
    field_prepare(self->lift, self->params, &self->time);
    widen(self, self->D, x, M, self->w);
    for (size_t i = 0; i < self->D; i++) {
        set_basis(self, i);
        field_forward(self->lift, self->n, self->w, self->e, &out);
        narrow(self, A, 0, M, self->product, self->raised + (1 + i) * block);
    }
    narrow(self, A, 0, M, self->f, self->raised);
}

static void raise_backward(lifted *self, const real *x) {
    const size_t A = self->A, M = self->lift_width, block = self->n * A;
    const field_values out = {.f = self->f, .product = self->product};
    widen(self, self->D, x, M, self->w);
    widen(self, A, self->raised_bar, M, self->f_bar);
    for (size_t i = 0; i < self->D; i++) {
        const field_values bar = {.f = i == 0 ? self->f_bar : NULL, .product = self->product_bar};
        set_basis(self, i);
        widen(self, A, self->raised_bar + (1 + i) * block, M, self->product_bar);
        field_backward(self->lift, self->n, self->w, self->e, &bar, &out, self->w_bar);
    }
    field_accumulate(self->lift, self->params, &self->time, self->gradient, &self->time_bar);
}

/* --- The equation --- */

/* Evaluate f at t; faded <- z* and its derivatives there. Return e^-t. */
static double see(lifted *self, double t) {
    const double decay = det_exp(-t);
    self->time = (real)t;
    self->backend->scale(self->backend, (1 + self->D) * self->n * self->A, decay, self->raised, self->faded);
    field_prepare(self->field, self->params, &self->time);
    return decay;
}

static void evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation;
    lifted *self = argument;
    const size_t D = self->D, wide = D + self->A, of_z = self->n * D, of_augmented = self->n * self->A;
    const field_values out = {.f = self->f, .product = self->product};
    see(self, *t);
    join(self, y, self->faded, self->w);
    for (size_t i = 1; i <= D; i++) {
        join(self, y + i * of_z, self->faded + i * of_augmented, self->e);
        field_forward(self->field, self->n, self->w, self->e, &out);
        narrow(self, D, 0, wide, self->product, dy + i * of_z);
    }
    narrow(self, D, 0, wide, self->f, dy);
}

/* Evaluate f for z alone, with z* = 0. */
static void evaluate_flat(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation;
    lifted *self = argument;
    const size_t D = self->D, wide = D + self->A;
    self->time = (real)*t;
    field_prepare(self->field, self->params, &self->time);
    widen(self, D, y, wide, self->w);
    field_forward(self->field, self->n, self->w, NULL, &(field_values){.f = self->f});
    narrow(self, D, 0, wide, self->f, dy);
}

static void backward(void *argument, size_t evaluation, const double *t, const real *y, const real *k, real *ybar) {
    (void)evaluation;
    lifted *self = argument;
    const backend_ops *backend = self->backend;
    const size_t D = self->D, wide = D + self->A, of_z = self->n * D, of_augmented = self->n * self->A;
    const field_values out = {.f = self->f, .product = self->product, .probe_bar = self->e_bar};
    const double decay = see(self, *t);
    backend->zero(backend, (1 + D) * of_z, ybar);
    backend->zero(backend, (1 + D) * of_augmented, self->faded_bar);
    join(self, y, self->faded, self->w);
    widen(self, D, k, wide, self->f_bar);
    for (size_t i = 1; i <= D; i++) {
        const field_values bar = {.f = i == 1 ? self->f_bar : NULL, .product = self->product_bar};
        join(self, y + i * of_z, self->faded + i * of_augmented, self->e);
        widen(self, D, k + i * of_z, wide, self->product_bar);
        field_backward(self->field, self->n, self->w, self->e, &bar, &out, self->w_bar);
        join_backward(self, self->w_bar, ybar, self->faded_bar);
        join_backward(self, self->e_bar, ybar + i * of_z, self->faded_bar + i * of_augmented);
    }
    backend->scale(backend, (1 + D) * of_augmented, decay, self->faded_bar, self->faded_bar);
    add(self, (1 + D) * of_augmented, self->faded_bar, self->raised_bar);
    field_accumulate(self->field, self->params, &self->time, self->gradient, &self->time_bar);
}

/* --- Solves --- */

static ode_system system_of(lifted *self, bool flat) {
    return (ode_system){.backend = self->backend,
                        .length = (flat ? 1 : 1 + self->D) * self->n * self->D,
                        .context = self,
                        .evaluate = flat ? evaluate_flat : evaluate,
                        .backward = flat ? NULL : backward};
}

static void begin(lifted *self, const real *params, size_t n, chain_statistics *statistics) {
    self->params = params;
    self->n = n;
    field_set_params(self->field, params);
    field_set_params(self->lift, params);
    *statistics = (chain_statistics){.flow_count = 1, .flows = {{.end_time = self->spec->end_time, .field_time = NAN}}};
}

status lifted_solve(lifted *self, const real *params, const real *x, size_t n, bool keep,
                    chain_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const size_t D = self->D;
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    begin(self, params, n, statistics);
    raise(self, x);
    backend->zero(backend, (1 + D) * n * D, self->state);
    backend->copy(backend, n * D, x, self->state);
    for (size_t i = 0; i < D; i++) backend->fill(backend, n, D, 1, self->state + (1 + i) * n * D + i);
    const ode_system system = system_of(self, false);
    return solve_integrate(&self->by, 0, self->spec->end_time, &system, self->state, keep ? &self->record : NULL,
                           self->solve, &statistics->flows[0].forward);
}

status lifted_solve_back(lifted *self, const real *params, const real *z, size_t n, chain_statistics *statistics) {
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    begin(self, params, n, statistics);
    self->backend->copy(self->backend, n * self->D, z, self->state);
    const ode_system system = system_of(self, true);
    return solve_integrate(&self->by, self->spec->end_time, 0, &system, self->state, NULL, self->solve,
                           &statistics->flows[0].forward);
}

void lifted_jacobian(const lifted *self, size_t row, double *jacobian) {
    const size_t D = self->D;
    for (size_t i = 0; i < D; i++)
        for (size_t d = 0; d < D; d++) jacobian[d * D + i] = (double)self->state[(1 + i) * self->n * D + row * D + d];
}

/* Return log p of a row; and bar, where not NULL, gets the cotangent of its negative in the state. */
static double row_log_density(const lifted *self, size_t row, real *bar) {
    const size_t D = self->D, block = self->n * D;
    const double variance = self->spec->base_variance;
    double jacobian[LIFTED_DIMENSION_MAX * LIFTED_DIMENSION_MAX], inverse[LIFTED_DIMENSION_MAX * LIFTED_DIMENSION_MAX];
    double squares = 0;
    lifted_jacobian(self, row, jacobian);
    const double determinant = small_matrix_invert(D, jacobian, inverse);
    for (size_t d = 0; d < D; d++) {
        const double z = (double)self->state[row * D + d];
        squares += z * z;
        if (!bar) continue;
        bar[row * D + d] = (real)(z / variance);
        for (size_t i = 0; i < D; i++) bar[(1 + i) * block + row * D + d] = (real)-inverse[i * D + d];
    }
    return det_log(fabs(determinant)) - 0.5 * squares / variance - 0.5 * (double)D * (log_two_pi + det_log(variance));
}

status lifted_transform(lifted *self, const real *params, const real *x, size_t n, real *z, double *log_density,
                        chain_statistics *statistics) {
    TRY(lifted_solve(self, params, x, n, false, statistics));
    for (size_t i = 0; i < n; i++) log_density[i] = row_log_density(self, i, NULL);
    if (z) self->backend->copy(self->backend, n * self->D, self->state, z);
    return STATUS_OK;
}

/* Cotangents are those of a sum over points. */
status lifted_loss_gradient(lifted *self, const real *params, const real *x, size_t n, double *loss, real *gradient,
                            chain_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const size_t P = self->parameters.total;
    double sum = 0;
    *loss = NAN;
    TRY(lifted_solve(self, params, x, n, true, statistics));
    for (size_t i = 0; i < n; i++) sum -= row_log_density(self, i, self->state_bar);
    *loss = sum / (double)n;
    if (!isfinite(*loss)) return STATUS_NON_FINITE;
    self->gradient = gradient;
    backend->zero(backend, P, gradient);
    backend->zero(backend, (1 + self->D) * n * self->A, self->raised_bar);
    const ode_system system = system_of(self, false);
    statistics->failed_backward = true; /* from here on */
    TRY(solve_backward(&self->by, &self->record, &system, self->state_bar, self->solve,
                       &statistics->flows[0].backward));
    raise_backward(self, x);
    backend->scale(backend, P, 1 / (double)n, gradient, gradient);
    return backend->is_finite(backend, P, gradient) ? STATUS_OK : STATUS_NON_FINITE;
}

/* --- Creation --- */

static status refuse(const char *found, const char *why, const char *expected, error_info *err) {
    return error_set(err, STATUS_INVALID, "%s with model.context = lifted: %s; expected %s", found, why, expected);
}

status lifted_check(const cnf_spec *spec, error_info *err) {
    if (spec->dimension > LIFTED_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID,
                         "model.context = lifted: data of %zu columns; expected at most %d, as the determinant of "
                         "dz(T)/dz(0) has no estimate for more",
                         spec->dimension, LIFTED_DIMENSION_MAX);
    if (spec->field != CNF_MLP)
        return refuse("model.field = hyper_mlp or callbacks", "a hypernet makes one set of weights for all points",
                      "model.field = mlp", err);
    if (spec->gradient != GRADIENT_DISCRETE)
        return refuse("solver.gradient = adjoint", "its gradient is the reverse of the computed steps", "discrete",
                      err);
    if (spec->divergence != DIVERGENCE_EXACT)
        return refuse("flow.divergence = rademacher or gaussian", "it has a determinant and no trace", "exact", err);
    if (spec->learn_end_time) return refuse("flow.learn_end_time = yes", "T is fixed", "no", err);
    if (spec->kinetic > 0 || spec->jacobian > 0)
        return refuse("flow.kinetic or flow.jacobian", "it has no regularizers", "0", err);
    if (spec->learn_start || spec->fixed_context)
        return refuse("model.initial_state = learned or model.dynamics = fixed", "z*(0) is h(x) and g is -z*",
                      "zero and learned", err);
    if (spec->backend && !backend_is_host(spec->backend))
        return refuse("a device", "it is for the CPU", "--device cpu", err);
    return STATUS_OK;
}

static status make_fields(lifted *self, parallel *workers, error_info *err) {
    const cnf_spec *spec = self->spec;
    mlp_field_spec layers = spec->mlp;
    layers.dimension = self->D + self->A;
    layers.outputs = self->D;
    layers.context = 1;
    const mlp_field_spec lift = {.dimension = self->lift_width,
                                 .inputs = self->D,
                                 .outputs = self->A,
                                 .context = 1,
                                 .hidden_layers = 1,
                                 .hidden = {spec->augmented_width},
                                 .function = spec->mlp.function,
                                 .layer = IMAGE_IGNORE};
    TRY(mlp_field_create(&layers, "field", workers, self->backend, &self->parameters, &self->field, err));
    return mlp_field_create(&lift, "lift", workers, self->backend, &self->parameters, &self->lift, err);
}

static status make_record(lifted *self, size_t length) {
    const size_t steps = self->by.steps ? self->by.steps : self->spec->kept_steps;
    self->record.capacity = steps;
    self->record.stages = self->spec->keep_stages;
    TRY(BACKEND_NEW(self->backend, &self->memory, steps, &self->record.time));
    TRY(BACKEND_NEW(self->backend, &self->memory, steps, &self->record.step));
    TRY(BACKEND_NEW(self->backend, &self->memory, length, &self->state_bar));
    return BACKEND_NEW(self->backend, &self->memory, lifted_kept_bytes(self) / sizeof(real), &self->record.states);
}

static status build(lifted *self) {
    const backend_ops *backend = self->backend;
    arena *memory = &self->memory;
    const size_t n = self->batch_max, D = self->D, A = self->A, length = (1 + D) * n * D;
    const size_t forth = solve_workspace(&self->by, length), back = solve_backward_workspace(&self->by, length);
    real **const raised[] = {&self->raised, &self->raised_bar, &self->faded, &self->faded_bar};
    real **const rows[] = {&self->w,     &self->e,     &self->f,     &self->product,
                           &self->w_bar, &self->e_bar, &self->f_bar, &self->product_bar};
    for (size_t i = 0; i < sizeof raised / sizeof *raised; i++)
        TRY(BACKEND_NEW(backend, memory, (1 + D) * n * A, raised[i]));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) TRY(BACKEND_NEW(backend, memory, n * (D + A), rows[i]));
    TRY(BACKEND_NEW(backend, memory, length, &self->state));
    TRY(BACKEND_NEW(backend, memory, forth > back ? forth : back, &self->solve));
    if (self->spec->kept_steps > 0) TRY(make_record(self, length));
    return lifted_inverse_build(self);
}

status lifted_create(const cnf_spec *spec, size_t batch_max, parallel *workers, lifted **out, error_info *err) {
    const size_t D = spec->dimension, A = spec->augmented_dimension;
    arena memory = {0};
    lifted *self;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return error_set(err, STATUS_MEMORY, "out of memory for a flow");
    self->spec = spec;
    self->backend = spec->backend;
    self->memory = memory;
    self->batch_max = batch_max;
    self->D = D, self->A = A, self->lift_width = D > A ? D : A;
    self->by = (solve_spec){.method = tableau_get(spec->solver), .steps = spec->steps, .options = spec->options};
    self->by.options.min_step *= spec->end_time; /* a part of T */
    status outcome = make_fields(self, workers, err);
    if (outcome == STATUS_OK && build(self) != STATUS_OK)
        outcome = error_set(err, STATUS_MEMORY, "out of memory for a flow of %zu points", batch_max);
    if (outcome != STATUS_OK) lifted_destroy(&self);
    else *out = self;
    return outcome;
}

void lifted_destroy(lifted **self) {
    if (!*self) return;
    field_destroy(&(*self)->field);
    field_destroy(&(*self)->lift);
    arena memory = (*self)->memory; /* owns *self too */
    arena_release(&memory);
    *self = NULL;
}

size_t lifted_bytes(const lifted *self) {
    return self->memory.bytes + field_bytes(self->field) + field_bytes(self->lift);
}
size_t lifted_kept_bytes(const lifted *self) {
    const size_t length = (1 + self->D) * self->batch_max * self->D;
    return self->record.capacity * solve_kept(&self->by, length, self->record.stages) * sizeof(real);
}
const parameter_table *lifted_parameters(const lifted *self) {
    return &self->parameters;
}
void lifted_set_tolerances(lifted *self, double atol, double rtol) {
    self->by.options.atol = atol;
    self->by.options.rtol = rtol;
}
void lifted_initialise(const lifted *self, uint64_t seed, real *params) {
    field_initialise(self->field, seed, params);
    field_initialise(self->lift, seed, params);
}
