/* continuation.c - runs that begin where finished runs with fewer iterations end. */
#include "plan/continuation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "record/checkpoint_files.h"
#include "train/checkpoint.h"

/* Numbers of iterations of finished runs, from the highest down. */
typedef struct lengths {
    uint64_t *items; /* (count) */
    size_t count;
} lengths;

static status add_length(void *argument, uint64_t iterations, error_info *err) {
    lengths *self = argument;
    uint64_t *items = realloc(self->items, (self->count + 1) * sizeof *items);
    if (!items) return error_set(err, STATUS_MEMORY, "out of memory");
    items[self->count++] = iterations;
    self->items = items;
    return STATUS_OK;
}

/* *from <- the longest finished run below `limit` iterations that this run continues; id 0 if there is none. */
static status find_longest(results_db *db, const lengths *known, const plan_run *run, uint64_t limit, db_run *from,
                           error_info *err) {
    char key[PLAN_KEY_SIZE];
    settings shorter;
    plan_run_settings(run, &shorter);
    for (size_t i = 0; i < known->count; i++) {
        if (known->items[i] >= limit) continue;
        shorter.train_iterations = known->items[i];
        plan_run_key(&shorter, run->dataset->checksum, run->seed, key);
        TRY(db_find_run(db, key, from, err));
        if (from->id != 0 && from->state == RUN_DONE && from->has_checkpoint) return STATUS_OK;
    }
    *from = (db_run){.id = 0};
    return STATUS_OK;
}

/* Return whether a run can save iterations by starting at the end of another. */
static bool saves(const db_run *row, const db_run *from) {
    return from && from->id != 0 && (!row->has_checkpoint || from->checkpoint_iteration > row->checkpoint_iteration);
}

static status find_all(results_db *db, const plan *runs, run_status *list, error_info *err) {
    lengths known = {.count = 0};
    status outcome = db_each_length(db, add_length, &known, err);
    for (size_t i = 0; outcome == STATUS_OK && known.count > 0 && i < list->count; i++) {
        settings values;
        db_run from;
        if (list->runs[i]->id != 0 && list->runs[i]->state == RUN_DONE) continue;
        plan_run_settings(&runs->runs[i], &values);
        if (values.experiment_task == TASK_COUNT_PARAMETERS) continue;
        outcome = find_longest(db, &known, &runs->runs[i], values.train_iterations, &from, err);
        if (outcome != STATUS_OK || !saves(list->runs[i], &from)) continue;
        if (values.train_decay == DECAY_NONE) outcome = run_status_keep(&from, &list->sources[i], err);
        else list->by_decay++;
    }
    free(known.items);
    return outcome;
}

status continuation_find(results_db *db, const plan *runs, run_status *list, error_info *err) {
    if (list->done == list->count) return STATUS_OK;
    list->sources = calloc(list->count, sizeof(db_run *));
    if (!list->sources) return error_set(err, STATUS_MEMORY, "out of memory");
    return find_all(db, runs, list, err);
}

/* --- Starting at the end of another run --- */

/* Return whether the file is a training's state at its end. Files of older versions lack the sums of an unfinished
 * epoch, so a training that ended within an epoch cannot be continued from them. */
static status check_state(const checkpoint *file, uint64_t epoch_iterations, error_info *err) {
    const uint64_t *counters = checkpoint_get(file, "trainer.counters", CHECKPOINT_U64, 2);
    const double *means = checkpoint_get(file, "trainer.means", CHECKPOINT_F64, 2);
    if (!counters || !means)
        return error_set(err, STATUS_FORMAT, "it has parameters only; expected the optimizer's state");
    if (counters[0] % epoch_iterations != 0 && means[0] == 0)
        return error_set(err, STATUS_FORMAT,
                         "it was written within an epoch by an earlier version of the program, which kept no sums");
    return STATUS_OK;
}

