/* bench_device.c - compare a device with the processor bit by bit, then time it. */
#include "bench/bench_device.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/device.h"
#include "bench/bench_images.h"
#include "bench/bench_toy.h"
#include "record/machine.h"
#include "system/clock.h"
#include "train/batched_trainer.h"
#include "train/objective.h"

enum { RUNS_MAX = 120, MODELS = 3, DATA = 2, TIMED_LAUNCHES = 3, TIMED_ITERATIONS = 100 };

/* Figure 6's two models, and AFFJORD with the settings of the authors' release. */
static const char *const model_names[MODELS] = {"FFJORD", "AFFJORD", "AFFJORD, released settings"};

/* For runs with even and with odd seeds. */
static const char *const data_names[DATA] = {"ty", "hash_gaussian"};

static objective_spec model_spec(size_t model, uint64_t seed, bool brief) {
    objective_spec spec = bench_toy_spec(model == 0 ? CONTEXT_CLOCK : CONTEXT_AUGMENTED, cpu_level_best());
    spec.seed = seed;
    spec.validation = brief ? 100 : 1000;
    if (brief) spec.flow.steps = 2;
    if (model < 2) return spec;
    spec.flow.solver = TABLEAU_RK4_38;
    if (!brief) spec.flow.steps = 20;
    spec.flow.base_variance = 0.1;
    spec.flow.learn_start = true;
    return spec;
}

/* Shared by all parts. */
typedef struct bench {
    const device_table *table;
    dataset *data[DATA];
    parallel *workers;
    bool brief;
    size_t iterations; /* iterations of a compared training */
    size_t failures;
} bench;

/* Trainings side by side, and their results. */
typedef struct side {
    size_t count;
    trainer *members[RUNS_MAX];
    double loss[RUNS_MAX], validation[RUNS_MAX]; /* of the last iteration and the last epoch */
} side;

static status make_side(const bench *self, size_t model, uint64_t first, size_t count, uint64_t iterations,
                        uint64_t epoch, side *out, error_info *err) {
    *out = (side){.count = 0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        const objective_spec spec = model_spec(model, seed, self->brief);
        const trainer_spec training = {
            .iterations = iterations, .epoch_iterations = epoch, .learning_rate = 1e-3, .stop_loss = -INFINITY};
        objective *obj;
        TRY(objective_create(&spec, (objective_data){.points = self->data[seed % DATA]}, self->workers, &obj, err));
        TRY(trainer_create(&training, &obj, &out->members[out->count], err));
        out->count++;
    }
    return STATUS_OK;
}

static void free_side(side *one) {
    for (size_t i = 0; i < one->count; i++) trainer_destroy(&one->members[i]);
    one->count = 0;
}

static status train_here(side *one, error_info *err) {
    for (size_t i = 0; i < one->count; i++)
        while (!trainer_finished(one->members[i])) {
            bool done;
            trainer_epoch epoch;
            const status outcome = trainer_step(one->members[i], &one->loss[i], &done, &epoch);
            if (outcome < 0) return error_set(err, outcome, "a step on the processor failed");
            if (done) one->validation[i] = epoch.validation_loss;
        }
    return STATUS_OK;
}

static void take(batched_trainer *trained, side *one) {
    status outcome;
    bool done;
    trainer_epoch epoch;
    for (size_t i = 0; i < one->count; i++)
        while (batched_trainer_next(trained, i, &outcome, &one->loss[i], &done, &epoch))
            if (done) one->validation[i] = epoch.validation_loss;
}

static status train_there(const bench *self, side *one, error_info *err) {
    batched_trainer *trained;
    status outcome = batched_trainer_create(self->table, 0, one->members, one->count, self->workers, &trained, err);
    if (outcome != STATUS_OK) return outcome;
    while (outcome == STATUS_OK && !trainer_finished(one->members[0])) {
        outcome = batched_trainer_begin(trained, err);
        if (outcome == STATUS_OK) outcome = batched_trainer_end(trained, err);
        if (outcome == STATUS_OK) take(trained, one);
    }
    batched_trainer_destroy(&trained);
    return outcome;
}

/* --- The same bits --- */

static bool same_bits(double x, double y) {
    uint64_t bits[2];
    memcpy(&bits[0], &x, sizeof x);
    memcpy(&bits[1], &y, sizeof y);
    return bits[0] == bits[1];
}

static bool same(const side *a, size_t i, const side *b, size_t j) {
    const size_t P = objective_parameters(trainer_objective(a->members[i]))->total;
    return same_bits(a->loss[i], b->loss[j]) && same_bits(a->validation[i], b->validation[j]) &&
           memcmp(trainer_parameters(a->members[i]), trainer_parameters(b->members[j]), P * sizeof(real)) == 0;
}

static void report(bench *self, size_t model, uint64_t seed, const char *what, const side *a, const side *b, size_t j) {
    const bool holds = same(a, 0, b, j);
    if (!holds) self->failures++;
    printf("| %s, %s | %s | %s | %.17g | %.17g |\n", model_names[model], data_names[seed % DATA], what,
           holds ? "same bits" : "**differ**", a->loss[0], b->loss[j]);
    fflush(stdout);
}

/* Train `count` runs at once, an even number. Train the first and the last of them, one on each data set, alone,
 * twice, and on the processor. */
static status compare_model(bench *self, size_t model, size_t count, side sides[4], error_info *err) {
    const size_t n = self->iterations;
    TRY(make_side(self, model, 0, count, n, n, &sides[0], err));
    TRY(train_there(self, &sides[0], err));
    for (uint64_t seed = 0; seed < count; seed += count - 1) {
        for (size_t i = 1; i < 4; i++) {
            free_side(&sides[i]);
            TRY(make_side(self, model, seed, 1, n, n, &sides[i], err));
        }
        TRY(train_here(&sides[1], err));
        TRY(train_there(self, &sides[2], err));
        TRY(train_there(self, &sides[3], err));
        report(self, model, seed, "processor and device", &sides[1], &sides[2], 0);
        report(self, model, seed, "device, twice", &sides[2], &sides[3], 0);
        report(self, model, seed, "device, alone and among others", &sides[2], &sides[0], seed);
    }
    return STATUS_OK;
}

