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

/* One run under way. */
typedef struct job {
    bool active;
    size_t index; /* of the run in the plan */
    child *trained_by;
    int pipe;
    message_reader reader;
    uint64_t iteration; /* reached */
    double started, heartbeat; /* seconds */
    uint64_t peak; /* bytes that its worker is known to have held */
    char checkpoint[CHECKPOINT_PATH_MAX]; /* the file that its committed row names; "" for none */
    bool littered; /* an older one could not be removed */
    recorder_state state; /* RUNNING until its last message */
    failure error;
} job;

typedef struct workers {
    const workers_spec *spec;
    recorder *book;
    const signals *events;
    progress *shown;
    job *jobs; /* (spec->jobs) */
    child *children; /* (spec->jobs) */
    struct pollfd *polled; /* (1 + spec->jobs) */
    size_t next; /* run of the plan to start next */
    size_t missing, given[DEVICES_MAX]; /* runs that were not done before; of these, started on each device so far */
    size_t active;
    bool *target_given; /* (dataset_count): some worker sends the data's own picture */
    int requests; /* signals so far */
    status recording; /* the recorder's first failure */
    failure *why;
    workers_result result;
} workers;

static inline const plan_run *workers_run_of(const workers *all, const job *one) {
    return &all->spec->runs->runs[one->index];
}

static inline const recorder_run *workers_state_of(const workers *all, const job *one) {
    return &all->spec->states[one->index];
}

static inline double workers_wall_seconds(const workers *all, const job *one) {
    return workers_state_of(all, one)->wall_seconds + clock_seconds() - one->started;
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

/* What a worker said, and what is behind it, into the database and onto the terminal. */
void workers_take_message(workers *all, job *one, const message *m, const void *bytes);

/* --- workers.c --- */

/* A run has ended, for now or for good, as its state says. */
void workers_end_job(workers *all, job *one);

#endif