/* Copy the checkpoint of `from` to the run: the same arrays, with the run's own texts. */
static status write_checkpoint(results_db *db, const plan_run *run, const db_run *from, const char *name,
                               char sha256[65], error_info *err) {
    char path[PATH_MAX];
    checkpoint *file;
    checkpoint_locate(db_path(db), from->checkpoint_path, path);
    TRY(checkpoint_verify(path, from->checkpoint_bytes, from->checkpoint_sha256, err));
    TRY(checkpoint_read(path, &file, err));
    checkpoint_locate(db_path(db), name, path);
    settings values;
    plan_run_settings(run, &values);
    status outcome = check_state(file, values.train_epoch_iterations, err);
    if (outcome == STATUS_OK && (checkpoint_put_text(file, "key", run->key) != STATUS_OK ||
                                 checkpoint_put_text(file, "dataset", run->dataset->name) != STATUS_OK ||
                                 checkpoint_put_text(file, "model", run->model->name) != STATUS_OK ||
                                 specification_write(&values, &run->dataset->shape, file) != STATUS_OK))
        outcome = error_set(err, STATUS_MEMORY, "out of memory for a checkpoint");
    if (outcome == STATUS_OK) outcome = checkpoint_write(file, path, sha256, err);
    checkpoint_destroy(&file);
    return outcome;
}

/* *done <- whether the run now starts there; if not, `reason` has the reason. */
static status begin_at(results_db *db, const plan_run *run, db_run *row, const db_run *from, bool *done,
                       error_info *reason, error_info *err) {
    settings values;
    plan_run_settings(run, &values);
    char name[PATH_MAX], path[PATH_MAX], sha256[65];
    db_checkpoint written = {.iteration = from->checkpoint_iteration, .path = name, .sha256 = sha256};
    /* If train.stop_loss ended a run, a longer run ends at the same iteration, so all their epochs are equal. */
    const bool stopped = from->checkpoint_iteration < from->iterations;
    checkpoint_name(db_path(db), run->key, written.iteration, name);
    status outcome = write_checkpoint(db, run, from, name, sha256, reason);
    checkpoint_locate(db_path(db), name, path);
    if (outcome == STATUS_OK) outcome = checkpoint_measure(path, &written.bytes, reason);
    *done = outcome == STATUS_OK;
    if (outcome == STATUS_MEMORY) return error_set(err, outcome, "%s", reason->text);
    if (!*done) return STATUS_OK;
    TRY(db_continue_run(db, row, from, stopped ? 1 : values.train_epoch_iterations, &written, err));
    return db_find_run(db, run->key, row, err);
}

/* Try the longest run first; if its checkpoint is not usable, the next one. */
static status begin(results_db *db, const lengths *known, const plan_run *run, db_run *row, db_run *from, FILE *notes,
                    error_info *err) {
    error_info reason;
    bool done = false;
    while (saves(row, from) && !done) {
        TRY(begin_at(db, run, row, from, &done, &reason, err));
        if (done) break;
        fprintf(notes, "Note: %s %s %" PRIu64 ": not continued from run %.12s at iteration %" PRIu64 ": %s\n",
                run->dataset->name, run->model->name, run->seed, from->key, from->checkpoint_iteration, reason.text);
        TRY(find_longest(db, known, run, from->iterations, from, err));
    }
    if (!done) from->id = 0;
    return STATUS_OK;
}

status continuation_apply(results_db *db, const plan *runs, run_status *list, FILE *notes, error_info *err) {
    lengths known = {.count = 0};
    size_t continued = 0, first = 0;
    TRY(continuation_find(db, runs, list, err));
    if (list->by_decay > 0)
        fprintf(notes,
                "Note: %zu run%s cannot continue finished runs with fewer iterations: with train.decay = cosine, "
                "learning rates depend on train.iterations\n",
                list->by_decay, list->by_decay == 1 ? "" : "s");
    if (!list->sources) return STATUS_OK;
    TRY(checkpoint_make_folder(db_path(db), err));
    status outcome = db_each_length(db, add_length, &known, err);
    for (size_t i = 0; outcome == STATUS_OK && i < list->count; i++) {
        if (!list->sources[i]) continue;
        outcome = begin(db, &known, &runs->runs[i], list->runs[i], list->sources[i], notes, err);
        if (outcome != STATUS_OK || list->sources[i]->id == 0) continue;
        if (continued++ == 0) first = i;
    }
    free(known.items);
    if (outcome == STATUS_OK) outcome = db_commit(db, err);
    if (continued > 0)
        fprintf(notes,
                "Note: %zu run%s continue%s from finished runs with fewer iterations: %.12s at iteration %" PRIu64
                "%s\n",
                continued, continued == 1 ? "" : "s", continued == 1 ? "s" : "", list->sources[first]->key,
                list->sources[first]->checkpoint_iteration, continued > 1 ? ", ..." : "");
    return outcome;
}
