/* part.c - repeat a part of a training from a checkpoint, and compare.
 *
 * All random draws are functions of the iteration, and a checkpoint has all other state. So iterations k + 1 .. k + N
 * have the same bits wherever they are computed, and a few of them check a training that took days. */
#include "compare/part.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/run_values.h"
#include "compare/stored_run.h"
#include "record/checkpoint_files.h"
#include "settings/source.h"
#include "train/trainer.h"

typedef struct part {
    const part_request *request;
    FILE *stream;
    stored_run run;
    run_values stored; /* of the run in the database */
    char kept_path[PATH_MAX]; /* the database's checkpoint of the run; "" if it is not compared */
    source data;
    parallel *threads;
    trainer *training;
    uint64_t start, end; /* iterations done before and after the part */
    size_t compared, different;
    error_info first; /* difference */
} part;

/* --- Comparing --- */

static void differ(part *self, const error_info *text) {
    if (self->different++ == 0) self->first = *text;
    if (self->request->all) fprintf(self->stream, "  %s\n", text->text);
}

static void compare_number(part *self, const char *quantity, double recorded, double found, const tolerance *allowed) {
    char before[NUMBER_TEXT_MAX], now[NUMBER_TEXT_MAX], near[TOLERANCE_TEXT_MAX];
    error_info text;
    self->compared++;
    if (tolerance_allows(allowed, recorded, found)) return;
    number_text(recorded, before);
    number_text(found, now);
    tolerance_text(allowed, near);
    error_describe(&text, "%s: recorded %s, found %s (allowed: %s)", quantity, before, now, near);
    differ(self, &text);
}

/* A value of an iteration: compare it with the recorded one, and record it. */
static status put_value(part *self, uint64_t iteration, const char *name, double value, error_info *err) {
    const part_request *request = self->request;
    const db_run *row = &self->run.row;
    baseline_row one = {.seed = row->seed, .value = value, .allowed = {.kind = TOLERANCE_BITS}};
    snprintf(one.quantity, sizeof one.quantity, "iteration.%" PRIu64 ".%s", iteration, name);
    for (size_t i = 0; request->recorded && i < request->recorded->count; i++) {
        const baseline_row *other = &request->recorded->rows[i];
        if (strcmp(other->key, row->key) == 0 && strcmp(other->quantity, one.quantity) == 0)
            compare_number(self, one.quantity, other->value, value, &other->allowed);
    }
    if (!request->record) return STATUS_OK;
    snprintf(one.key, sizeof one.key, "%s", row->key);
    snprintf(one.dataset, sizeof one.dataset, "%.*s", BASELINE_NAME_MAX - 1, row->dataset);
    snprintf(one.model, sizeof one.model, "%.*s", BASELINE_NAME_MAX - 1, row->model);
    snprintf(one.reason, sizeof one.reason, "the same operations in the same order everywhere");
    return baseline_add(request->record, &one, err);
}

static void compare_split(part *self, uint64_t epoch, const char *split, double found) {
    char quantity[RUN_QUANTITY_MAX];
    run_promise promised;
    snprintf(quantity, sizeof quantity, "epoch.%" PRIu64 ".%s", epoch, split);
    const run_value *stored = run_values_find(&self->stored, quantity);
    if (stored && run_promise_of(&self->stored, quantity, &promised))
        compare_number(self, quantity, stored->value, found, &promised.allowed);
}

static void compare_epoch(part *self, const trainer_epoch *epoch) {
    compare_split(self, epoch->epoch, "training", epoch->training_loss);
    compare_split(self, epoch->epoch, "validation", epoch->validation_loss);
    if (epoch->tested) compare_split(self, epoch->epoch, "test", epoch->test_loss);
}

static void compare_array(part *self, const checkpoint *kept, const checkpoint *here, const char *name, size_t size) {
    const void *before = checkpoint_get(kept, name, CHECKPOINT_REAL, size),
               *now = checkpoint_get(here, name, CHECKPOINT_REAL, size);
    error_info text;
    if (!before && !now) return; /* no average */
    self->compared++;
    if (before && now && memcmp(before, now, size * sizeof(real)) == 0) return;
    error_describe(&text, "array %s of iteration %" PRIu64 ": other numbers than in the database's checkpoint", name,
                   trainer_iteration(self->training));
    differ(self, &text);
}

