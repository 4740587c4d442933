/* rerun_compare.h - compare a run with its repetition. */
#ifndef AFFJORD_RUNNER_RERUN_COMPARE_H
#define AFFJORD_RUNNER_RERUN_COMPARE_H

#include <stdio.h>

#include "record/results_db.h"

typedef struct rerun_tally {
    size_t same, different, missing; /* missing: it failed, or was stopped */
} rerun_tally;

/* Compare every reproducible loss and metric of `run` in both databases, write the result and count it. `all`: write
 * each value that differs in a bit, not only the first one outside of its tolerance. Errors: those of the recorder,
 * STATUS_MEMORY. */
status rerun_compare(results_db *recorded, results_db *again, const db_run *run, bool all, FILE *stream,
                     rerun_tally *tally, error_info *err);

#endif
