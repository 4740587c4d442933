/* workers.h - runs, several at a time, and one process that records: each run in a process of its own, or all runs of
 * points that are under way on a device in one that trains them there. */
#ifndef AFFJORD_RUNNER_WORKERS_H
#define AFFJORD_RUNNER_WORKERS_H

#include "plan/plan.h"
#include "record/results_db.h"
#include "system/signals.h"
#include "work/devices.h"
#include "work/progress.h"

typedef struct workers_spec {
    const plan *runs;
    const db_run *states; /* (run_count), each with its number */
    const db_session *session; /* where and how, but for the device the same for all */
    size_t jobs, threads; /* runs at a time; threads in each process */
    const device_list *devices; /* to share the runs among, which are all of points or all of images, and no more than
                                 * jobs; NULL for the processor */
    double lock_seconds; /* that another program may keep the database locked */
} workers_spec;

/* What workers_run waits for if nobody says, in seconds. */
enum { WORKERS_LOCK_SECONDS = 300 };

typedef struct workers_result {
    size_t done, failed, interrupted; /* of the runs that were not done before */
    bool stopped; /* by a signal */
    bool timed; /* by SIGALRM, which signals_read_after sent */
} workers_result;

/* Train every run that is not done, in the order of the plan. A run that fails
 * is marked so with the reason, said at once, and the others go on. The first
 * signal asks the workers to checkpoint and end, a second one kills them.
 * While another program keeps the database locked, the training goes on and is
 * recorded later. Errors: those of the database, after which nothing is recorded
 * any more and the workers are ended; STATUS_IO where that lock stays, after which
 * workers_take_pending of the next start has what was computed. */
status workers_run(const workers_spec *spec, results_db *db, const signals *events, progress *shown,
                   workers_result *out, error_info *err);

/* Record what an earlier workers_run could not, for the lock of another program, up to the last checkpoint of each run.
 * What does not follow on the run's rows is left out, and computed again. To be called before the runs' states are
 * read. */
status workers_take_pending(results_db *db, error_info *err);

#endif