static status compare_all(bench *self, size_t count, error_info *err) {
    side *sides = calloc(4, sizeof *sides);
    if (!sides) return error_set(err, STATUS_MEMORY, "out of memory");
    printf("\n## The same bits\n\nTrainings of %zu iterations: parameters, last loss, validation loss; %zu runs at "
           "once.\n\n| model | what | verdict | last loss of the first | of the second |\n|---|---|---|---|---|\n",
           self->iterations, count);
    status outcome = STATUS_OK;
    for (size_t model = 0; model < MODELS && outcome == STATUS_OK; model++) {
        outcome = compare_model(self, model, count, sides, err);
        for (size_t i = 0; i < 4; i++) free_side(&sides[i]);
    }
    free(sides);
    return outcome;
}

/* --- Speed --- */

/* One launch of each batched trainer, side by side. */
static status launch(batched_trainer *const trained[2], side sides[2], error_info *err) {
    for (size_t k = 0; k < 2; k++)
        if (trained[k]) TRY(batched_trainer_begin(trained[k], err));
    for (size_t k = 0; k < 2; k++) {
        if (!trained[k]) continue;
        TRY(batched_trainer_end(trained[k], err));
        take(trained[k], &sides[k]);
    }
    return STATUS_OK;
}

static status time_runs(const bench *self, size_t runs, side sides[2], batched_trainer *trained[2], error_info *err) {
    const uint64_t n = TIMED_ITERATIONS;
    for (size_t k = 0; k < 2; k++) {
        const size_t count = k == 0 ? runs - runs / 2 : runs / 2; /* FFJORD and AFFJORD in halves */
        if (count == 0) continue;
        TRY(make_side(self, k, 0, count, (TIMED_LAUNCHES + 1) * n, n, &sides[k], err));
        TRY(batched_trainer_create(self->table, 0, sides[k].members, count, self->workers, &trained[k], err));
    }
    TRY(launch(trained, sides, err)); /* warms up */
    const double start = clock_seconds();
    for (size_t i = 0; i < TIMED_LAUNCHES; i++) TRY(launch(trained, sides, err));
    const double seconds = (clock_seconds() - start) / TIMED_LAUNCHES;
    printf("| %zu | %.2f | %.0f | %.1f |\n", runs, 1e3 * seconds / TIMED_ITERATIONS,
           (double)runs * TIMED_ITERATIONS / seconds, seconds / TIMED_ITERATIONS * 10000);
    fflush(stdout);
    return STATUS_OK;
}

static status time_all(const bench *self, error_info *err) {
    static const size_t runs[] = {1, 30, RUNS_MAX};
    status outcome = STATUS_OK;
    side *sides = calloc(2, sizeof *sides);
    if (!sides) return error_set(err, STATUS_MEMORY, "out of memory");
    printf(
        "\n## Figure 6's runs\n\nHalf FFJORD, half AFFJORD, with a validation of 1,000 points every %d iterations.\n\n"
        "| runs at once | ms an iteration of all | iterations/s | seconds for 10,000 iterations |\n"
        "|---|---|---|---|\n",
        TIMED_ITERATIONS);
    for (size_t i = 0; i < sizeof runs / sizeof *runs && outcome == STATUS_OK; i++) {
        batched_trainer *trained[2] = {NULL, NULL};
        outcome = time_runs(self, runs[i], sides, trained, err);
        for (size_t k = 0; k < 2; k++) {
            batched_trainer_destroy(&trained[k]);
            free_side(&sides[k]);
        }
    }
    free(sides);
    return outcome;
}

/* --- The report --- */

static status write_head(const bench *self, error_info *err) {
    device_about about;
    char kernel[128];
    TRY(self->table->describe(0, &about, err));
    machine_name_program(sizeof kernel, kernel);
    printf(
        "# A device against the processor\n\n%s; %s, sm_%d%d, %d processors, %.1f GB, driver for CUDA %s; library for "
        "%s; the processor computes with %s kernels.\n",
        kernel, about.name, about.major, about.minor, about.processors, 1e-9 * (double)about.memory, about.driver,
        self->table->architectures, cpu_level_name(cpu_level_best()));
    return STATUS_OK;
}

static status work(bench *self, error_info *err) {
    TRY(device_open(&self->table, err));
    TRY(write_head(self, err));
    for (size_t i = 0; i < DATA; i++) TRY(dataset_open(data_names[i], &self->data[i], err));
    if (parallel_create(machine_jobs(1), &self->workers) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "cannot start threads");
    TRY(compare_all(self, self->brief ? 4 : RUNS_MAX, err));
    if (!self->brief) TRY(time_all(self, err));
    return bench_images(self->table, self->workers, self->brief, &self->failures, err);
}

int bench_device(const bench_options *options) {
    bench self = {.brief = options->brief, .iterations = options->brief ? 2 : 200};
    error_info err = {""};
    const status outcome = work(&self, &err);
    parallel_destroy(&self.workers);
    for (size_t i = 0; i < DATA; i++) dataset_close(&self.data[i]);
    if (outcome != STATUS_OK) fprintf(stderr, "bench: %s\n", err.text);
    if (self.failures > 0) fprintf(stderr, "bench: %zu comparisons differ\n", self.failures);
    return outcome == STATUS_OK && self.failures == 0 ? 0 : 1;
}
