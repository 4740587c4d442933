/* workers.h - run trainings, several at a time, and record them in one process. Each run has a separate process; with a
 * device, one process trains all runs of points on it. */
#ifndef AFFJORD_RUNNER_WORKERS_H
#define AFFJORD_RUNNER_WORKERS_H

#include "plan/plan.h"
#include "record/results_db.h"
#include "system/signals.h"
#include "work/devices.h"
#include "work/progress.h"

typedef struct workers_spec {
    const plan *runs;
    db_run *const *states; /* (run_count), each with its number */
    const db_session *session; /* host, program and command; the device is each worker's */
    size_t jobs, threads; /* number of runs at a time; threads per process */
    const device_list *devices; /* to share the runs among; NULL: the processor */
    double lock_seconds; /* seconds to wait for another program's lock on the database */
} workers_spec;

/* The default of lock_timeout, in seconds. */
enum { WORKERS_LOCK_SECONDS = 300 };

typedef struct workers_result {
    size_t done, failed, interrupted; /* of the runs that were not finished before */
    bool stopped; /* by a signal */
    bool timed; /* by SIGALRM, which signals_read_after sent */
} workers_result;

/* Train every unfinished run, in the order of the plan. A failed run is marked with the reason, a message is printed,
 * and the others continue. The first signal makes the workers write checkpoints and end; the second kills them. While
 * another program locks the database, training continues and is recorded later. Errors: those of the database, after
 * which nothing is recorded and the workers end; STATUS_IO if the lock stays, and workers_take_pending of the next
 * start then records the results. */
status workers_run(const workers_spec *spec, results_db *db, const signals *events, progress *shown,
                   workers_result *out, error_info *err);

/* Record what an earlier workers_run could not because of another program's lock, up to the last checkpoint of each
 * run. Messages that do not continue the run's rows are dropped, and their iterations repeated. Call it before
 * reading the runs' states. */
status workers_take_pending(results_db *db, error_info *err);

#endif
