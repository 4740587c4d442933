/* rerun_choice.h - which finished runs of a database are computed again. */
#ifndef AFFJORD_RUNNER_RERUN_CHOICE_H
#define AFFJORD_RUNNER_RERUN_CHOICE_H

#include "compare/rerun.h"
#include "compare/stored_run.h"

typedef struct rerun_choice {
    size_t count;
    stored_run *items; /* (count), in the order in which they were chosen */
    size_t able; /* runs that could have been */
} rerun_choice;

/* Choose as was asked. Runs that cannot be computed again are counted and said, on the standard output. The caller
 * releases *out. Errors: STATUS_INVALID if the run asked for is not there, not finished, or cannot be; those of the
 * recorder. */
status rerun_choose(results_db *db, const rerun_request *request, rerun_choice *out, error_info *err);
void rerun_choice_release(rerun_choice *choice);

#endif