/* Compare the state with the database's checkpoint of this iteration. */
static status compare_state(part *self, error_info *err) {
    static const char *const blocks[] = {TRAINER_PARAMETERS, "adam.first", "adam.second"};
    const parameter_table *table = objective_parameters(trainer_objective(self->training));
    checkpoint *kept, *here;
    if (!*self->kept_path || trainer_iteration(self->training) != self->run.row.checkpoint_iteration) return STATUS_OK;
    TRY(checkpoint_read(self->kept_path, &kept, err));
    status outcome = checkpoint_create(&here);
    if (outcome == STATUS_OK) {
        outcome = trainer_save(self->training, here);
        for (size_t i = 0; outcome == STATUS_OK && i < table->count; i++)
            compare_array(self, kept, here, table->entries[i].name, table->entries[i].rows * table->entries[i].columns);
        for (size_t i = 0; outcome == STATUS_OK && i < sizeof blocks / sizeof *blocks; i++)
            compare_array(self, kept, here, blocks[i], table->total);
        checkpoint_destroy(&here);
    }
    checkpoint_destroy(&kept);
    return outcome == STATUS_OK ? STATUS_OK : error_set(err, outcome, "out of memory for a checkpoint");
}

/* --- Computing --- */

static double norm(const real *x, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* A failed iteration changes no parameter and is part of the training. */
static status compute(part *self, error_info *err) {
    const size_t P = objective_parameters(trainer_objective(self->training))->total;
    while (trainer_iteration(self->training) < self->end && !trainer_finished(self->training)) {
        double loss;
        bool epoch_done;
        trainer_epoch epoch;
        const status outcome = trainer_step(self->training, &loss, &epoch_done, &epoch);
        const uint64_t iteration = trainer_iteration(self->training);
        if (outcome < 0) return error_set(err, outcome, "the step after iteration %" PRIu64 " failed", iteration);
        TRY(put_value(self, iteration, "loss", loss, err));
        if (epoch_done) compare_epoch(self, &epoch);
        TRY(compare_state(self, err));
    }
    return put_value(self, trainer_iteration(self->training), "parameters", norm(trainer_parameters(self->training), P),
                     err);
}

/* Return whether a recorded value, an epoch or a checkpoint lies within the part. */
static bool can_compare(const part *self) {
    const part_request *request = self->request;
    const uint64_t length = self->run.values.train_epoch_iterations;
    const char *split;
    uint64_t number;
    for (size_t i = 0; request->recorded && i < request->recorded->count; i++) {
        const baseline_row *row = &request->recorded->rows[i];
        if (strcmp(row->key, self->run.row.key) == 0 &&
            sscanf(row->quantity, "iteration.%" SCNu64 ".loss", &number) == 1 && number > self->start &&
            number <= self->end)
            return true;
    }
    for (size_t i = 0; i < self->stored.count; i++)
        if (run_quantity_epoch(self->stored.items[i].quantity, &number, &split) && number * length > self->start &&
            number * length <= self->end)
            return true;
    return *self->kept_path && self->run.row.checkpoint_iteration > self->start &&
           self->run.row.checkpoint_iteration <= self->end;
}

/* --- Beginning --- */

static status check_file(const part *self, const char *path, const checkpoint *file, error_info *err) {
    const char *key = checkpoint_get_text(file, "key");
    if (!key || strcmp(key, self->run.row.key) != 0)
        return error_set(err, STATUS_FORMAT, "%s: a file of run %.12s; expected a checkpoint of run %.12s", path,
                         key ? key : "(none)", self->run.row.key);
    if (checkpoint_get(file, "trainer.counters", CHECKPOINT_U64, 2)) return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "%s: it has parameters only; expected the optimizer's state", path);
}

static status make_training(part *self, const char *path, const checkpoint *file, error_info *err) {
    trainer_spec spec;
    objective *loss;
    error_info reason;
    const settings *values = &self->run.values;
    specification_trainer(values, &spec);
    TRY(source_objective(&self->data, values, self->run.row.seed, self->threads, NULL, &loss, err));
    TRY(trainer_create(&spec, &loss, &self->training, err));
    const status outcome = trainer_restore(self->training, file, &reason);
    if (outcome != STATUS_OK) return error_set(err, outcome, "%s: %s", path, reason.text);
    self->start = trainer_iteration(self->training);
    self->end = self->start + self->request->iterations;
    if (self->end > values->train_iterations) self->end = values->train_iterations;
    if (!trainer_finished(self->training)) return STATUS_OK;
    return error_set(err, STATUS_INVALID,
                     "%s: the end of the training, at iteration %" PRIu64 "; expected an earlier checkpoint", path,
                     self->start);
}

