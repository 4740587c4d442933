/* worker_outputs.c - what a worker stores for figures: densities, samples, what is known of the data. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work/outputs.h"
#include "work/worker_internal.h"

status worker_send_metric(worker *self, const char *name, double value, failure *why) {
    message one = {.kind = MESSAGE_METRIC, .metric = {.value = value}};
    snprintf(one.metric.name, sizeof one.metric.name, "%s", name);
    return worker_send(self, one, NULL, why);
}

static status send_blob(worker *self, bool target, const char *kind, uint64_t rows, uint64_t columns,
                        const double window[4], const float *values, failure *why) {
    message one = {.kind = MESSAGE_BLOB,
                   .blob = {.target = target,
                            .rows = rows,
                            .columns = columns,
                            .window = {window[0], window[1], window[2], window[3]}},
                   .size = rows * columns * sizeof *values};
    snprintf(one.blob.kind, sizeof one.blob.kind, "%s", kind);
    return worker_send(self, one, values, why);
}

static status send_samples(worker *self, bool target, const double window[4], const real *x, uint64_t n, size_t D,
                           failure *why) {
    float *values = calloc(n * D, sizeof *values);
    if (!values) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    for (size_t i = 0; i < n * D; i++) values[i] = (float)x[i];
    const status outcome = send_blob(self, target, "samples", n, D, window, values, why);
    free(values);
    return outcome;
}

/* --- Points --- */

static status send_points(worker *self, cnf *flow, bool target, uint64_t n, failure *why) {
    const size_t D = dataset_dimension(self->data.points);
    double window[4];
    real *x = calloc(n * D, sizeof *x);
    if (!x) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    bool done = true;
    if (target) dataset_batch(self->data.points, SPLIT_TARGET, 0, 0, 0, n, x);
    else
        done = outputs_samples(flow, trainer_parameters(self->training), self->task->run->seed, n, worker_asked_to_stop,
                               self, x);
    dataset_window(self->data.points, window);
    const status outcome = done ? send_samples(self, target, window, x, n, D, why) : STATUS_OK;
    free(x);
    return outcome;
}

static status send_density(worker *self, cnf *flow, bool target, uint64_t cells, failure *why) {
    double window[4];
    float *p = calloc(cells * cells, sizeof *p);
    if (!p) return fail(why, STATUS_MEMORY, "out of memory for a density of %" PRIu64 " cells a side", cells);
    dataset_window(self->data.points, window);
    const bool done = target ? outputs_target_density(self->data.points, cells, p)
                             : outputs_density(flow, trainer_parameters(self->training), window, cells,
                                               worker_asked_to_stop, self, p);
    status outcome = done ? send_blob(self, target, "density", cells, cells, window, p, why) : STATUS_OK;
    if (!done && !target && !self->stop) outcome = fail(why, STATUS_MEMORY, "out of memory for a density");
    free(p);
    return outcome;
}

status worker_send_target(worker *self, failure *why) {
    const worker_task *task = self->task;
    if (self->data.images) return STATUS_OK;
    if (task->target_cells > 0 && dataset_dimension(self->data.points) == 2)
        TRY(send_density(self, NULL, true, task->target_cells, why));
    return task->target_samples > 0 ? send_points(self, NULL, true, task->target_samples, why) : STATUS_OK;
}

static status send_point_outputs(worker *self, failure *why) {
    const settings *values = self->task->run->values;
    const size_t D = dataset_dimension(self->data.points);
    double entropy;
    cnf *flow;
    if (dataset_entropy(self->data.points, &entropy)) TRY(worker_send_metric(self, "entropy_floor", entropy, why));
    TRY(outputs_flow(values, D, self->threads, &flow, why));
    status outcome = STATUS_OK;
    if (values->output_density_cells > 0 && D == 2)
        outcome = send_density(self, flow, false, values->output_density_cells, why);
    if (outcome == STATUS_OK && values->output_samples > 0 && !self->stop)
        outcome = send_points(self, flow, false, values->output_samples, why);
    if (outcome == STATUS_OK && values->output_moments > 0 && D == 2 && !self->stop)
        outcome = worker_send_moments(self, flow, why);
    cnf_destroy(&flow);
    return outcome;
}

/* --- Images --- */

/* Samples that a model cannot make, as its flows can't be solved backwards, are left out and said to be. */
static status send_image_outputs(worker *self, failure *why) {
    const settings *values = self->task->run->values;
    const specification_shape *shape = &self->task->run->dataset->shape;
    const uint64_t n = values->output_samples;
    const double window[4] = {0, (double)shape->image[2], 0, (double)shape->image[1]};
    failure reason;
    multiscale *model;
    if (n == 0) return STATUS_OK;
    real *x = calloc(n * shape->dimension, sizeof *x);
    if (!x) return fail(why, STATUS_MEMORY, "out of memory for %" PRIu64 " samples", n);
    status outcome = outputs_multiscale(values, shape->image, self->threads, &model, why);
    if (outcome == STATUS_OK) {
        const status sampled = outputs_image_samples(model, trainer_parameters(self->training), self->task->run->seed,
                                                     n, worker_asked_to_stop, self, x, &reason);
        multiscale_destroy(&model);
        if (sampled == STATUS_OK && !self->stop)
            outcome = send_samples(self, false, window, x, n, shape->dimension, why);
        else if (sampled != STATUS_OK)
            outcome = worker_send(self, (message){.kind = MESSAGE_NOTE, .size = strlen(reason.text)}, reason.text, why);
    }
    free(x);
    return outcome;
}

status worker_send_outputs(worker *self, failure *why) {
    return self->data.images ? send_image_outputs(self, why) : send_point_outputs(self, why);
}
