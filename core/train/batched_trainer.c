/* batched_trainer.c - launches, and the state of their trainers. */
#include "train/batched_trainer.h"

#include <math.h>
#include <string.h>

#include "flow/fused.h"
#include "train/adam.h"
#include "train/objective.h"
#include "train/trainer_internal.h"

/* Most iterations of a launch: enough to hide the time between two launches, few enough to stop within seconds. */
enum { BLOCK_MAX = 128, PLACES = 2 };

/* The batches in a buffer: of `count` iterations from `first` on. */
typedef struct drawn {
    uint64_t first;
    size_t count;
} drawn;

typedef struct batched_run {
    trainer *training;
    bool left;
    drawn batches[PLACES];
    size_t next; /* first iteration of the next launch */
    double holdout_loss[OBJECTIVE_HOLDOUTS];
    status holdout[OBJECTIVE_HOLDOUTS];
} batched_run;

struct batched_trainer {
    arena memory; /* owns this object too */
    const device_table *table;
    fused_runs *device;
    fused_kernel_spec kernel;
    parallel *workers;
    size_t count, block;
    batched_run *runs; /* (count) */
    run_launch *launches; /* (count) */
    toy_adam *adam; /* (count, block) */
    double *losses; /* (count, block) */
    double *log_density; /* (the larger holdout batch) */
    size_t place; /* index of the launch's batches; the other buffer is being filled */
    bool launched;
};

_Static_assert((int)TOY_HOLDOUTS_MAX == (int)OBJECTIVE_HOLDOUTS, "holdout batches");

status batched_trainer_spec(const trainer *training, fused_kernel_spec *out, error_info *err) {
    const objective *obj = training->objective;
    memset(out, 0, sizeof *out); /* programs are compared as bytes */
    if (!objective_points(obj)) return error_set(err, STATUS_INVALID, "--device cuda trains models of points so far");
    if (training->spec.clip_norm > 0 || training->spec.average > 0)
        return error_set(
            err, STATUS_INVALID,
            "train.clip_norm = %g, train.average = %g: --device cuda trains models of points with neither; expected "
            "0; train on the CPU",
            training->spec.clip_norm, training->spec.average);
    const objective_spec *spec = objective_specification(obj);
    if (spec->measured_by)
        return error_set(err, STATUS_INVALID,
                         "solver.evaluation_tolerance: --device cuda evaluates points by the solver of the training; "
                         "expected 0; train on the CPU");
    if (spec->batches.count > 0)
        return error_set(
            err, STATUS_INVALID,
            "train.batch_phases: --device cuda trains models of points with one batch size; expected none; "
            "train on the CPU");
    const adam_step constants = adam_step_at(training->spec.learning_rate, 1);
    TRY(cnf_is_for_device(&spec->flow, err));
    TRY(fused_describe(cnf_fused(objective_points(obj)), out, err));
    out->batch = (uint32_t)spec->batch;
    out->holdout[OBJECTIVE_VALIDATION] = (uint32_t)spec->validation;
    out->holdout[OBJECTIVE_TEST] = (uint32_t)spec->test;
    out->beta1 = (float)constants.beta1;
    out->rest1 = (float)(1 - constants.beta1);
    out->beta2 = (float)constants.beta2;
    out->rest2 = (float)(1 - constants.beta2);
    out->epsilon = (float)constants.epsilon;
    out->running_decay = trainer_running_decay;
    out->stop_loss = training->spec.stop_loss;
    return STATUS_OK;
}

bool batched_trainer_same_spec(const fused_kernel_spec *a, const fused_kernel_spec *b) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    return memcmp(x, y, sizeof *a) == 0;
}

static size_t block_of(const trainer *training) {
    const uint64_t epoch = training->spec.epoch_iterations;
    return epoch < BLOCK_MAX ? (size_t)epoch : BLOCK_MAX;
}

size_t batched_trainer_run_bytes(const device_table *table, const fused_kernel_spec *kernel, const trainer *training) {
    return table->toy_bytes(kernel, block_of(training));
}

/* --- Creation --- */

static status put_run(batched_trainer *self, size_t i, error_info *err) {
    const trainer *training = self->runs[i].training;
    const device_table *table = self->table;
    TRY(table->toy_put(self->device, i, training->params, training->first, training->second, err));
    for (size_t which = 0; which < OBJECTIVE_HOLDOUTS; which++)
        if (self->kernel.holdout[which] > 0)
            TRY(table->toy_set_holdout(self->device, i, which,
                                       objective_held_points(training->objective, (holdout_split)which), err));
    return STATUS_OK;
}

