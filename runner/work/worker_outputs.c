/* worker_outputs.c - a worker's rows for figures: densities, samples, and numbers about the data. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/memory.h"
#include "model/model_parts.h"
#include "work/measure.h"
#include "work/outputs.h"
#include "work/worker_internal.h"

status worker_send_metric(worker *self, const char *name, double value, error_info *err) {
    message one = {.kind = MESSAGE_METRIC, .metric = {.value = value}};
    snprintf(one.metric.name, sizeof one.metric.name, "%s", name);
    return worker_send(self, one, NULL, err);
}

static status send_blob(worker *self, bool target, const char *kind, uint64_t rows, uint64_t columns,
                        const double window[4], const float *values, error_info *err) {
    message one = {.kind = MESSAGE_BLOB,
                   .blob = {.target = target,
                            .rows = rows,
                            .columns = columns,
                            .window = {window[0], window[1], window[2], window[3]}},
                   .size = rows * columns * sizeof *values};
    snprintf(one.blob.kind, sizeof one.blob.kind, "%s", kind);
    return worker_send(self, one, values, err);
}

static status send_samples(worker *self, bool target, const double window[4], const real *x, uint64_t n, size_t D,
                           error_info *err) {
    float *values = calloc(n * D, sizeof *values);
    if (!values) return error_set(err, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    for (size_t i = 0; i < n * D; i++) values[i] = (float)x[i];
    const status outcome = send_blob(self, target, "samples", n, D, window, values, err);
    free(values);
    return outcome;
}

/* --- Points --- */

/* Omit an output whose solve failed, and send a note; *there <- whether it was made. Only STATUS_MEMORY is an error. */
static status made(worker *self, status outcome, const error_info *reason, bool *there, error_info *err) {
    *there = outcome == STATUS_OK && !self->stop;
    if (outcome == STATUS_OK) return STATUS_OK;
    return outcome == STATUS_MEMORY ? error_set(err, outcome, "%s", reason->text)
                                    : worker_send_note(self, reason->text, err);
}

/* Mark samples that were not found as NaN. */
static status report_unsolved_samples(worker *self, const real *x, uint64_t n, size_t D, error_info *err) {
    error_info text;
    uint64_t unsolved = 0;
    for (uint64_t i = 0; i < n; i++) unsolved += isnan(x[i * D]) ? 1 : 0;
    TRY(worker_send_metric(self, "unsolved_samples", (double)unsolved, err));
    if (unsolved == 0) return STATUS_OK;
    error_describe(&text, "for %" PRIu64 " of %" PRIu64 " samples no x with this z(T) was found; they are nan",
                   unsolved, n);
    return worker_send_note(self, text.text, err);
}

