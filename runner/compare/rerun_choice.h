/* rerun_choice.h - choose the finished runs of a database to compute again. */
#ifndef AFFJORD_RUNNER_RERUN_CHOICE_H
#define AFFJORD_RUNNER_RERUN_CHOICE_H

#include "compare/rerun.h"
#include "compare/stored_run.h"

typedef struct rerun_choice {
    size_t count;
    stored_run *items; /* (count), in the order of the choice */
    size_t able; /* number of candidates */
} rerun_choice;

/* Choose the requested runs. Those that cannot be computed again are counted, with reasons, on the standard output.
 * The caller releases *out. Errors: STATUS_INVALID if the requested run is missing, unfinished, or cannot be
 * computed; those of the recorder. */
status rerun_choose(results_db *db, const rerun_request *request, rerun_choice *out, error_info *err);
void rerun_choice_release(rerun_choice *choice);

#endif