static status put_path(batched_trainer *self, error_info *err) {
    const fused *flow = cnf_fused(objective_points(self->runs[0].training->objective));
    real *path;
    if (self->kernel.augmented) return STATUS_OK;
    TRY(ARENA_NEW(&self->memory, fused_evaluations(flow), &path));
    fused_clock_path(flow, path);
    return self->table->toy_path(self->device, path, err);
}

static status build(batched_trainer *self, int device, trainer *const *runs, error_info *err) {
    const size_t count = self->count;
    const fused_kernel_spec *kernel = &self->kernel;
    size_t holdout = 0;
    for (size_t which = 0; which < OBJECTIVE_HOLDOUTS; which++)
        if (kernel->holdout[which] > holdout) holdout = kernel->holdout[which];
    TRY(ARENA_NEW(&self->memory, count, &self->runs));
    TRY(ARENA_NEW(&self->memory, count, &self->launches));
    TRY(ARENA_NEW(&self->memory, count * self->block, &self->adam));
    TRY(ARENA_NEW(&self->memory, count * self->block, &self->losses));
    TRY(ARENA_NEW(&self->memory, holdout, &self->log_density));
    for (size_t i = 0; i < count; i++) self->runs[i].training = runs[i];
    TRY(self->table->toy_create(device, kernel, count, self->block, &self->device, err));
    TRY(put_path(self, err));
    for (size_t i = 0; i < count; i++) TRY(put_run(self, i, err));
    return STATUS_OK;
}

