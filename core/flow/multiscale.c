/* multiscale.c - making the model, and its way out: flows, squeezes, splits. */
#include "flow/multiscale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/detmath.h"
#include "flow/logit.h"
#include "flow/multiscale_internal.h"
#include "flow/noise.h"

static const double log_two_pi = 1.8378770664093454836;

/* --- Making --- */

static status check(const multiscale_spec *spec, failure *why) {
    if (!(spec->alpha > 0) || !(spec->alpha < 0.5))
        return fail(why, STATUS_INVALID, "alpha %g of the logit: expected a number between 0 and 0.5", spec->alpha);
    if (!(spec->end_time > 0) || !isfinite(spec->end_time))
        return fail(why, STATUS_INVALID, "end time %g: expected a positive number", spec->end_time);
    if (!(spec->base_variance > 0) || !isfinite(spec->base_variance))
        return fail(why, STATUS_INVALID, "base variance %g: expected a positive number", spec->base_variance);
    if (!(spec->kinetic >= 0) || !(spec->jacobian >= 0))
        return fail(why, STATUS_INVALID, "weights of the regularisers %g and %g: expected neither to be negative",
                    spec->kinetic, spec->jacobian);
    if (spec->kept_steps < 1) return fail(why, STATUS_INVALID, "0 kept steps: expected at least 1");
    if (spec->solver.steps == 0 && spec->solver.method->error[0] == 0)
        return fail(why, STATUS_INVALID, "method %s has no estimate of its error: expected a number of steps",
                    spec->solver.method->name);
    return STATUS_OK;
}

/* Entries of z* that move and are seen. */
static size_t moving_entries(const image_spec *model) {
    return model->architecture == IMAGE_AFFJORD && image_sees_context(model) ? model->moving : 0;
}

static status make_flow(multiscale *self, size_t f, bool gradients, parallel *workers, failure *why) {
    const multiscale_spec *spec = &self->spec;
    char prefix[32];
    image_cnf_spec one = {.field = conv_field_specify(&self->model.spec, &self->model.flows[f], spec->function),
                          .end_time = spec->end_time,
                          .learn_end_time = spec->learn_end_time,
                          .exact = spec->divergence == DIVERGENCE_EXACT,
                          .regularised = spec->kinetic > 0 || spec->jacobian > 0,
                          .adjoint = spec->gradient == GRADIENT_ADJOINT,
                          .seminorm = spec->seminorm,
                          .kept_steps = gradients ? spec->kept_steps : 0,
                          .keep_stages = spec->keep_stages,
                          .solver = spec->solver};
    one.field.method = spec->method;
    one.moving = moving_entries(&spec->model);
    snprintf(prefix, sizeof prefix, "flow.%zu", f);
    return image_cnf_create(&one, prefix, self->batch_max, workers, self->backend, &self->parameters, &self->flows[f],
                            why);
}

static status build(multiscale *self, bool gradients, parallel *workers, failure *why) {
    arena *memory = &self->memory;
    const size_t n = self->batch_max;
    size_t workspace = 0, context = 1;
    for (size_t f = 0; f < self->model.flow_count; f++) {
        TRY(make_flow(self, f, gradients, workers, why));
        const size_t D = image_cnf_dimension(self->flows[f]), C = image_cnf_context(self->flows[f]);
        if (image_cnf_workspace(self->flows[f]) > workspace) workspace = image_cnf_workspace(self->flows[f]);
        if (C > context) context = C;
        TRY(ARENA_NEW(memory, C, &self->context[f]));
        if (self->spec.divergence != DIVERGENCE_EXACT) TRY(ARENA_NEW(memory, n * D, &self->probes[f]));
    }
    real *shared, *parameters[2];
    TRY(ARENA_NEW(memory, workspace, &shared));
    for (size_t i = 0; i < 2; i++) {
        TRY(ARENA_NEW(memory, gradients ? self->parameters.total : 0, &parameters[i]));
        TRY(ARENA_NEW(memory, n * self->D, &self->z[i]));
        TRY(ARENA_NEW(memory, context, &self->context_bar[i]));
    }
    for (size_t f = 0; f < self->model.flow_count; f++) image_cnf_share(self->flows[f], shared, parameters);
    TRY(ARENA_NEW(memory, n * self->D, &self->left));
    TRY(ARENA_NEW(memory, n, &self->log_density));
    TRY(ARENA_NEW(memory, n, &self->divergence));
    TRY(ARENA_NEW(memory, n, &self->kinetic));
    return ARENA_NEW(memory, n, &self->jacobian);
}

