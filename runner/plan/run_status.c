/* run_status.c - a plan joined with the database: which runs exist, and their progress. */
#include "plan/run_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan_index.h"
#include "plan/run_points.h"
#include "record/checkpoint_files.h"

/* Reopen a finished run at its last checkpoint if its snapshots are requested and missing; then only its pictures are
 * computed. A run without a checkpoint, as in an archive, is unchanged. */
static status look_for_moments(results_db *db, const plan_run *run, db_run *row, error_info *err) {
    char path[PATH_MAX];
    bool has = false;
    error_info reason;
    if (row->state != RUN_DONE || run->base->output_snapshots == 0 || run->dataset->shape.dimension != 2 ||
        !row->has_checkpoint)
        return STATUS_OK;
    TRY(db_has_moments(db, row->key, &has, err));
    if (has) return STATUS_OK;
    checkpoint_locate(db_path(db), row->checkpoint_path, path);
    if (checkpoint_verify(path, row->checkpoint_bytes, row->checkpoint_sha256, &reason) == STATUS_OK)
        row->state = RUN_INTERRUPTED;
    return STATUS_OK;
}

/* The experiment's runs in the database, matched with the plan. */
typedef struct membership {
    const plan *runs;
    run_status *list;
    plan_index *index;
    const plan_run **sorted; /* (count), by key */
    bool *present; /* (count): run i of the plan is part of the experiment */
} membership;

/* The row of all runs that the database lacks. */
static db_run none;

status run_status_empty(const plan *runs, run_status **out, error_info *err) {
    run_status *list = calloc(1, sizeof *list);
    db_run **rows = calloc(runs->run_count, sizeof(db_run *));
    if (!list || !rows) {
        free(list);
        free(rows);
        return error_set(err, STATUS_MEMORY, "out of memory");
    }
    list->count = runs->run_count;
    list->runs = rows;
    for (size_t i = 0; i < list->count; i++) rows[i] = &none;
    *out = list;
    return STATUS_OK;
}

status run_status_keep(const db_run *row, db_run **out, error_info *err) {
    db_run *kept = malloc(sizeof *kept);
    if (!kept) return error_set(err, STATUS_MEMORY, "out of memory");
    *kept = *row;
    *out = kept;
    return STATUS_OK;
}

void run_status_destroy(run_status **list) {
    if (!*list) return;
    for (size_t i = 0; i < (*list)->count; i++) {
        if ((*list)->runs[i] != &none) free((*list)->runs[i]);
        if ((*list)->sources) free((*list)->sources[i]);
    }
    free((*list)->runs);
    free((*list)->sources);
    free((*list)->outdated);
    free(*list);
    *list = NULL;
}

static status add_stale(run_status *list, int64_t id, error_info *err) {
    int64_t *outdated = realloc(list->outdated, (list->outdated_count + 1) * sizeof *outdated);
    if (!outdated) return error_set(err, STATUS_MEMORY, "out of memory");
    outdated[list->outdated_count++] = id;
    list->outdated = outdated;
    return STATUS_OK;
}

static int by_key(const void *a, const void *b) {
    return strcmp((*(const plan_run *const *)a)->key, (*(const plan_run *const *)b)->key);
}

/* A run that differs from one of the plan only in the seed stays a member. */
static status visit_member(void *argument, const db_run *row, error_info *err) {
    const membership *members = argument;
    const plan_variant *variant;
    plan_run wanted;
    const plan_run *key = &wanted;
    snprintf(wanted.key, sizeof wanted.key, "%s", row->key);
    const plan_run **found = bsearch(&key, members->sorted, members->list->count, sizeof(plan_run *), by_key);
    if (found) members->present[*found - members->runs->runs] = true;
    if (found) return STATUS_OK;
    TRY(plan_index_find(members->index, row->key, row->seed, &variant, err));
    return variant ? STATUS_OK : add_stale(members->list, row->id, err);
}

static status read_members(results_db *db, const plan *runs, plan_index *index, const db_experiment *experiment,
                           run_status *list, error_info *err) {
    membership members = {.runs = runs,
                          .list = list,
                          .index = index,
                          .sorted = calloc(runs->run_count, sizeof(plan_run *)),
                          .present = calloc(runs->run_count, sizeof(bool))};
    status outcome = members.sorted && members.present ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory");
    for (size_t i = 0; i < runs->run_count && outcome == STATUS_OK; i++) members.sorted[i] = &runs->runs[i];
    if (outcome == STATUS_OK) {
        qsort(members.sorted, runs->run_count, sizeof(plan_run *), by_key);
        outcome = db_each_run(db, experiment->name, visit_member, &members, err);
    }
    for (size_t i = 0; i < runs->run_count && outcome == STATUS_OK; i++) list->current &= members.present[i];
    free(members.sorted);
    free(members.present);
    list->current &= list->outdated_count == 0;
    return outcome;
}