status batched_trainer_create(const device_table *table, int device, trainer *const *runs, size_t count,
                              parallel *workers, batched_trainer **out, error_info *err) {
    fused_kernel_spec kernel;
    arena memory = {0};
    batched_trainer *self;
    TRY(batched_trainer_spec(runs[0], &kernel, err));
    if (ARENA_NEW(&memory, 1, &self) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory for a batched trainer");
    *self = (batched_trainer){.memory = memory,
                              .table = table,
                              .kernel = kernel,
                              .workers = workers,
                              .count = count,
                              .block = block_of(runs[0])};
    error_info reason = {"out of memory for a batched trainer"};
    const status built = build(self, device, runs, &reason);
    if (built != STATUS_OK) {
        batched_trainer_destroy(&self);
        return error_set(err, built, "%s", reason.text);
    }
    *out = self;
    return STATUS_OK;
}

void batched_trainer_destroy(batched_trainer **self) {
    if (!*self) return;
    (*self)->table->toy_destroy(&(*self)->device);
    arena memory = (*self)->memory;
    arena_release(&memory);
    *self = NULL;
}

void batched_trainer_leave(batched_trainer *self, size_t i) {
    self->runs[i].left = true;
}

/* --- Batches --- */

/* The part of a launch after `iteration` iterations: to the epoch's end, as far as a block reaches. */
static size_t span(const batched_trainer *self, const trainer *training, uint64_t iteration) {
    const trainer_spec *spec = &training->spec;
    const uint64_t epoch_end = (iteration / spec->epoch_iterations + 1) * spec->epoch_iterations;
    const uint64_t end = epoch_end < spec->iterations ? epoch_end : spec->iterations;
    const uint64_t left = end > iteration ? end - iteration : 0;
    return left < self->block ? (size_t)left : self->block;
}

static bool trains(const batched_run *one) {
    return !one->left && !trainer_finished(one->training);
}

static void draw(batched_trainer *self, size_t i, size_t place, uint64_t iteration) {
    batched_run *one = &self->runs[i];
    const drawn wanted = {.first = iteration + 1, .count = span(self, one->training, iteration)};
    drawn *there = &one->batches[place];
    if (there->first == wanted.first && there->count >= wanted.count) return;
    objective_batches(one->training->objective, wanted.first, wanted.count,
                      self->table->toy_batches(self->device, place, i));
    *there = wanted;
}

/* Draw the batches of the next launch, unless the previous one has drawn them. */
static void draw_now(void *argument, size_t i, size_t thread) {
    (void)thread;
    batched_trainer *self = argument;
    if (trains(&self->runs[i])) draw(self, i, self->place, self->runs[i].training->iteration);
}

/* Draw the batches of the launch after it, for the case that all its iterations are done. */
static void draw_ahead(void *argument, size_t i, size_t thread) {
    (void)thread;
    batched_trainer *self = argument;
    const batched_run *one = &self->runs[i];
    if (self->launches[i].iterations > 0)
        draw(self, i, 1 - self->place, one->training->iteration + self->launches[i].iterations);
}

/* --- Launches --- */

static void plan_launch(batched_trainer *self, size_t i) {
    const trainer *training = self->runs[i].training;
    run_launch *launch = &self->launches[i];
    *launch = (run_launch){.running = training->running};
    if (!trains(&self->runs[i])) return;
    const uint64_t iteration = training->iteration;
    launch->iterations = (uint32_t)span(self, training, iteration);
    const uint64_t end = iteration + launch->iterations;
    launch->measure = end % training->spec.epoch_iterations == 0 || end == training->spec.iterations;
    for (size_t k = 0; k < launch->iterations; k++) {
        const adam_step step =
            adam_step_at(trainer_learning_rate(training, iteration + k + 1), training->updates + k + 1);
        self->adam[i * self->block + k] =
            (toy_adam){.size = (float)step.step_size, .correction = (float)step.root_correction};
    }
}

status batched_trainer_begin(batched_trainer *self, error_info *err) {
    bool any = false;
    self->place = 1 - self->place;
    parallel_for(self->workers, self->count, draw_now, self);
    for (size_t i = 0; i < self->count; i++) {
        plan_launch(self, i);
        self->runs[i].next = 0;
        any |= self->launches[i].iterations > 0;
    }
    if (!any) return STATUS_OK;
    TRY(self->table->toy_begin(self->device, self->place, self->launches, self->adam, err));
    self->launched = true;
    parallel_for(self->workers, self->count, draw_ahead, self);
    return STATUS_OK;
}

static status take_results(batched_trainer *self, size_t i, error_info *err) {
    batched_run *one = &self->runs[i];
    trainer *training = one->training;
    if (self->launches[i].done == 0) return STATUS_OK;
    TRY(self->table->toy_get(self->device, i, training->params, training->first, training->second, err));
    if (!self->launches[i].measured) return STATUS_OK;
    for (size_t which = 0; which < OBJECTIVE_HOLDOUTS; which++) {
        const size_t n = self->kernel.holdout[which];
        if (n == 0) continue;
        TRY(self->table->toy_measured(self->device, i, which, self->log_density, err));
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += self->log_density[k];
        one->holdout[which] = objective_mean(training->objective, n, sum, &one->holdout_loss[which]);
    }
    return STATUS_OK;
}

status batched_trainer_end(batched_trainer *self, error_info *err) {
    if (!self->launched) return STATUS_OK;
    self->launched = false;
    TRY(self->table->toy_end(self->device, self->launches, self->losses, err));
    for (size_t i = 0; i < self->count; i++) TRY(take_results(self, i, err));
    return STATUS_OK;
}

static void end_epoch(const batched_run *one, const objective_counts *last, trainer_epoch *epoch) {
    trainer *training = one->training;
    trainer_end_epoch(training, last, epoch);
    epoch->validation = one->holdout[OBJECTIVE_VALIDATION];
    epoch->validation_loss = one->holdout_loss[OBJECTIVE_VALIDATION];
    objective_count(training->objective, false, &epoch->validation_counts);
    trainer_best_update(training, epoch);
    if (!epoch->tested) return;
    epoch->test = one->holdout[OBJECTIVE_TEST];
    epoch->test_loss = one->holdout_loss[OBJECTIVE_TEST];
    objective_count(training->objective, false, &epoch->test_counts);
}

bool batched_trainer_next(batched_trainer *self, size_t i, status *outcome, double *loss, bool *epoch_done,
                          trainer_epoch *epoch) {
    batched_run *one = &self->runs[i];
    const run_launch *launch = &self->launches[i];
    objective_counts counts;
    if (one->next >= launch->done) return false;
    *loss = self->losses[i * self->block + one->next];
    *outcome = ++one->next == launch->done && launch->skipped ? STATUS_NON_FINITE : STATUS_OK;
    objective_count(one->training->objective, true, &counts);
    trainer_count(one->training, *outcome, *loss, &counts);
    *epoch_done = trainer_ends_epoch(one->training);
    if (*epoch_done) end_epoch(one, &counts, epoch);
    return true;
}