status multiscale_create(const multiscale_spec *spec, size_t batch_max, bool gradients, parallel *workers,
                         multiscale **out, failure *why) {
    TRY(check(spec, why));
    if (batch_max < 1) return fail(why, STATUS_INVALID, "batches of 0 images: expected at least 1");
    arena memory = {0};
    multiscale *self;
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK) return fail(why, STATUS_MEMORY, "out of memory for a model");
    self->spec = *spec;
    self->backend = spec->backend ? spec->backend : cpu_backend(cpu_level_best());
    self->memory = memory;
    self->batch_max = batch_max;
    self->D = spec->model.channels * spec->model.height * spec->model.width;
    failure reason = {""};
    status made = image_model_expand(&spec->model, &self->model, &reason);
    if (made == STATUS_OK) made = build(self, gradients, workers, &reason);
    if (made != STATUS_OK) {
        failure_describe(why, "%s", reason.text[0] ? reason.text : "out of memory for a model");
        multiscale_destroy(&self);
        return made;
    }
    *out = self;
    return STATUS_OK;
}

void multiscale_destroy(multiscale **self) {
    if (!*self) return;
    for (size_t f = 0; f < IMAGE_FLOWS_MAX; f++) image_cnf_destroy(&(*self)->flows[f]);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

const multiscale_spec *multiscale_specification(const multiscale *self) {
    return &self->spec;
}
size_t multiscale_dimension(const multiscale *self) {
    return self->D;
}
size_t multiscale_batch(const multiscale *self) {
    return self->batch_max;
}
size_t multiscale_flow_count(const multiscale *self) {
    return self->model.flow_count;
}
const parameter_table *multiscale_parameters(const multiscale *self) {
    return &self->parameters;
}

size_t multiscale_bytes(const multiscale *self) {
    size_t bytes = self->memory.bytes;
    for (size_t f = 0; f < self->model.flow_count; f++) bytes += image_cnf_bytes(self->flows[f]);
    return bytes;
}
size_t multiscale_kept_bytes(const multiscale *self) {
    size_t bytes = 0;
    for (size_t f = 0; f < self->model.flow_count; f++) bytes += image_cnf_kept_bytes(self->flows[f]);
    return bytes;
}

void multiscale_initialise(const multiscale *self, uint64_t seed, real *params) {
    for (size_t f = 0; f < self->model.flow_count; f++) image_cnf_initialise(self->flows[f], seed, params);
}

/* --- The way out --- */

/* Numbers of a flow's probes stand after those of earlier flows, whole blocks of four for each. */
static void draw_probes(const multiscale *self, size_t f, random_stream stream, size_t n) {
    const size_t D = image_cnf_dimension(self->flows[f]);
    uint32_t block = 0;
    for (size_t before = 0; before < f; before++)
        block += (uint32_t)((image_cnf_dimension(self->flows[before]) + 3) / 4);
    for (size_t i = 0; i < n; i++) noise_probe(self->spec.divergence, stream, i, block, D, 1, self->probes[f] + i * D);
}

const real *multiscale_probes(const multiscale *self, size_t f) {
    return self->given_probes ? self->given_probes[f] : self->probes[f];
}

void multiscale_start_context(multiscale *self, size_t f) {
    const image_flow *flow = &self->model.flows[f];
    const bool second = flow > self->model.flows && flow[-1].scale == flow->scale;
    if (second && image_cnf_context(self->flows[f]) > 1)
        squeeze_images(multiscale_shape(self, f - 1, SQUEEZE_CHANNEL_FIRST), 1, self->context[f - 1], self->context[f]);
    else memset(self->context[f], 0, image_cnf_context(self->flows[f]) * sizeof(real));
}

/* What follows a flow on the way out. */
static void step_out(multiscale *self, size_t f, size_t n, size_t *now) {
    const image_flow *flow = &self->model.flows[f];
    const size_t pixels = n * flow->height * flow->width;
    real *left = self->left + n * multiscale_left_before(self, f);
    if (multiscale_squeezes(self, f)) {
        squeeze_images(multiscale_shape(self, f, SQUEEZE_CHANNEL_LAST), n, self->z[*now], self->z[1 - *now]);
        *now = 1 - *now;
    } else if (multiscale_splits(self, f)) {
        split_channels(pixels, flow->channels, self->z[*now], self->z[*now], left);
    } else {
        memcpy(left, self->z[*now], pixels * flow->channels * sizeof *left);
    }
}

/* log_density (n) += log N of what left. A part's images follow each other; parts are added in their order. */
static void add_base(multiscale *self, size_t n) {
    const double variance = self->spec.base_variance, constant = log_two_pi + det_log(variance);
    const real *part = self->left;
    for (size_t i = 0; i < n; i++) self->log_density[i] += self->divergence[i] - 0.5 * (double)self->D * constant;
    for (size_t f = 0; f < self->model.flow_count; f++) {
        const size_t D = multiscale_leaving(self, f);
        for (size_t i = 0; i < n; i++, part += D) {
            double square = 0;
            for (size_t d = 0; d < D; d++) square += (double)part[d] * (double)part[d];
            self->log_density[i] -= 0.5 * square / variance;
        }
    }
}

status multiscale_forward(multiscale *self, const real *params, const real *x, size_t n, random_stream probe, bool keep,
                          multiscale_statistics *statistics) {
    const image_cnf_sums sums = {.divergence = self->divergence, .kinetic = self->kinetic, .jacobian = self->jacobian};
    size_t now = 0;
    *statistics = (multiscale_statistics){.flow_count = self->model.flow_count};
    memset(self->divergence, 0, n * sizeof(double));
    memset(self->kinetic, 0, n * sizeof(double));
    memset(self->jacobian, 0, n * sizeof(double));
    logit_images(self->spec.alpha, n, self->D, x, self->z[0], self->log_density);
    for (size_t f = 0; f < self->model.flow_count; f++) {
        multiscale_flow *flow = &statistics->flows[f];
        multiscale_start_context(self, f);
        flow->end_time = image_cnf_end_time(self->flows[f], params);
        statistics->failed = f;
        if (self->probes[f] && !self->given_probes) draw_probes(self, f, probe, n);
        TRY(image_cnf_integrate(self->flows[f], params, n, multiscale_probes(self, f), keep, self->z[now],
                                self->context[f], &sums, &flow->forward));
        step_out(self, f, n, &now);
    }
    add_base(self, n);
    return STATUS_OK;
}

/* From parts one after another, n images in each, to images with all their parts; or back. */
static void sort_parts(const multiscale *self, size_t n, bool back, real *parts, real *images) {
    size_t before = 0;
    for (size_t f = 0; f < self->model.flow_count; f++) {
        const size_t D = multiscale_leaving(self, f);
        for (size_t i = 0; i < n; i++) {
            real *part = parts + n * before + i * D, *image = images + i * self->D + before;
            if (back) memcpy(part, image, D * sizeof *part);
            else memcpy(image, part, D * sizeof *part);
        }
        before += D;
    }
}

status multiscale_transform(multiscale *self, const real *params, const real *x, size_t n, random_stream probe, real *z,
                            double *log_density, multiscale_statistics *statistics) {
    multiscale_statistics unused = {.flow_count = 0};
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    TRY(multiscale_forward(self, params, x, n, probe, false, statistics ? statistics : &unused));
    if (z) sort_parts(self, n, false, self->left, z);
    memcpy(log_density, self->log_density, n * sizeof *log_density);
    return STATUS_OK;
}

/* --- The way back --- */

void multiscale_step_back(multiscale *self, size_t f, size_t n, size_t *now) {
    const image_flow *flow = &self->model.flows[f];
    const size_t pixels = n * flow->height * flow->width;
    const real *left = self->left + n * multiscale_left_before(self, f);
    if (multiscale_squeezes(self, f)) {
        unsqueeze_images(multiscale_shape(self, f, SQUEEZE_CHANNEL_LAST), n, self->z[*now], self->z[1 - *now]);
        *now = 1 - *now;
    } else if (multiscale_splits(self, f)) {
        join_channels(pixels, flow->channels, self->z[*now], left, self->z[*now]);
    } else {
        memcpy(self->z[*now], left, pixels * flow->channels * sizeof *left);
    }
}

static status invert_left(multiscale *self, const real *params, size_t n, real *x, multiscale_statistics *statistics) {
    size_t now = 0;
    *statistics = (multiscale_statistics){.flow_count = self->model.flow_count};
    for (size_t f = 0; f < self->model.flow_count; f++) {
        multiscale_start_context(self, f);
        statistics->failed = f;
        statistics->flows[f].end_time = image_cnf_end_time(self->flows[f], params);
        TRY(image_cnf_move_context(self->flows[f], params, self->context[f], &statistics->flows[f].forward));
    }
    for (size_t f = self->model.flow_count; f-- > 0;) {
        multiscale_step_back(self, f, n, &now);
        statistics->failed = f;
        TRY(image_cnf_invert(self->flows[f], params, n, self->z[now], self->context[f], &statistics->flows[f].forward));
    }
    unlogit_images(self->spec.alpha, n, self->D, self->z[now], x);
    return STATUS_OK;
}

status multiscale_invert(multiscale *self, const real *params, const real *z, size_t n, real *x,
                         multiscale_statistics *statistics) {
    multiscale_statistics unused = {.flow_count = 0};
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    memcpy(self->z[0], z, n * self->D * sizeof *z);
    sort_parts(self, n, true, self->left, self->z[0]);
    return invert_left(self, params, n, x, statistics ? statistics : &unused);
}

status multiscale_sample(multiscale *self, const real *params, random_stream stream, uint64_t first, size_t n, real *x,
                         multiscale_statistics *statistics) {
    if (n < 1 || n > self->batch_max) return STATUS_INVALID;
    noise_base(stream, self->spec.base_variance, first, n, self->D, self->z[1]);
    return multiscale_invert(self, params, self->z[1], n, x, statistics);
}
