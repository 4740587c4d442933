/* task_list.c - the tasks of ./run list: queued, running, failed, done. */
#include "scale/task_list.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "scale/submitted_jobs.h"
#include "scale/shard.h"
#include "scale/slurm.h"
#include "system/columns.h"
#include "system/paths.h"

enum { TAIL_LINES = 3, TAIL_BYTES = 600 };

/* Without other information, a task that has written nothing for this time counts as dead. A live task writes every
 * DB_SHARD_COMMIT_SECONDS. */
#define SILENT_SECONDS 120.0

typedef enum task_state { TASK_DONE, TASK_QUEUED, TASK_RUNNING, TASK_INTERRUPTED, TASK_FAILED, TASK_GONE } task_state;
static const char *const state_names[] = {
    [TASK_DONE] = "done",     [TASK_QUEUED] = "queued", [TASK_RUNNING] = "running", [TASK_INTERRUPTED] = "interrupted",
    [TASK_FAILED] = "failed", [TASK_GONE] = "not begun"};

typedef struct task_list {
    results_db *db;
    const char *folder;
    FILE *stream, *rows; /* rows: of the table */
    submitted_jobs list;
    bool request; /* Slurm's queue */
    size_t counts[TASK_GONE + 1];
    bool titled;
} task_list;

/* One task. */
typedef struct task {
    const char *key;
    shard_state shard;
    const submitted_task *job; /* NULL: not submitted to Slurm */
    double silent; /* seconds since its last sign of life; negative if none */
    bool has_log;
    char log[PATH_MAX];
} task;

