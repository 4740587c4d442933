/* run_points.h - the points of a sweep and their runs in the database. */
#ifndef AFFJORD_RUNNER_RUN_POINTS_H
#define AFFJORD_RUNNER_RUN_POINTS_H

#include "plan/plan_index.h"
#include "record/results_db.h"

/* *current <- whether the database's rows of the experiment's points agree with the plan. Errors: those of the
 * database, STATUS_MEMORY. */
status run_points_read(results_db *db, const plan *runs, plan_index *index, const char *name, int64_t experiment,
                       bool *current, error_info *err);

/* Replace these rows. Errors: as above. */
status run_points_write(results_db *db, const plan *runs, plan_index *index, const char *name, int64_t experiment,
                        error_info *err);

#endif