static status send_points(worker *self, model *flow, bool target, uint64_t n, error_info *err) {
    const size_t D = dataset_dimension(self->data.points);
    const double temperature = target ? 1 : self->task->values->output_temperature;
    double window[4];
    error_info reason = {""};
    bool there = true;
    real *x = calloc(n * D, sizeof *x);
    if (!x) return error_set(err, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    status outcome = STATUS_OK;
    if (target) dataset_batch(self->data.points, SPLIT_TARGET, 0, 0, 0, n, x);
    else
        outcome = made(
            self, model_sample_at(flow, temperature, self->task->run->seed, 0, n, (model_rows){.reals = x}, &reason),
            &reason, &there, err);
    dataset_window(self->data.points, window);
    if (outcome == STATUS_OK && there && !target && self->task->values->model_context == CONTEXT_LIFTED)
        outcome = report_unsolved_samples(self, x, n, D, err);
    if (outcome == STATUS_OK && there) outcome = send_samples(self, target, window, x, n, D, err);
    free(x);
    return outcome;
}

/* Cells per side from which the sum of a picture is meaningful. */
enum { MASS_CELLS = 128 };

static status send_density(worker *self, model *flow, bool target, uint64_t cells, error_info *err) {
    const size_t D = dataset_dimension(self->data.points);
    const uint64_t rows = outputs_density_rows(D, cells);
    double window[4];
    error_info reason = {""};
    bool there = false;
    status outcome = STATUS_OK;
    float *p = calloc(rows * cells, sizeof *p);
    if (!p) return error_set(err, STATUS_MEMORY, "out of memory for a density of %" PRIu64 " cells a side", cells);
    dataset_window(self->data.points, window);
    if (target) there = outputs_target_density(self->data.points, cells, p);
    else outcome = made(self, outputs_density(flow, window, cells, p, &reason), &reason, &there, err);
    if (outcome == STATUS_OK && there && !target && cells >= MASS_CELLS)
        outcome = worker_send_metric(self, "density_mass", outputs_density_mass(p, D, cells, window), err);
    if (outcome == STATUS_OK && there) outcome = send_blob(self, target, "density", rows, cells, window, p, err);
    free(p);
    return outcome;
}

/* Number of points for checking whether a lifted flow is one-to-one, and the bounds of the check. */
enum { EXAMINED_POINTS = 2048 };
#define LEAST_SINGULAR_VALUE 1e-3

static status send_numbers_of(worker *self, const cnf_injectivity *found, error_info *err) {
    error_info text;
    TRY(worker_send_metric(self, "least_singular_value", found->least_singular_value, err));
    TRY(worker_send_metric(self, "least_distance_ratio", found->least_distance_ratio, err));
    TRY(worker_send_metric(self, "folded_share", found->folded, err));
    if (found->folded > 0)
        error_describe(&text,
                       "z(T) is not one-to-one: det dz(T)/dz(0) has both signs, the rarer one at %.3g%% of the "
                       "validation points; the losses of this run are not those of a density",
                       100 * found->folded);
    else if (fmin(found->least_singular_value, found->least_distance_ratio) < LEAST_SINGULAR_VALUE)
        error_describe(&text,
                       "z(T) is nearly not one-to-one: the smallest singular value of dz(T)/dz(0) over the validation "
                       "points is %.3g, and the smallest ratio of distances of neighbours %.3g",
                       found->least_singular_value, found->least_distance_ratio);
    else return STATUS_OK;
    return worker_send_note(self, text.text, err);
}

static status send_injectivity(worker *self, model *flow, error_info *err) {
    const size_t D = dataset_dimension(self->data.points);
    const size_t holdout = objective_holdout_size(trainer_objective(self->training), OBJECTIVE_VALIDATION);
    const size_t n = holdout < EXAMINED_POINTS ? holdout : EXAMINED_POINTS;
    cnf_injectivity found;
    error_info reason;
    bool there;
    if (self->task->values->model_context != CONTEXT_LIFTED || holdout < 2) return STATUS_OK;
    real *x = calloc(n * D, sizeof *x);
    if (!x) return error_set(err, STATUS_MEMORY, "out of memory for %zu points", n);
    dataset_batch(self->data.points, SPLIT_VALIDATION, self->task->run->seed, 0, 0, n, x);
    const status examined = cnf_examine(flow->flow, trainer_parameters(self->training), x, n, &found);
    if (examined != STATUS_OK) cnf_explain(flow->flow, examined, &reason);
    free(x);
    TRY(made(self, examined, &reason, &there, err));
    return there ? send_numbers_of(self, &found, err) : STATUS_OK;
}

status worker_send_target(worker *self, error_info *err) {
    const worker_task *task = self->task;
    if (self->data.images) return STATUS_OK;
    if (task->target_cells > 0 && dataset_dimension(self->data.points) == 2)
        TRY(send_density(self, NULL, true, task->target_cells, err));
    return task->target_samples > 0 ? send_points(self, NULL, true, task->target_samples, err) : STATUS_OK;
}

/* Create the run's model, without parameters; it stops when the worker does. */
static status build_model(worker *self, const backend_ops *device, model **out, error_info *err) {
    const plan_run *run = self->task->run;
    TRY(model_build(self->task->values, &run->dataset->shape, source_units(&self->data), self->threads, device, out,
                    err));
    (*out)->stop = worker_stop_requested;
    (*out)->stop_argument = self;
    return STATUS_OK;
}

static status send_point_outputs(worker *self, error_info *err) {
    const settings *values = self->task->values;
    const size_t D = dataset_dimension(self->data.points);
    model *flow;
    self->target = measure_target_of(self->data.points);
    if (self->target.known) TRY(worker_send_metric(self, "entropy_floor", self->target.entropy, err));
    TRY(build_model(self, NULL, &flow, err));
    model_lend(flow, trainer_parameters(self->training));
    status outcome = STATUS_OK;
    if (values->output_density_cells > 0 && D <= 2)
        outcome = send_density(self, flow, false, values->output_density_cells, err);
    if (outcome == STATUS_OK && values->output_samples > 0 && !self->stop)
        outcome = send_points(self, flow, false, values->output_samples, err);
    if (outcome == STATUS_OK && values->output_snapshots > 0 && D == 2 && !self->stop)
        outcome = worker_send_moments(self, flow->flow, err);
    if (outcome == STATUS_OK && !self->stop) outcome = send_injectivity(self, flow, err);
    model_close(&flow);
    return outcome;
}

static status send_number(void *self, const char *name, double value, error_info *err) {
    return worker_send_metric(self, name, value, err);
}

static status send_image_measurements(worker *self, error_info *err) {
    const plan_run *run = self->task->run;
    const size_t n = measure_images_of(self->task->values, self->data.images);
    bool stopped;
    image_measurement found;
    if (n == 0) return STATUS_OK;
    const status outcome =
        measure_images(self->task->values, self->data.images, run->seed, self->threads, self->device,
                       trainer_parameters(self->training), n, worker_stop_requested, self, &stopped, &found, err);
    TRY(worker_check_device(self, err));
    if (outcome != STATUS_OK) return outcome == STATUS_MEMORY ? worker_explain_memory(self, err) : outcome;
    return stopped ? STATUS_OK : measure_each_of_images(&found, send_number, self, err);
}

/* A flow whose solve fails has no density. */
static status send_field_change(worker *self, error_info *err) {
    const specification_shape shape = {.dimension = 2};
    double window[4], change = NAN;
    error_info reason;
    model *flow;
    dataset_window(self->data.points, window);
    TRY(model_build(self->task->values, &shape, source_units(&self->data), self->threads, NULL, &flow, err));
    const status outcome = measure_field_change(flow->flow, trainer_parameters(self->training), window,
                                                source_units(&self->data), &change, &reason);
    model_close(&flow);
    if (outcome == STATUS_MEMORY) return error_set(err, outcome, "%s", reason.text);
    return outcome == STATUS_OK && isfinite(change) ? worker_send_metric(self, "field_change", change, err) : STATUS_OK;
}

status worker_send_measurements(worker *self, error_info *err) {
    const plan_run *run = self->task->run;
    if (self->data.images) return send_image_measurements(self, err);
    const size_t n = measure_points_of(self->task->values, self->data.points);
    bool known = false, stopped;
    double offset;
    measurement found;
    if (n == 0) return STATUS_OK;
    TRY(measure_offset(self->task->values, &self->target, run->seed, &known, &offset, err));
    TRY(measure_points(self->task->values, &self->target, self->threads, trainer_parameters(self->training), n,
                       worker_stop_requested, self, &stopped, &found, err));
    if (stopped) return STATUS_OK;
    if (known) TRY(worker_send_metric(self, "validation_offset", offset, err));
    if (dataset_dimension(self->data.points) == 2) TRY(send_field_change(self, err));
    return measure_each(&found, send_number, self, err);
}

/* --- Images --- */

/* The model for samples, on the training's device, and its parameters there. */
typedef struct sampler {
    model *of;
    arena memory;
    real *params; /* (P), in the device's memory; NULL on the processor */
} sampler;

static void destroy_sampler(sampler *self) {
    model_close(&self->of);
    arena_release(&self->memory);
}

static status create_sampler(worker *self, sampler *out, error_info *err) {
    *out = (sampler){.of = NULL};
    status outcome = build_model(self, self->device, &out->of, err);
    if (outcome == STATUS_OK && self->device)
        outcome = BACKEND_NEW(self->device, &out->memory, model_table(out->of)->total, &out->params);
    if (outcome == STATUS_OK) return STATUS_OK;
    if (!err->text[0]) error_describe(err, "out of memory for a model");
    destroy_sampler(out);
    TRY(worker_check_device(self, err));
    return outcome == STATUS_MEMORY ? worker_explain_memory(self, err) : outcome;
}

/* Create it to find out now whether the device has room for it, not after the training. */
status worker_sampling_bytes(worker *self, uint64_t *bytes, error_info *err) {
    const plan_run *run = self->task->run;
    sampler one;
    *bytes = 0;
    if (!self->data.images || self->task->values->output_samples == 0) return STATUS_OK;
    TRY(create_sampler(self, &one, err));
    *bytes = chain_bytes(one.of->images) + one.memory.bytes +
             self->task->values->output_samples * run->dataset->shape.dimension * sizeof(real);
    destroy_sampler(&one);
    return STATUS_OK;
}

/* If the flows cannot be solved backward, leave out the samples and send a note. */
static status sample_images(worker *self, const sampler *from, uint64_t n, real *x, error_info *err) {
    const plan_run *run = self->task->run;
    const double window[4] = {0, (double)run->dataset->shape.image[2], 0, (double)run->dataset->shape.image[1]};
    const real *params = trainer_parameters(self->training);
    const size_t P = model_table(from->of)->total;
    error_info reason;
    if (self->device) self->device->copy_to_device(self->device, P * sizeof *params, params, from->params);
    model_lend(from->of, self->device ? from->params : params);
    const status sampled = model_sample_at(from->of, self->task->values->output_temperature, run->seed, 0, n,
                                           (model_rows){.reals = x}, &reason);
    TRY(worker_check_device(self, err));
    if (sampled != STATUS_OK) return worker_send_note(self, reason.text, err);
    return self->stop ? STATUS_OK : send_samples(self, false, window, x, n, run->dataset->shape.dimension, err);
}

static status send_image_outputs(worker *self, error_info *err) {
    const uint64_t n = self->task->values->output_samples;
    sampler one;
    if (n == 0) return STATUS_OK;
    real *x = calloc(n * self->task->run->dataset->shape.dimension, sizeof *x);
    if (!x) return error_set(err, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    status outcome = create_sampler(self, &one, err);
    if (outcome == STATUS_OK) {
        outcome = sample_images(self, &one, n, x, err);
        destroy_sampler(&one);
    }
    free(x);
    return outcome;
}

status worker_send_outputs(worker *self, error_info *err) {
    return self->data.images ? send_image_outputs(self, err) : send_point_outputs(self, err);
}
