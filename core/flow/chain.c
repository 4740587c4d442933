/* chain.c - create the model; its forward pass: flows, squeezes, splits. */
#include "flow/chain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/memory.h"
#include "base/detmath.h"
#include "flow/chain_internal.h"
#include "flow/noise.h"

static const double log_two_pi = 1.8378770664093454836;

/* --- Creation --- */

static status check(const chain_spec *spec, bool points, error_info *err) {
    if (!points && (!(spec->alpha > 0) || !(spec->alpha < 0.5)))
        return error_set(err, STATUS_INVALID, "alpha %g of the logit: expected a number between 0 and 0.5",
                         spec->alpha);
    if (!(spec->end_time > 0) || !isfinite(spec->end_time))
        return error_set(err, STATUS_INVALID, "end time %g: expected a positive number", spec->end_time);
    if (!(spec->base_variance > 0) || !isfinite(spec->base_variance))
        return error_set(err, STATUS_INVALID, "base variance %g: expected a positive number", spec->base_variance);
    if (!(spec->kinetic >= 0) || !(spec->jacobian >= 0))
        return error_set(err, STATUS_INVALID, "weights of the regularizers %g and %g: expected neither to be negative",
                         spec->kinetic, spec->jacobian);
    if (spec->kept_steps < 1) return error_set(err, STATUS_INVALID, "0 kept steps: expected at least 1");
    if (spec->solver.steps == 0 && spec->solver.method->error[0] == 0)
        return error_set(err, STATUS_INVALID, "method %s has no estimate of its error: expected a number of steps",
                         spec->solver.method->name);
    return STATUS_OK;
}

/* Moving and visible entries of z*. */
static size_t moving_entries(const image_spec *model) {
    return model->architecture == IMAGE_AFFJORD && image_sees_context(model) ? model->moving : 0;
}

static context_spec context_of(const chain *self, size_t f, size_t dimension) {
    const image_spec *model = &self->spec.model;
    const size_t moving = moving_entries(model);
    return (context_spec){.augmented = model->architecture == IMAGE_AFFJORD,
                          .dimension = dimension,
                          .moving = moving,
                          .width = moving,
                          .activation = MLP_TANH,
                          .learn_start = moving > 0 && model->learn_start && chain_starts(self, f),
                          .fixed = self->spec.fixed_context};
}

static status make_image_field(chain *self, size_t f, const char *prefix, parallel *workers, field **out,
                               context_spec *seen, error_info *err) {
    const chain_spec *spec = &self->spec;
    char name[48];
    conv_field_spec about = conv_field_specify(&self->model.spec, &self->model.flows[f], spec->function);
    about.method = spec->method;
    about.math = spec->math;
    about.batch = self->batch_max;
    *seen = context_of(self, f, about.context);
    snprintf(name, sizeof name, "%sfield", prefix);
    return conv_field_create(&about, name, workers, self->backend, &self->parameters, out, err);
}

static size_t dimension_of(const chain *self, size_t f) {
    const image_flow *flow = &self->model.flows[f];
    return flow->channels * flow->height * flow->width;
}

static status make_flow(chain *self, size_t f, bool gradients, parallel *workers, error_info *err) {
    const chain_spec *spec = &self->spec;
    const chain_points *points = &self->points;
    const size_t first = self->parameters.total, dimension = dimension_of(self, f);
    const bool own = spec->regularizers == REGULARIZERS_FINLAY;
    const double share = own ? (double)self->D / (double)dimension : 1; /* sums over flows are divided by D */
    flow_spec one = {.end_time = spec->end_time,
                     .learn_end_time = spec->learn_end_time,
                     .exact = spec->divergence == DIVERGENCE_EXACT,
                     .regularized = spec->kinetic > 0 || spec->jacobian > 0,
                     .kinetic_scale = own ? share / 2 : 1,
                     .jacobian_scale = share,
                     .adjoint = spec->gradient == GRADIENT_ADJOINT,
                     .seminorm = spec->seminorm,
                     .state_error = spec->error_norm == ERROR_STATE,
                     .kept_steps = gradients ? spec->kept_steps : 0,
                     .keep_stages = spec->keep_stages,
                     .solver = spec->solver};
    char prefix[32] = "";
    field *made;
    if (self->of_points) {
        one.context = points->context;
        TRY(points->make_field(points->argument, self->batch_max, workers, self->backend, &self->parameters, &made,
                               err));
    } else {
        snprintf(prefix, sizeof prefix, "flow.%zu.", f);
        TRY(make_image_field(self, f, prefix, workers, &made, &one.context, err));
    }
    if (made->dimension != dimension) {
        const size_t expected = self->D, found = made->dimension;
        const char *name = made->name;
        field_destroy(&made);
        return error_set(err, STATUS_INVALID, "field %s: takes z of %zu numbers; expected %zu, as the data has", name,
                         found, expected);
    }
    return flow_create(&one, prefix, self->batch_max, &made, first, &self->parameters, &self->flows[f], err);
}

