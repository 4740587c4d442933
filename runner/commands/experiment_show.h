/* experiment_show.h - the final table and figures of ./run FILE.ini. */
#ifndef AFFJORD_RUNNER_EXPERIMENT_SHOW_H
#define AFFJORD_RUNNER_EXPERIMENT_SHOW_H

#include "plan/plan.h"

/* Print the table of the experiment's task, discarded if `quiet`, then draw the figures: if runs were computed, or some
 * are missing. *broken <- number of theorem checks that failed; *drawn <- false, after a message, if a figure could not
 * be drawn. Errors: those of the database. */
status experiment_show(const settings *values, const plan *runs, const char *database, bool quiet, bool computed,
                       size_t *broken, bool *drawn, error_info *err);

#endif
