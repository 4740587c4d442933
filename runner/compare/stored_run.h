/* stored_run.h - a run as the database has it, made ready to be computed again.
 *
 * The settings come from the table `setting`; what is not stored, as it changes
 * no number, is where the data lies. Toy densities are found by their name,
 * images in the folder of data, tables of points through the files of the run's
 * experiments; whatever is found must have the checksum that the run has. */
#ifndef AFFJORD_RUNNER_STORED_RUN_H
#define AFFJORD_RUNNER_STORED_RUN_H

#include "plan/plan.h"
#include "record/results_db.h"

typedef struct stored_run {
    db_run row;
    settings values;
    plan_dataset data;
    bool counted; /* it was a count of parameters, no training */
} stored_run;

/* What was found of the data of earlier runs, so that a set is opened once. Start with {0}. */
typedef struct stored_data stored_data;
typedef struct stored_cache {
    size_t count;
    stored_data *items;
} stored_cache;
void stored_cache_release(stored_cache *cache);

/* Make `row`, a finished run, ready. *able <- whether it can be computed again by this program and on this machine;
 * otherwise `reason` says why not, in the same words for all runs of which the same holds. Errors: those of the
 * recorder, STATUS_MEMORY. */
status stored_run_prepare(results_db *db, const db_run *row, stored_cache *cache, stored_run *out, bool *able,
                          error_info *reason, error_info *err);

#endif