static status build(chain *self, bool gradients, parallel *workers, error_info *err) {
    const backend_ops *backend = self->backend;
    arena *memory = &self->memory;
    const size_t n = self->batch_max, rows = SUM_SQUARES + self->model.flow_count;
    size_t workspace = 0, widest = 1;
    for (size_t f = 0; f < self->model.flow_count; f++) {
        TRY(make_flow(self, f, gradients, workers, err));
        const size_t D = flow_dimension(self->flows[f]), C = context_dimension(flow_context(self->flows[f]));
        const size_t reals = flow_share(self->flows[f], NULL, NULL);
        if (reals > workspace) workspace = reals;
        if (C > widest) widest = C;
        TRY(BACKEND_NEW(backend, memory, C, &self->context[f]));
        if (self->spec.divergence != DIVERGENCE_EXACT) TRY(BACKEND_NEW(backend, memory, n * D, &self->probes[f]));
    }
    real *shared, *parameters;
    TRY(BACKEND_NEW(backend, memory, workspace, &shared));
    TRY(BACKEND_NEW(backend, memory, gradients ? self->parameters.total : 0, &parameters));
    for (size_t i = 0; i < 2; i++) {
        TRY(BACKEND_NEW(backend, memory, n * self->D, &self->z[i]));
        TRY(BACKEND_NEW(backend, memory, widest, &self->context_bar[i]));
    }
    for (size_t f = 0; f < self->model.flow_count; f++) flow_share(self->flows[f], shared, parameters);
    TRY(BACKEND_NEW(backend, memory, n * self->D, &self->left));
    TRY(BACKEND_NEW(backend, memory, n * rows, &self->sums));
    TRY(ARENA_NEW(memory, n * rows, &self->known));
    TRY(ARENA_NEW(memory, n * self->D, &self->drawn));
    return ARENA_NEW(memory, n, &self->log_density);
}

status chain_create_points(const chain_spec *spec, const chain_points *points, size_t batch_max, bool gradients,
                           parallel *workers, chain **out, error_info *err) {
    TRY(check(spec, points, err));
    if (batch_max < 1) return error_set(err, STATUS_INVALID, "batches of 0 images or points: expected at least 1");
    arena memory = {0};
    chain *self;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return error_set(err, STATUS_MEMORY, "out of memory for a model");
    self->spec = *spec;
    self->backend = spec->backend ? spec->backend : cpu_backend(cpu_level_best());
    self->memory = memory;
    self->batch_max = batch_max;
    error_info reason = {""};
    status made = STATUS_OK;
    if (points) {
        self->of_points = true;
        self->points = *points;
        self->model.flow_count = 1;
        self->model.flows[0] = (image_flow){.channels = points->dimension, .height = 1, .width = 1};
    } else {
        made = image_model_expand(&spec->model, &self->model, &reason);
    }
    self->D = points ? points->dimension : spec->model.channels * spec->model.height * spec->model.width;
    if (made == STATUS_OK) made = build(self, gradients, workers, &reason);
    if (made != STATUS_OK) {
        error_describe(err, "%s", reason.text[0] ? reason.text : "out of memory for a model");
        chain_destroy(&self);
        return made;
    }
    *out = self;
    return STATUS_OK;
}

status chain_create(const chain_spec *spec, size_t batch_max, bool gradients, parallel *workers, chain **out,
                    error_info *err) {
    return chain_create_points(spec, NULL, batch_max, gradients, workers, out, err);
}