static status begin(part *self, error_info *err) {
    const part_request *request = self->request;
    const char *path = request->from ? request->from : self->kept_path;
    checkpoint *file;
    if (request->threads > 1 && parallel_create(request->threads, &self->threads) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "cannot start %zu threads", request->threads);
    TRY(source_open(self->run.data.source, &self->run.values, &self->data, err));
    TRY(checkpoint_read(path, &file, err));
    status outcome = check_file(self, path, file, err);
    if (outcome == STATUS_OK) outcome = make_training(self, path, file, err);
    checkpoint_destroy(&file);
    return outcome;
}

static status prepare(part *self, results_db *db, error_info *err) {
    const part_request *request = self->request;
    db_run row;
    stored_cache cache = {.count = 0};
    bool able;
    error_info reason = {""};
    run_promise promised;
    TRY(db_resolve_run(db, request->run, &row, err));
    const status outcome = stored_run_prepare(db, &row, &cache, &self->run, &able, &reason, err);
    stored_cache_release(&cache);
    TRY(outcome);
    if (!able || self->run.counted)
        return error_set(err, STATUS_INVALID, "run %.12s cannot be computed again: %.900s", row.key,
                         able ? "it is no training" : reason.text);
    if (!request->from && !row.has_checkpoint)
        return error_set(err, STATUS_INVALID, "run %.12s: it has no checkpoint; expected --from FILE.safetensors",
                         row.key);
    TRY(run_values_read(db, row.id, &self->stored, err));
    if (!row.has_checkpoint) return STATUS_OK;
    const bool bits =
        run_promise_of(&self->stored, "epoch.1.training", &promised) && promised.allowed.kind == TOLERANCE_BITS;
    if (bits || !request->from) checkpoint_locate(db_path(db), row.checkpoint_path, self->kept_path);
    return *self->kept_path ? checkpoint_verify(self->kept_path, row.checkpoint_bytes, row.checkpoint_sha256, err)
                            : STATUS_OK;
}

static void conclude(part *self) {
    fprintf(self->stream, "%.12s %.40s %.30s, seed %" PRIu64 ", iterations %" PRIu64 " to %" PRIu64 ": ",
            self->run.row.key, self->run.row.dataset, self->run.row.model, self->run.row.seed, self->start + 1,
            trainer_iteration(self->training));
    if (self->different > 0)
        fprintf(self->stream, "differs, %zu of %zu values, first in %s\n", self->different, self->compared,
                self->first.text);
    else if (self->compared > 0) fprintf(self->stream, "the same, %zu values to the bit\n", self->compared);
    else fprintf(self->stream, "computed\n");
}

static status repeat(part *self, error_info *err) {
    results_db *db;
    TRY(db_open_reading(self->request->database, &db, err));
    const status prepared = prepare(self, db, err);
    db_close(&db, NULL);
    TRY(prepared);
    TRY(begin(self, err));
    if (!self->request->record && !can_compare(self))
        return error_set(
            err, STATUS_INVALID,
            "run %.12s: nothing is known of iterations %" PRIu64 " to %" PRIu64
            "; expected recorded values (--record FILE, then --baselines FILE), the end of an epoch, or the "
            "database's checkpoint among them",
            self->run.row.key, self->start + 1, self->end);
    TRY(compute(self, err));
    conclude(self);
    return STATUS_OK;
}

status part_repeat(const part_request *request, FILE *stream, bool *same, error_info *err) {
    part *self = calloc(1, sizeof *self);
    if (!self) return error_set(err, STATUS_MEMORY, "out of memory");
    self->request = request;
    self->stream = stream;
    const status outcome = repeat(self, err);
    *same = outcome == STATUS_OK && self->different == 0;
    trainer_destroy(&self->training);
    parallel_destroy(&self->threads);
    source_close(&self->data);
    run_values_release(&self->stored);
    free(self);
    return outcome;
}
