/* task_list.h - what ./run list says of tasks: queued, running, failed, done. */
#ifndef AFFJORD_RUNNER_TASK_LIST_H
#define AFFJORD_RUNNER_TASK_LIST_H

#include <stdio.h>

#include "record/recorder.h"

/* Write a line for each task that is not done, and how many are in each state,
 * from the shards of a folder, the lists of what was handed to Slurm, and its
 * queue where there is one. Nothing is written where no task has left a trace.
 * `book` (may be NULL) tells the data and model of those that wrote nothing yet.
 * Errors: STATUS_IO, STATUS_MEMORY. */
status task_list_write(recorder *book, const char *folder, FILE *stream, failure *why);

#endif
