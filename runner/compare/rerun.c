/* rerun.c - compute runs of a database again, and compare.
 *
 * The workers and the recorder of experiments write the new runs into a database in a temporary folder. Pictures and
 * checkpoints are omitted where possible: no number depends on them. */
#include "compare/rerun.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/rerun_choice.h"
#include "compare/rerun_compare.h"
#include "plan/run_status.h"
#include "record/machine.h"
#include "system/temporary.h"
#include "work/count_parameters.h"
#include "work/workers.h"

enum { NO_CHECKPOINTS = 1000000 }; /* epochs between them */

typedef struct rerunning {
    const rerun_request *request;
    rerun_choice choice;
    char folder[PATH_MAX], database[PATH_MAX + 16];
    signals events;
    machine here;
    workers_result result;
} rerunning;

/* A plan of the chosen runs of one kind, in which each has its own data set. */
static status make_plan(const rerun_choice *choice, bool counted, plan **out, error_info *err) {
    const size_t count = choice->count;
    plan *made = calloc(1, sizeof *made);
    if (!made) return error_set(err, STATUS_MEMORY, "out of memory");
    made->datasets = calloc(count, sizeof *made->datasets);
    made->models = calloc(count, sizeof *made->models);
    made->resolved = calloc(count, sizeof *made->resolved);
    made->runs = calloc(count, sizeof *made->runs);
    made->model_count = made->seed_count = 1;
    if (!made->datasets || !made->models || !made->resolved || !made->runs) {
        plan_destroy(&made);
        return error_set(err, STATUS_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const stored_run *from = &choice->items[i];
        if (from->counted != counted) continue;
        const size_t at = made->run_count++;
        settings *values = &made->resolved[at];
        *values = from->values;
        values->output_density_cells = 0;
        values->output_samples = 0;
        values->output_snapshots = 0;
        values->train_checkpoint_epochs = NO_CHECKPOINTS;
        made->datasets[at] = from->data;
        snprintf(made->models[at].name, sizeof made->models[at].name, "%s", from->row.model);
        made->runs[at] = (plan_run){
            .dataset = &made->datasets[at], .model = &made->models[at], .seed = from->row.seed, .base = values};
        memcpy(made->runs[at].key, from->row.key, sizeof made->runs[at].key);
    }
    made->dataset_count = made->run_count;
    *out = made;
    return STATUS_OK;
}

/* --- Computing --- */

static status train(rerunning *self, results_db *db, const plan *runs, const run_status *list, error_info *err) {
    const rerun_request *request = self->request;
    const size_t threads = request->threads ? (size_t)request->threads : 1;
    size_t jobs = request->jobs ? (size_t)request->jobs : machine_jobs(threads);
    if (jobs > runs->run_count) jobs = runs->run_count;
    uint64_t iterations = 0;
    for (size_t i = 0; i < runs->run_count; i++) iterations += runs->runs[i].base->train_iterations;
    progress *shown;
    if (progress_create(stderr, false, jobs, runs->run_count, 0, iterations, &shown) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory");
    const workers_spec spec = {.runs = runs,
                               .states = list->runs,
                               .session = &self->here.session,
                               .jobs = jobs,
                               .threads = threads,
                               .lock_seconds = WORKERS_LOCK_SECONDS};
    const status outcome = workers_run(&spec, db, &self->events, shown, &self->result, err);
    progress_destroy(&shown);
    return outcome;
}

/* The runs of one kind. */
static status compute_kind(rerunning *self, results_db *db, bool counted, error_info *err) {
    const char *name = counted ? "counts" : "trainings";
    const db_experiment row = {.name = name, .title = name, .file = self->request->database};
    plan *runs;
    run_status *list = NULL;
    TRY(make_plan(&self->choice, counted, &runs, err));
    status outcome = STATUS_OK;
    if (runs->run_count > 0) {
        outcome = run_status_write(db, runs, &row, &list, err);
        if (outcome == STATUS_OK && counted) outcome = count_parameters(db, runs, list, &self->here.session, err);
        else if (outcome == STATUS_OK) outcome = train(self, db, runs, list, err);
    }
    run_status_destroy(&list);
    plan_destroy(&runs);
    return outcome;
}

static status compute(rerunning *self, error_info *err) {
    results_db *db;
    error_info closing;
    TRY(db_open(self->database, NULL, NULL, &db, err));
    status outcome = compute_kind(self, db, true, err);
    if (outcome == STATUS_OK) outcome = compute_kind(self, db, false, err);
    const status closed = db_close(&db, &closing);
    if (outcome != STATUS_OK) return outcome;
    return closed == STATUS_OK ? STATUS_OK : error_set(err, closed, "%s", closing.text);
}

/* --- All runs --- */

static status choose(rerunning *self, error_info *err) {
    results_db *db;
    const rerun_request *request = self->request;
    TRY(db_open_reading(request->database, &db, err));
    const status outcome = rerun_choose(db, request, &self->choice, err);
    db_close(&db, NULL);
    TRY(outcome);
    if (self->choice.count == 0)
        return error_set(err, STATUS_IO, "no finished run of \"%s\"%s%s can be computed again here", request->database,
                         request->experiment ? ", experiment " : "", request->experiment ? request->experiment : "");
    if (!request->run)
        printf("Computing %zu of %zu runs again, chosen by --seed %" PRIu64 "\n", self->choice.count, self->choice.able,
               request->seed);
    fflush(stdout);
    return STATUS_OK;
}

static status compute_and_compare(rerunning *self, rerun_tally *tally, error_info *err) {
    results_db *recorded = NULL, *again = NULL;
    TRY(compute(self, err));
    status outcome = db_open_reading(self->request->database, &recorded, err);
    if (outcome == STATUS_OK) outcome = db_open_reading(self->database, &again, err);
    for (size_t i = 0; i < self->choice.count && outcome == STATUS_OK; i++)
        outcome = rerun_compare(recorded, again, &self->choice.items[i].row, self->request->all, stdout, tally, err);
    db_close(&recorded, NULL);
    db_close(&again, NULL);
    return outcome;
}

static bool conclude(const rerunning *self, const rerun_tally *tally) {
    const size_t count = self->choice.count;
    printf("%zu of %zu run%s came out the same\n", tally->same, count, count == 1 ? "" : "s");
    if (self->result.stopped && tally->missing > 0) fprintf(stderr, "Stopped; what was computed is gone\n");
    return tally->same == count;
}

static status run(rerunning *self, bool *same, error_info *err) {
    rerun_tally tally = {.same = 0};
    TRY(choose(self, err));
    TRY(signals_open(&self->events, err));
    status outcome = temporary_create(self->folder, err);
    if (outcome == STATUS_OK) {
        snprintf(self->database, sizeof self->database, "%s/again.db", self->folder);
        outcome = compute_and_compare(self, &tally, err);
        temporary_remove(self->folder);
    }
    signals_close(&self->events);
    if (outcome == STATUS_OK) *same = conclude(self, &tally);
    return outcome;
}

status rerun(const rerun_request *request, bool *same, error_info *err) {
    rerunning self = {.request = request, .events = {.descriptor = -1}};
    machine_describe(&self.here, request->word_count, request->words);
    const status outcome = run(&self, same, err);
    rerun_choice_release(&self.choice);
    return outcome;
}
