/* dry_run.h - the output of ./run FILE.ini --dry-run. */
#ifndef AFFJORD_RUNNER_DRY_RUN_H
#define AFFJORD_RUNNER_DRY_RUN_H

#include <stdio.h>

#include "plan/run_status.h"

/* Write the resolved settings that affect these runs, the changed settings without an effect, and each run with its
 * state. Errors: memory. */
status dry_run_write(const settings *base, const plan *runs, const run_status *list, const char *database, FILE *stream,
                     error_info *err);

#endif
