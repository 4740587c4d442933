/* scheduler.h - submits a plan to a scheduler, which runs tasks on many machines.
 *
 * Slurm gets a job array for the pending runs, and a job that depends on it. That job merges the shards and resubmits
 * runs that a time limit stopped. For other schedulers, write a list of independent commands. */
#ifndef AFFJORD_RUNNER_SCHEDULER_H
#define AFFJORD_RUNNER_SCHEDULER_H

#include "plan/run_status.h"
#include "scale/task_command.h"

typedef struct scheduler_request {
    const char *file, *database, *shards, *seeds, *device; /* NULL: not given */
    const argument_texts *set, *where;
    uint64_t threads;
    /* Of Slurm: */
    const argument_texts *options, *merge_options; /* for sbatch; without merge_options, the same for the merging job */
    uint64_t array_size; /* tasks in an array at most */
    bool again; /* called by the merging job */
    bool quiet;
} scheduler_request;

/* Write a command, one line of a POSIX shell, for each pending run.
 * Errors: STATUS_IO, STATUS_MEMORY. */
status scheduler_write_commands(const scheduler_request *request, const plan *runs, const run_status *list,
                                FILE *stream, error_info *err);

/* Submit the pending runs to Slurm and print a summary. The caller has locked the database, so that two processes
 * cannot submit at once. */
status scheduler_submit(const scheduler_request *request, const char *experiment, const plan *runs,
                        const run_status *list, error_info *err);

#endif
