/* workers_internal.h - shared by the files of workers.h: the active runs, and the processes that train them. */
#ifndef AFFJORD_RUNNER_WORKERS_INTERNAL_H
#define AFFJORD_RUNNER_WORKERS_INTERNAL_H

#include <inttypes.h>
#include <stdio.h>
#include <sys/types.h>

#include "record/checkpoint_files.h"
#include "system/clock.h"
#include "work/message.h"
#include "work/workers.h"

/* A process, with the runs that it trains: one, or several on a device. */
typedef struct child {
    pid_t process;
    size_t jobs; /* of its runs, those not ended */
    bool ended; /* and its status was read */
    int outcome; /* how */
} child;

/* An active run, until all of it is committed. */
typedef struct job {
    bool active;
    bool ended; /* the last recorded iteration */
    size_t index; /* of the run in the plan */
    int64_t id; /* of its row */
    const char *key, *data_checksum;
    child *trained_by;
    int pipe; /* -1: closed */
    message_reader reader;
    uint64_t iteration; /* reached */
    double started, heard, heartbeat; /* times in seconds: start, last message, last recorded progress */
    double wall_before; /* seconds of earlier sessions */
    uint64_t peak; /* largest known memory of its worker, in bytes */
    char checkpoint[PATH_MAX]; /* the file that its committed row names; "" for none */
    char next_checkpoint[PATH_MAX]; /* the file of a row that is not committed yet; "" for none */
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
    size_t next; /* next run of the plan to start */
    size_t missing, given[DEVICES_MAX]; /* runs unfinished at the start; of these, started on each device */
    size_t active, listening; /* active runs; of these, those with an open pipe */
    bool commit_due; /* commit at once: a checkpoint, or a run's end */
    bool committing; /* a commit has begun, and another program's lock delays it */
    bool abandoned; /* the lock stayed: nothing more is recorded, and messages go to a file */
    bool lock_reported;
    double locked; /* time since which the lock is in the way; 0: it is not */
    bool *target_given; /* (dataset_count): a worker sends the data's own picture */
    int requests; /* signals so far */
    status recording; /* the first failure of the recorder */
    error_info *err;
    workers_result result;
} workers;

static inline const plan_run *workers_run_of(const workers *all, const job *one) {
    return &all->spec->runs->runs[one->index];
}

static inline const db_run *workers_state_of(const workers *all, const job *one) {
    return all->spec->states[one->index];
}

static inline double workers_wall_seconds(const job *one) {
    return one->wall_before + one->heard - one->started;
}

/* "ty affjord 3" */
static inline void workers_label(const plan_run *run, char text[96]) {
    snprintf(text, 96, "%.40s %.30s %" PRIu64, run->dataset->name, run->model->name, run->seed);
}

/* After the first failure of the recorder, record nothing more and signal the workers to end. Iterations since the last
 * recorded checkpoint will be repeated. */
void workers_keep_failure(workers *all, status outcome);

/* RECORD(all, db_...(all->db, ..., &all->err)) */
#define RECORD(all, call)                                                                                              \
    do {                                                                                                               \
        if ((all)->recording == STATUS_OK) workers_keep_failure((all), (call));                                        \
    } while (0)

/* --- workers_start.c --- */

/* Return whether a run is left to start; start runs while there is room. */
bool workers_may_start(workers *all);
void workers_start(workers *all);

/* Return whether a process and all of its runs have ended. After its last message, a process may need time to
 * release a device; do not wait for it. */
bool workers_is_free(child *process);

/* --- workers_record.c --- */

/* Process a worker's message and its bytes: show it when it arrives; record it when the database can be written. */
void workers_show_message(workers *all, job *one, const message *m, const void *bytes);
void workers_take_message(workers *all, job *one, const message *m, const void *bytes);

/* Update the row of a run that has ended, temporarily or finally. */
void workers_end_job(workers *all, job *one);

/* --- workers_lock.c: another program may lock the database --- */

/* Return whether rows can be written now: a transaction is open. */
bool workers_can_record(workers *all);
/* Commit the recorded rows, if that is possible now. */
void workers_commit(workers *all);
/* Return whether to stop waiting: the timeout has passed, or the shorter one after a stop. */
bool workers_have_waited(const workers *all);
/* Stop waiting: signal the workers to end, and record nothing more. */
void workers_abandon(workers *all);

/* --- workers_pending.c --- */

/* Keep the messages that could not be committed, up to each run's last checkpoint, in a file beside the database.
 * workers_take_pending reads it. */
status workers_keep_pending(const workers *all, error_info *err);

#endif
