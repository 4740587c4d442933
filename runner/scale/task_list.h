/* task_list.h - the tasks of ./run list: queued, running, failed, done. */
#ifndef AFFJORD_RUNNER_TASK_LIST_H
#define AFFJORD_RUNNER_TASK_LIST_H

#include <stdio.h>

#include "record/results_db.h"

/* Write a line for each unfinished task and the number of tasks in each state, from the shards of a folder, the lists
 * of submitted jobs, and Slurm's queue if there is one. Writes nothing if there are no tasks. `db` (may be NULL) is
 * read for the data set and model of tasks without a shard. Errors: STATUS_IO, STATUS_MEMORY. */
status task_list_write(results_db *db, const char *folder, FILE *stream, error_info *err);

#endif
