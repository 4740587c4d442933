/* stored_run.h - prepare a run of the database for computing it again.
 *
 * The settings come from the table `setting`. The location of the data is not stored, because no number depends on
 * it. Toy densities are found by name, images in the data folder, tables of points through the files of the run's
 * experiments. The data must have the run's checksum. */
#ifndef AFFJORD_RUNNER_STORED_RUN_H
#define AFFJORD_RUNNER_STORED_RUN_H

#include "plan/plan.h"
#include "record/results_db.h"

typedef struct stored_run {
    db_run row;
    settings values;
    plan_dataset data;
    bool counted; /* a count of parameters, not a training */
} stored_run;

/* The data of earlier runs, so that each set is opened once. Initialise with {0}. */
typedef struct stored_data stored_data;
typedef struct stored_cache {
    size_t count;
    stored_data *items;
} stored_cache;
void stored_cache_release(stored_cache *cache);

/* Prepare `row`, a finished run. *able <- whether this program and machine can compute it again; if not, `reason`
 * has the reason, in the same words for all runs with the same reason. Errors: those of the recorder, STATUS_MEMORY. */
status stored_run_prepare(results_db *db, const db_run *row, stored_cache *cache, stored_run *out, bool *able,
                          error_info *reason, error_info *err);

#endif