/* Return the seconds since a time in the format of db_now. */
static double seconds_since(const char *moment) {
    struct tm parts = {.tm_year = 0};
    const char *end = strptime(moment, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return end && !*end ? difftime(time(NULL), timegm(&parts)) : -1;
}

static task_state state_of(const task_list *self, const task *one) {
    const db_run *run = &one->shard.run;
    const bool queued = one->job && one->job->queued;
    if (run->id != 0 && run->state == RUN_DONE) return TASK_DONE;
    if (queued && strcmp(one->job->state, "PENDING") == 0) return TASK_QUEUED;
    if (queued || one->shard.locked) return TASK_RUNNING;
    if (run->id == 0) return one->has_log ? TASK_FAILED : TASK_GONE;
    if (run->state == RUN_FAILED) return TASK_FAILED;
    /* A task of another scheduler, or on another machine. */
    const bool in_queue_list = self->request && one->job;
    if (run->state == RUN_RUNNING && !in_queue_list && one->silent >= 0 && one->silent < SILENT_SECONDS)
        return TASK_RUNNING;
    return run->state == RUN_PLANNED ? TASK_GONE : TASK_INTERRUPTED;
}

/* The last lines of a log, each after some blanks. */
static void write_tail(const char *path, FILE *stream) {
    char text[TAIL_BYTES + 1];
    FILE *file = fopen(path, "r");
    if (!file) return;
    if (fseek(file, -TAIL_BYTES, SEEK_END) != 0) rewind(file);
    const size_t size = fread(text, 1, TAIL_BYTES, file);
    fclose(file);
    text[size] = '\0';
    size_t from = size, lines = 0;
    while (from > 0 && text[from - 1] == '\n') text[--from] = '\0';
    for (char *tab = text; (tab = strchr(tab, '\t')) != NULL;) *tab = ' '; /* a tab would divide columns */
    for (; from > 0; from--)
        if (text[from - 1] == '\n' && ++lines == TAIL_LINES) break;
    char *rest = NULL;
    for (char *line = strtok_r(text + from, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        fprintf(stream, "        %s\n", line);
}

static void write_title(task_list *self) {
    if (!self->titled) fputs("task\tdata\tmodel\tseed\tstate\titerations\tnode\tlast heard of\n", self->rows);
    self->titled = true;
}

/* Read a run without a shard from the database. */
static void complete_from_db(const task_list *self, task *one) {
    error_info ignored;
    db_run row;
    if (one->shard.run.id != 0 || !self->db) return;
    if (db_find_run(self->db, one->key, &row, &ignored) != STATUS_OK || row.id == 0) return;
    const bool done = row.state == RUN_DONE; /* a merge removes the shard */
    one->shard.run = row;
    one->shard.run.id = done ? row.id : 0;
    one->shard.run.state = done ? RUN_DONE : RUN_PLANNED;
}

static void write_task(task_list *self, task *one) {
    const db_run *run = &one->shard.run;
    char progress[64], heard[64] = "", seed[32] = "";
    error_info ignored;
    one->silent = seconds_since(one->shard.place.heartbeat);
    one->has_log =
        shard_path(self->folder, one->key, SHARD_LOG, one->log, &ignored) == STATUS_OK && access(one->log, R_OK) == 0;
    complete_from_db(self, one);
    const task_state state = state_of(self, one);
    self->counts[state]++;
    if (state == TASK_DONE) return;
    write_title(self);
    snprintf(progress, sizeof progress, "%" PRIu64 "/%" PRIu64, run->id ? run->iteration : 0, run->iterations);
    if (run->dataset[0]) snprintf(seed, sizeof seed, "%" PRIu64, run->seed);
    if (one->silent >= 0) number_print(heard, sizeof heard, "%.0f s ago", one->silent);
    const char *node = state == TASK_RUNNING ? one->shard.place.host : "";
    if (one->job && one->job->queued && one->job->node[0]) node = one->job->node;
    const char *note = run->state == RUN_FAILED ? run->error : "";
    if (state == TASK_QUEUED) note = one->job->reason; /* the reason for waiting */
    fprintf(self->rows, "%.12s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", one->key, run->dataset, run->model, seed,
            state_names[state], progress, node, heard, note);
    if (state == TASK_FAILED && one->has_log) write_tail(one->log, self->rows);
}

static status visit_shard(void *argument, const char *path, const char *key, error_info *err) {
    (void)err;
    task_list *self = argument;
    task one = {.key = key};
    error_info reason;
    submitted_task *given = submitted_find(&self->list, key);
    one.job = given;
    if (shard_status(self->folder, key, &one.shard, &reason) != STATUS_OK) {
        fprintf(self->rows, "%s: %s\n", path, reason.text);
        one.shard.run.id = 0;
    }
    write_task(self, &one);
    if (given) given->seen = true;
    return STATUS_OK;
}

/* A task that ended before it could open a shard has at most a log. */
static status visit_log(void *argument, const char *path, const char *key, error_info *err) {
    task_list *self = argument;
    char shard[PATH_MAX];
    (void)path;
    TRY(shard_path(self->folder, key, SHARD_DATABASE, shard, err));
    submitted_task *given = submitted_find(&self->list, key);
    if (access(shard, F_OK) == 0) return STATUS_OK;
    task one = {.key = key, .job = given};
    write_task(self, &one);
    if (given) given->seen = true;
    return STATUS_OK;
}

static status write_all(task_list *self, error_info *err) {
    TRY(shard_each(self->folder, SHARD_DATABASE, visit_shard, self, err));
    TRY(shard_each(self->folder, SHARD_LOG, visit_log, self, err));
    for (size_t i = 0; i < self->list.count; i++) {
        task one = {.key = self->list.tasks[i].key, .job = &self->list.tasks[i]};
        if (!self->list.tasks[i].seen) write_task(self, &one);
    }
    return STATUS_OK;
}

static void write_counts(const task_list *self) {
    size_t all = 0;
    for (task_state state = TASK_DONE; state <= TASK_GONE; state++) all += self->counts[state];
    if (all == 0) return;
    fprintf(self->stream, "%zu task%s of %s", all, all == 1 ? "" : "s", self->folder);
    for (task_state state = TASK_DONE; state <= TASK_GONE; state++)
        if (self->counts[state] > 0) fprintf(self->stream, ", %zu %s", self->counts[state], state_names[state]);
    fprintf(self->stream, "; merge their shards with %s merge\n", command_name());
}

status task_list_write(results_db *db, const char *folder, FILE *stream, error_info *err) {
    task_list self = {.db = db, .folder = folder, .stream = stream};
    error_info reason;
    TRY(submitted_read(folder, &self.list, err));
    /* Without Slurm, the shards are the only source. */
    if (self.list.count > 0) self.request = slurm_read_queue(folder, &self.list, &reason) == STATUS_OK;
    columns table;
    status outcome = columns_begin(&table, err);
    self.rows = table.rows;
    if (outcome == STATUS_OK)
        outcome = columns_end(&table, write_all(&self, err), "%-12s  %-16s %-16s %6s  %-11s %15s  %-16s %-14s %s",
                              stream, err);
    if (outcome == STATUS_OK) write_counts(&self);
    if (outcome == STATUS_OK && self.list.count > 0 && !self.request)
        fprintf(stream, "Slurm's queue: %s\n", reason.text);
    submitted_release(&self.list);
    return outcome;
}