static status read_all(results_db *db, const plan *runs, plan_index *index, const db_experiment *experiment,
                       run_status *list, error_info *err) {
    int64_t id;
    bool same_points = true;
    db_run row;
    TRY(db_find_experiment(db, experiment, &id, &list->current, err));
    for (size_t i = 0; i < runs->run_count; i++) {
        TRY(db_find_run(db, runs->runs[i].key, &row, err));
        if (row.id == 0) continue;
        TRY(look_for_moments(db, &runs->runs[i], &row, err));
        TRY(run_status_keep(&row, &list->runs[i], err));
        list->done += row.state == RUN_DONE;
    }
    TRY(read_members(db, runs, index, experiment, list, err));
    if (list->current) TRY(run_points_read(db, runs, index, experiment->name, id, &same_points, err));
    list->current &= same_points;
    return STATUS_OK;
}

status run_status_read(results_db *db, const plan *runs, const db_experiment *experiment, run_status **out,
                       error_info *err) {
    run_status *list;
    plan_index *index;
    TRY(run_status_empty(runs, &list, err));
    status outcome = plan_index_create(runs, &index, err);
    if (outcome == STATUS_OK) {
        outcome = read_all(db, runs, index, experiment, list, err);
        plan_index_destroy(&index);
    }
    if (outcome == STATUS_OK) *out = list;
    else run_status_destroy(&list);
    return outcome;
}

/* The destination of the settings of one run. */
typedef struct setting_rows {
    results_db *db;
    int64_t run;
    status outcome;
    error_info *err;
} setting_rows;

static void put_setting(void *argument, const char *section, const char *key, const char *value) {
    setting_rows *rows = argument;
    if (rows->outcome == STATUS_OK) rows->outcome = db_put_setting(rows->db, rows->run, section, key, value, rows->err);
}

/* The folder of a run's images affects no number. It is stored so that `./run eval` finds the images. */
static void put_folder(const plan_run *run, setting_rows *rows) {
    const char *folder = run->base->data_dir;
    if (!*folder || !specification_is_image(&run->dataset->shape)) return;
    char *absolute = realpath(folder, NULL);
    put_setting(rows, "data", "dir", absolute ? absolute : folder);
    free(absolute);
}

/* A finished run keeps the settings that it was computed with; those outside its key may differ from the plan's. */
static status write_run(results_db *db, const plan_run *run, db_run **row, error_info *err) {
    settings values;
    if ((*row)->id != 0 && (*row)->state == RUN_DONE) return STATUS_OK;
    plan_run_settings(run, &values);
    if ((*row)->id == 0) {
        db_run made = {.seed = run->seed};
        snprintf(made.key, sizeof made.key, "%s", run->key);
        snprintf(made.dataset, sizeof made.dataset, "%s", run->dataset->name);
        snprintf(made.data_checksum, sizeof made.data_checksum, "%s", run->dataset->checksum);
        snprintf(made.model, sizeof made.model, "%s", run->model->name);
        made.iterations = values.experiment_task == TASK_COUNT_PARAMETERS ? 0 : values.train_iterations;
        TRY(db_put_run(db, &made, err));
        TRY(db_find_run(db, run->key, &made, err));
        TRY(run_status_keep(&made, row, err));
    }
    setting_rows rows = {.db = db, .run = (*row)->id, .outcome = STATUS_OK, .err = err};
    settings_each(&values, put_setting, &rows);
    put_folder(run, &rows);
    return rows.outcome;
}

static status write_points(results_db *db, const plan *runs, const char *name, int64_t experiment, error_info *err) {
    plan_index *index;
    TRY(plan_index_create(runs, &index, err));
    const status outcome = run_points_write(db, runs, index, name, experiment, err);
    plan_index_destroy(&index);
    return outcome;
}

static status write_all(results_db *db, const plan *runs, const db_experiment *experiment, run_status *list,
                        error_info *err) {
    int64_t id;
    TRY(db_put_experiment(db, experiment, &id, err));
    for (size_t i = 0; i < list->outdated_count; i++) TRY(db_drop_member(db, id, list->outdated[i], err));
    for (size_t i = 0; i < runs->run_count; i++) {
        TRY(write_run(db, &runs->runs[i], &list->runs[i], err));
        TRY(db_put_member(db, id, list->runs[i]->id, err));
    }
    TRY(write_points(db, runs, experiment->name, id, err));
    if (!list->current) TRY(db_outdate_comparisons(db, err)); /* other members, perhaps without any training */
    list->current = true;
    return db_commit(db, err);
}

status run_status_write(results_db *db, const plan *runs, const db_experiment *experiment, run_status **out,
                        error_info *err) {
    run_status *list = NULL;
    TRY(run_status_read(db, runs, experiment, &list, err));
    const status outcome = write_all(db, runs, experiment, list, err);
    if (outcome == STATUS_OK) *out = list;
    else run_status_destroy(&list);
    return outcome;
}
