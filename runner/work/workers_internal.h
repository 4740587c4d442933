/* workers_internal.h - what the files of workers.h share: the runs under way, and the processes that train them. */
#ifndef AFFJORD_RUNNER_WORKERS_INTERNAL_H
#define AFFJORD_RUNNER_WORKERS_INTERNAL_H

#include <inttypes.h>
#include <stdio.h>
#include <sys/types.h>

#include "record/checkpoint_files.h"
#include "system/clock.h"
#include "work/message.h"
#include "work/workers.h"

/* A process, with the runs that it trains: one, or on a device several. */
typedef struct child {
    pid_t process;
    size_t jobs; /* that it still has */
    bool ended; /* and was waited for */
    int outcome; /* how */
} child;

/* One run under way, until all of it is committed. */
typedef struct job {
    bool active;
    bool ended; /* that is recorded */
    size_t index; /* of the run in the plan */
    int64_t id; /* of its row */
    const char *key, *data_checksum;
    child *trained_by;
    int pipe; /* -1: it says nothing any more */
    message_reader reader;
    uint64_t iteration; /* reached */
    double started, heard, heartbeat; /* seconds: its start, its last message, its last recorded progress */
    double wall_before; /* seconds that it took before this start */
    uint64_t peak; /* bytes that its worker is known to have held */
    char checkpoint[PATH_MAX]; /* the file that its committed row names; "" for none */
    char next_checkpoint[PATH_MAX]; /* the one of a row that is not committed yet; "" for none */
    uint64_t checkpoint_iteration, next_iteration; /* theirs */
    bool littered; /* an older one could not be removed */
    db_state state; /* RUNNING until its last message */
    error_info error;
} job;

typedef struct workers {
    const workers_spec *spec;
    results_db *db;
    const signals *events;
    progress *shown;
    job *jobs; /* (spec->jobs) */
    child *children; /* (spec->jobs) */
    struct pollfd *polled; /* (1 + spec->jobs) */
    size_t next; /* run of the plan to start next */
    size_t missing, given[DEVICES_MAX]; /* runs that were not done before; of these, started on each device so far */
    size_t active, listening; /* runs under way; of these, those that may say more */
    bool commit_due; /* at once: a checkpoint, or a run's end */
    bool committing; /* a commit has begun, and another program's lock was in the way */
    bool abandoned; /* that lock did not go: nothing is recorded any more, and what came is kept in a file */
    bool lock_told;
    double locked; /* since when that lock is in the way; 0: it is not */
    bool *target_given; /* (dataset_count): some worker sends the data's own picture */
    int requests; /* signals so far */
    status recording; /* the recorder's first failure */
    error_info *err;
    workers_result result;
} workers;

static inline const plan_run *workers_run_of(const workers *all, const job *one) {
    return &all->spec->runs->runs[one->index];
}

static inline const db_run *workers_state_of(const workers *all, const job *one) {
    return &all->spec->states[one->index];
}

static inline double workers_wall_seconds(const job *one) {
    return one->wall_before + one->heard - one->started;
}

/* "ty affjord 3" */
static inline void workers_label(const plan_run *run, char text[96]) {
    snprintf(text, 96, "%.40s %.30s %" PRIu64, run->dataset->name, run->model->name, run->seed);
}

/* After the recorder's first failure nothing more is recorded, and the workers are asked to end: what they computed
 * since their last recorded checkpoint will be computed again. */
void workers_keep_failure(workers *all, status outcome);

/* RECORD(all, recorder_...(all->book, ..., all->why)) */
#define RECORD(all, call)                                                                                              \
    do {                                                                                                               \
        if ((all)->recording == STATUS_OK) workers_keep_failure((all), (call));                                        \
    } while (0)

/* --- workers_start.c --- */

/* Whether a run is left that may begin; let runs begin where there is room for them. */
bool workers_may_start(workers *all);
void workers_start(workers *all);

/* Whether a process has ended, and all of its runs with it. One that has said all it had to may be a while with giving
 * back a device; nobody waits for that. */
bool workers_is_free(child *process);

/* --- workers_record.c --- */

/* What a worker said, and what is behind it: onto the terminal when it arrives; into the database, for which it may
 * have to wait. */
void workers_show_message(workers *all, job *one, const message *m, const void *bytes);
void workers_take_message(workers *all, job *one, const message *m, const void *bytes);

/* A run has ended, for now or for good, as its state says: so does its row. */
void workers_end_job(workers *all, job *one);

/* --- workers_lock.c: another program may keep the database locked --- */

/* Whether rows can be written now: a transaction is open. */
bool workers_can_record(workers *all);
/* Commit what was recorded, as far as that can be done now. */
void workers_commit(workers *all);
/* Whether to give up waiting: the bound has passed, or the shorter one of a user who asked to stop. */
bool workers_have_waited(const workers *all);
/* Give up: the workers are asked to end, and nothing more is recorded. */
void workers_abandon(workers *all);

/* --- workers_pending.c --- */

/* Keep what came from the workers and could not be committed, up to each run's last checkpoint, in the file beside the
 * database that workers_take_pending reads. */
status workers_keep_pending(const workers *all, error_info *err);

#endif
