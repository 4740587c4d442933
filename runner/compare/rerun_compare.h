/* rerun_compare.h - a run beside the same run computed again. */
#ifndef AFFJORD_RUNNER_RERUN_COMPARE_H
#define AFFJORD_RUNNER_RERUN_COMPARE_H

#include <stdio.h>

#include "record/results_db.h"

typedef struct rerun_tally {
    size_t same, different, missing; /* missing: it failed, or was stopped */
} rerun_tally;

/* Compare every loss and metric of `run` in both databases, as far as they are promised, write what came out and count
 * it. `all`: write each value that is not the same to the bit, not only the first that is too far. Errors: those of the
 * recorder, STATUS_MEMORY. */
status rerun_compare(results_db *recorded, results_db *again, const db_run *run, bool all, FILE *stream,
                     rerun_tally *tally, error_info *err);

#endif
