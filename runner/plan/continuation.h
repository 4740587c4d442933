/* continuation.h - runs that begin where finished runs with fewer iterations end.
 *
 * A run of N iterations is the beginning of a run of M > N iterations with the same other settings, data and seed: all
 * random draws are functions of the iteration. So the longer run starts at the last checkpoint of the longest such run,
 * and its results are bit-identical to those of an uninterrupted run. This does not apply to train.decay = cosine,
 * where every learning rate depends on the number of iterations. */
#ifndef AFFJORD_RUNNER_CONTINUATION_H
#define AFFJORD_RUNNER_CONTINUATION_H

#include <stdio.h>

#include "plan/run_status.h"

/* Find for each run that is not done the finished run from which it may continue, if that saves iterations:
 * list->sources. Writes nothing. Errors: those of the database, STATUS_MEMORY. */
status continuation_find(results_db *db, const plan *runs, run_status *list, error_info *err);

/* Start these runs at their sources: write their checkpoints and rows, commit, and read the rows again. If a source has
 * no usable checkpoint, `notes` gets a line, and the run starts at iteration 0. Errors: those of the database,
 * STATUS_MEMORY. */
status continuation_apply(results_db *db, const plan *runs, run_status *list, FILE *notes, error_info *err);

#endif