void chain_destroy(chain **self) {
    if (!*self) return;
    for (size_t f = 0; f < IMAGE_FLOWS_MAX; f++) flow_destroy(&(*self)->flows[f]);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

const chain_spec *chain_specification(const chain *self) {
    return &self->spec;
}
size_t chain_dimension(const chain *self) {
    return self->D;
}
size_t chain_batch(const chain *self) {
    return self->batch_max;
}
size_t chain_flow_count(const chain *self) {
    return self->model.flow_count;
}
const parameter_table *chain_parameters(const chain *self) {
    return &self->parameters;
}

size_t chain_bytes(const chain *self) {
    size_t bytes = self->memory.bytes;
    for (size_t f = 0; f < self->model.flow_count; f++) bytes += flow_bytes(self->flows[f]);
    return bytes;
}
size_t chain_kept_bytes(const chain *self) {
    size_t bytes = 0;
    for (size_t f = 0; f < self->model.flow_count; f++) bytes += flow_kept_bytes(self->flows[f]);
    return bytes;
}

void chain_initialise(const chain *self, uint64_t seed, real *params) {
    for (size_t f = 0; f < self->model.flow_count; f++) flow_initialise(self->flows[f], seed, params);
}

void chain_set_tolerances(chain *self, double atol, double rtol) {
    self->spec.solver.options.atol = atol;
    self->spec.solver.options.rtol = rtol;
    for (size_t f = 0; f < self->model.flow_count; f++) flow_set_tolerances(self->flows[f], atol, rtol);
}

/* --- Forward --- */

static void copy_to_device(const chain *self, size_t n, const real *from, real *to) {
    self->backend->copy_to_device(self->backend, n * sizeof *from, from, to);
}
static void copy_to_host(const chain *self, size_t n, const real *from, real *to) {
    self->backend->copy_to_host(self->backend, n * sizeof *from, from, to);
}

/* The draws of a flow's probes follow those of earlier flows, in whole blocks of four. */
static void draw_probes(const chain *self, size_t f, random_stream stream, size_t n) {
    const size_t D = flow_dimension(self->flows[f]);
    uint32_t block = 0;
    for (size_t before = 0; before < f; before++) block += (uint32_t)((flow_dimension(self->flows[before]) + 3) / 4);
    for (size_t i = 0; i < n; i++)
        noise_probe(self->spec.divergence, stream, self->first_row + i, block, D, 1, self->drawn + i * D);
    copy_to_device(self, n * D, self->drawn, self->probes[f]);
}

const real *chain_probes(const chain *self, size_t f) {
    return self->given_probes ? self->given_probes[f] : self->probes[f];
}

void chain_squeeze(const chain *self, size_t f, squeeze_layout layout, size_t n, bool inverse, const real *x, real *y) {
    const image_flow *flow = &self->model.flows[f];
    const squeeze_shape shape = {flow->channels, flow->height, flow->width, layout};
    self->backend->squeeze(self->backend, &shape, n, inverse, x, y);
}

void chain_start_context(chain *self, const real *params, size_t f) {
    const context *about = flow_context(self->flows[f]);
    if (chain_starts(self, f) || context_is_clock(about)) context_start(about, params, self->context[f]);
    else chain_squeeze(self, f - 1, SQUEEZE_CHANNEL_FIRST, 1, false, self->context[f - 1], self->context[f]);
}

/* Record the status of a flow's call, and where its field failed. */
status chain_note(const chain *self, size_t f, status outcome, chain_statistics *statistics) {
    const flow_failure failed = flow_failed(self->flows[f]);
    statistics->failed = f;
    statistics->flows[f].field_time = failed.time;
    statistics->flows[f].field_evaluation = failed.evaluation;
    statistics->failed_field = failed.code != STATUS_OK;
    return outcome;
}

/* Integrate z[now] and the context of a flow from time `from` T to `to` T, without density; n = 0: the context
 * alone. */
static status move(chain *self, const real *params, size_t f, double from, double to, size_t n, size_t now,
                   chain_statistics *statistics) {
    return chain_note(self, f,
                      flow_integrate(self->flows[f], params, from, to, n, NULL, false, self->z[now], self->context[f],
                                     NULL, &statistics->flows[f].forward),
                      statistics);
}

/* Copy rows of `part` numbers of each image or pixel from a matrix with `all` per row, or back. */
static void take(const chain *self, size_t rows, size_t part, size_t all, bool back, real *whole, real *x) {
    const backend_ops *backend = self->backend;
    if (back) backend->copy_rows(backend, rows, part, x, part, whole, all);
    else backend->copy_rows(backend, rows, part, whole, all, x, part);
}

void chain_step(chain *self, size_t f, size_t n, bool back, size_t *now) {
    const backend_ops *backend = self->backend;
    const image_flow *flow = &self->model.flows[f];
    const size_t pixels = n * flow->height * flow->width, all = flow->channels, half = all / 2;
    real *z = self->z[*now], *room = self->z[1 - *now], *left = self->left + n * chain_left_before(self, f);
    if (chain_squeezes(self, f)) {
        chain_squeeze(self, f, SQUEEZE_CHANNEL_LAST, n, back, z, room);
    } else if (chain_splits(self, f)) {
        take(self, pixels, half, all, back, back ? room : z, back ? z : room);
        take(self, pixels, half, all, back, (back ? room : z) + half, left);
    } else {
        backend->copy(backend, pixels * all, back ? left : z, back ? z : left);
        return;
    }
    *now = 1 - *now;
}

/* Copy the sums of all images to the host. A part's images follow each other. */
static void gather(chain *self, size_t n) {
    const backend_ops *backend = self->backend;
    const size_t rows = SUM_SQUARES + self->model.flow_count;
    for (size_t f = 0; f < self->model.flow_count; f++)
        backend->squares(backend, n, chain_leaving(self, f), self->left + n * chain_left_before(self, f),
                         chain_row(self, self->sums, SUM_SQUARES + f));
    backend->copy_to_host(backend, rows * self->batch_max * sizeof *self->sums, self->sums, self->known);
}

/* log_density (n) <- that of the logit and the flows, plus log N of the channels that left, part by part. */
static void add_densities(chain *self, size_t n) {
    const double variance = self->spec.base_variance, constant = log_two_pi + det_log(variance);
    const double *logit = chain_row(self, self->known, SUM_LOGIT);
    const double *divergence = chain_row(self, self->known, SUM_DIVERGENCE);
    for (size_t i = 0; i < n; i++) self->log_density[i] = logit[i] + (divergence[i] - 0.5 * (double)self->D * constant);
    for (size_t f = 0; f < self->model.flow_count; f++) {
        const double *square = chain_row(self, self->known, SUM_SQUARES + f);
        if (chain_leaving(self, f) == 0) continue;
        for (size_t i = 0; i < n; i++) self->log_density[i] -= 0.5 * square[i] / variance;
    }
}

status chain_forward(chain *self, const real *params, double from, const real *x, size_t n, random_stream probe,
                     bool keep, chain_statistics *statistics) {
    const backend_ops *backend = self->backend;
    const size_t rows = SUM_SQUARES + self->model.flow_count;
    const flow_sums sums = {.divergence = chain_row(self, self->sums, SUM_DIVERGENCE),
                            .kinetic = chain_row(self, self->sums, SUM_KINETIC),
                            .jacobian = chain_row(self, self->sums, SUM_JACOBIAN)};
    size_t now = 0;
    *statistics = (chain_statistics){.flow_count = self->model.flow_count};
    memset(self->known, 0, rows * self->batch_max * sizeof *self->known);
    backend->copy_to_device(backend, rows * self->batch_max * sizeof *self->known, self->known, self->sums);
    copy_to_device(self, n * self->D, x, self->of_points ? self->z[0] : self->z[1]);
    if (!self->of_points)
        backend->logit(backend, self->spec.alpha, n, self->D, self->z[1], self->z[0],
                       chain_row(self, self->sums, SUM_LOGIT));
    for (size_t f = 0; f < self->model.flow_count; f++) {
        chain_flow *flow = &statistics->flows[f];
        chain_start_context(self, params, f);
        flow->end_time = flow_end_time(self->flows[f], params);
        if (from > 0) TRY(move(self, params, f, 0, from, 0, now, statistics));
        if (self->probes[f] && !self->given_probes) draw_probes(self, f, probe, n);
        TRY(chain_note(self, f,
                       flow_integrate(self->flows[f], params, from, 1, n, chain_probes(self, f), keep, self->z[now],
                                      self->context[f], &sums, &flow->forward),
                       statistics));
        chain_step(self, f, n, false, &now);
    }
    gather(self, n);
    add_densities(self, n);
    return STATUS_OK;
}

/* Reorder parts, with n images in each, to images with all their parts; or back. */
static void sort_parts(const chain *self, size_t n, bool back, real *parts, real *images) {
    size_t before = 0;
    for (size_t f = 0; f < self->model.flow_count; f++) {
        const size_t D = chain_leaving(self, f);
        take(self, n, D, self->D, !back, images + before, parts + n * before);
        before += D;
    }
}

status chain_transform_from(chain *self, const real *params, double from, const real *x, size_t n, random_stream probe,
                            real *z, double *log_density, chain_statistics *statistics) {
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    TRY(chain_forward(self, params, from, x, n, probe, false, statistics));
    if (z) {
        sort_parts(self, n, false, self->left, self->z[0]);
        copy_to_host(self, n * self->D, self->z[0], z);
    }
    memcpy(log_density, self->log_density, n * sizeof *log_density);
    return STATUS_OK;
}

status chain_transform(chain *self, const real *params, const real *x, size_t n, random_stream probe, real *z,
                       double *log_density, chain_statistics *statistics) {
    chain_statistics unused = {.flow_count = 0};
    return chain_transform_from(self, params, 0, x, n, probe, z, log_density, statistics ? statistics : &unused);
}

/* --- Inverse --- */

static status invert_left(chain *self, const real *params, double to, size_t n, real *x, chain_statistics *statistics) {
    size_t now = 0;
    *statistics = (chain_statistics){.flow_count = self->model.flow_count};
    for (size_t f = 0; f < self->model.flow_count; f++) {
        chain_start_context(self, params, f);
        statistics->flows[f].end_time = flow_end_time(self->flows[f], params);
        TRY(move(self, params, f, 0, 1, 0, now, statistics));
    }
    for (size_t f = self->model.flow_count; f-- > 0;) {
        chain_step(self, f, n, true, &now);
        TRY(move(self, params, f, 1, to, n, now, statistics));
    }
    if (!self->of_points) {
        self->backend->unlogit(self->backend, self->spec.alpha, n, self->D, self->z[now], self->z[1 - now]);
        now = 1 - now;
    }
    copy_to_host(self, n * self->D, self->z[now], x);
    return STATUS_OK;
}

status chain_invert_to(chain *self, const real *params, double to, const real *z, size_t n, real *x,
                       chain_statistics *statistics) {
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    copy_to_device(self, n * self->D, z, self->z[0]);
    sort_parts(self, n, true, self->left, self->z[0]);
    return invert_left(self, params, to, n, x, statistics);
}

status chain_trajectory(chain *self, const real *params, const real *x, size_t n, size_t count, const double *times,
                        real *z, size_t rows, chain_statistics *statistics) {
    chain_flow *flow = &statistics->flows[0];
    double from = 0;
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    *statistics = (chain_statistics){.flow_count = 1};
    flow->end_time = flow_end_time(self->flows[0], params);
    chain_start_context(self, params, 0);
    copy_to_device(self, n * self->D, x, self->z[0]);
    for (size_t i = 0; i < count; i++) {
        const double to = fmin(times[i] / flow->end_time, 1);
        TRY(move(self, params, 0, from, to, n, 0, statistics));
        copy_to_host(self, n * self->D, self->z[0], z + i * rows * self->D);
        from = to;
    }
    return STATUS_OK;
}

status chain_invert(chain *self, const real *params, const real *z, size_t n, real *x, chain_statistics *statistics) {
    chain_statistics unused = {.flow_count = 0};
    return chain_invert_to(self, params, 0, z, n, x, statistics ? statistics : &unused);
}

status chain_sample(chain *self, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                    chain_statistics *statistics) {
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    noise_base(stream, self->spec.base_variance, first, n, self->D, self->drawn);
    return chain_invert(self, params, self->drawn, n, x, statistics);
}

void chain_explain(const chain_statistics *statistics, status outcome, error_info *err) {
    static const char *const reasons[] = {[STATUS_NON_FINITE] = "a number is not finite",
                                          [STATUS_STEP_TOO_SMALL] = "the error stays too large at the smallest step",
                                          [STATUS_TOO_MANY_STEPS] = "too many steps (solver.max_steps)",
                                          [STATUS_RECORD_FULL] = "more steps than solver.max_stored_steps"};
    const chain_flow *flow = &statistics->flows[statistics->failed];
    const adaptive_statistics *solve = statistics->failed_backward ? &flow->backward : &flow->forward;
    const char *way = statistics->failed_backward ? "backward" : "forward";
    if (statistics->failed_field)
        error_describe(err, "flow %zu, %s: the field ended with status %d, at t = %.6g, evaluation %zu",
                       statistics->failed, way, (int)outcome, flow->field_time, flow->field_evaluation);
    else if (outcome < STATUS_NON_FINITE || outcome > STATUS_RECORD_FULL) error_describe(err, "the solve failed");
    else
        error_describe(err,
                       "flow %zu, %s: %s, at %.4g of its end time %.4g after %zu steps and %zu rejected ones, the "
                       "smallest %.3g",
                       statistics->failed, way, reasons[outcome], solve->time, flow->end_time, solve->accepted,
                       solve->rejected, solve->smallest);
}
