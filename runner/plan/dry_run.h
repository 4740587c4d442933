/* dry_run.h - what ./run FILE.ini --dry-run prints. */
#ifndef AFFJORD_RUNNER_DRY_RUN_H
#define AFFJORD_RUNNER_DRY_RUN_H

#include <stdio.h>

#include "plan/run_status.h"

/* Write the settings that play a part for these data, resolved, those that were set and play none, and each run with what
 * would be done about it. */
void dry_run_write(const settings *base, const plan *runs, const run_status *list, const char *database, FILE *stream);

#endif
