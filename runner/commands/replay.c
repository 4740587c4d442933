/* replay.c - ./run eval --replay FILE: repeats a failed iteration of an image training. */
#include "commands/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/specification.h"
#include "train/checkpoint.h"

/* The saved iteration, and the model that repeats it. */
typedef struct replay {
    const char *path;
    checkpoint *file;
    settings values;
    specification_shape shape;
    uint64_t seed, iteration;
    size_t n;
    const real *batch; /* (n, D), of the file */
    parallel *workers;
    chain *model;
    real *params, *gradient; /* (P) */
} replay;

static status fail_missing(const replay *self, const char *what, error_info *err) {
    return error_set(err, STATUS_FORMAT, "%s: %s is missing; expected a file from a folder *.failures", self->path,
                     what);
}

static status read_file(replay *self, error_info *err) {
    TRY(checkpoint_read(self->path, &self->file, err));
    TRY(specification_read(self->file, self->path, &self->values, &self->shape, err));
    if (!specification_is_image(&self->shape))
        return error_set(err, STATUS_FORMAT, "%s: a model of points; expected a saved iteration of an image training",
                         self->path);
    const char *seed = checkpoint_get_text(self->file, "seed");
    const uint64_t *iteration = checkpoint_get(self->file, "batch.iteration", CHECKPOINT_U64, 1);
    if (iteration) specification_enter_phase(&self->values, *iteration);
    self->n = self->values.train_batch;
    self->batch = checkpoint_get(self->file, "batch", CHECKPOINT_REAL, self->n * self->shape.dimension);
    if (!seed) return fail_missing(self, "the text seed", err);
    if (!iteration) return fail_missing(self, "the array batch.iteration", err);
    if (!self->batch) return fail_missing(self, "the array batch (of the iteration's batch of images)", err);
    self->seed = strtoull(seed, NULL, 10);
    self->iteration = *iteration;
    return STATUS_OK;
}

static status change_setting(replay *self, const char *text, error_info *err) {
    error_info reason;
    const status outcome = settings_change(text, "solver", &self->values, &reason);
    return outcome == STATUS_OK ? STATUS_OK : error_set(err, outcome, "--set %.900s", reason.text);
}

static status make_model(replay *self, size_t threads, error_info *err) {
    chain_spec spec;
    error_info reason;
    specification_chain(&self->values, self->shape.image, &spec);
    if (threads > 1 && parallel_create(threads, &self->workers) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "--threads %zu: cannot start the threads", threads);
    TRY(chain_create(&spec, self->n, true, self->workers, &self->model, err));
    const parameter_table *table = chain_parameters(self->model);
    self->params = calloc(table->total, sizeof(real));
    self->gradient = calloc(table->total, sizeof(real));
    if (!self->params || !self->gradient) return error_set(err, STATUS_MEMORY, "out of memory");
    const status outcome = checkpoint_get_parameters(self->file, table, self->params, &reason);
    const real *moved = checkpoint_get(self->file, TRAINER_PARAMETERS, CHECKPOINT_REAL, table->total);
    if (moved) memcpy(self->params, moved, table->total * sizeof *moved);
    return outcome == STATUS_OK ? STATUS_OK : error_set(err, outcome, "%s: %s", self->path, reason.text);
}

static void write_solve(const char *direction, const adaptive_statistics *s) {
    if (s->evaluations == 0) return;
    printf("  %-8s %11zu %9zu %9zu %10.3g %10.3g  %.6g\n", direction, s->evaluations, s->accepted, s->rejected,
           s->smallest, s->largest, s->time);
}

static void write_flows(const chain_statistics *statistics) {
    printf("  %-8s %11s %9s %9s %10s %10s  %s\n", "", "evaluations", "accepted", "rejected", "smallest", "largest",
           "reached (1 is T)");
    for (size_t f = 0; f < statistics->flow_count; f++) {
        const chain_flow *flow = &statistics->flows[f];
        if (flow->forward.evaluations == 0) continue;
        printf("flow %zu, T = %.4g\n", f, flow->end_time);
        write_solve("forward", &flow->forward);
        write_solve("backward", &flow->backward);
    }
}

/* Repeat the iteration and print its solves. A failure of the iteration is a result, not an error. */
static void repeat(const replay *self) {
    chain_statistics statistics;
    chain_loss loss;
    const random_stream probe = {.seed = self->seed, .purpose = RANDOM_PROBE, .iteration = self->iteration};
    printf("Iteration %" PRIu64 " of run %s: %s on %s, seed %" PRIu64 ", %zu images\n", self->iteration,
           checkpoint_get_text(self->file, "key"), checkpoint_get_text(self->file, "model"),
           checkpoint_get_text(self->file, "dataset"), self->seed, self->n);
    const status outcome =
        chain_loss_gradient(self->model, self->params, self->batch, self->n, probe, &loss, self->gradient, &statistics);
    write_flows(&statistics);
    if (outcome == STATUS_OK) {
        printf("Result: loss %.6f bits per dimension, finite gradient\n", loss.bits);
    } else {
        error_info reason;
        chain_explain(&statistics, outcome, &reason);
        printf("Result: failed: %s\n", reason.text);
    }
}

status replay_run(const char *path, const argument_texts *set, size_t threads, error_info *err) {
    replay self = {.path = path};
    status outcome = read_file(&self, err);
    for (size_t i = 0; outcome == STATUS_OK && i < set->count; i++) outcome = change_setting(&self, set->items[i], err);
    if (outcome == STATUS_OK) outcome = make_model(&self, threads, err);
    if (outcome == STATUS_OK) repeat(&self);
    chain_destroy(&self.model);
    parallel_destroy(&self.workers);
    checkpoint_destroy(&self.file);
    free(self.params);
    free(self.gradient);
    return outcome;
}
