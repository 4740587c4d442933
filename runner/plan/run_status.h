/* run_status.h - the runs of a plan joined with the database.
 *
 * An experiment's runs in the database are those of its latest settings. Runs
 * with other settings (--set, an edited file) leave the experiment, because its
 * figures would average over both. They stay in the database under their keys.
 * Runs of other seeds with the same settings remain members. */
#ifndef AFFJORD_RUNNER_RUN_STATUS_H
#define AFFJORD_RUNNER_RUN_STATUS_H

#include "plan/plan.h"
#include "record/results_db.h"

typedef struct run_status {
    size_t count; /* number of the plan's runs */
    db_run **runs; /* (count), in their order; for a missing run, a common row with id 0, which is never changed */
    size_t done; /* number of finished runs */
    /* (count): the finished run that one continues (continuation.h), NULL where there is none; NULL: not looked for */
    db_run **sources;
    size_t by_decay; /* runs that train.decay keeps from continuing one */
    size_t outdated_count; /* runs with older settings that are still members of the experiment */
    int64_t *outdated;
    bool current; /* run_status_write() has nothing to write */
} run_status;

/* Read the status of the plan's runs. The caller destroys *out. Errors: those of the database, STATUS_MEMORY. */
status run_status_read(results_db *db, const plan *runs, const db_experiment *experiment, run_status **out,
                       error_info *err);

/* Write the experiment and its missing runs with their settings, then read. */
status run_status_write(results_db *db, const plan *runs, const db_experiment *experiment, run_status **out,
                        error_info *err);

/* Return the status without a database: no run is done. */
status run_status_empty(const plan *runs, run_status **out, error_info *err);

/* *out <- a copy of a row, for the lists above. Errors: STATUS_MEMORY. */
status run_status_keep(const db_run *row, db_run **out, error_info *err);

void run_status_destroy(run_status **list);

#endif
