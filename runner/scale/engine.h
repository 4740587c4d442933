/* engine.h - a plan handed to an engine that runs tasks on many machines.
 *
 * There is no engine here. Slurm gets a job array for the runs that are
 * missing, and a job that depends on it: that one merges the shards, and hands
 * over again what was stopped by its time limit. Any other engine gets a list
 * of commands that do not depend on each other. */
#ifndef AFFJORD_RUNNER_ENGINE_H
#define AFFJORD_RUNNER_ENGINE_H

#include "plan/enrolment.h"
#include "scale/task_command.h"

typedef struct engine_request {
    const char *file, *database, *shards, *seeds, *device; /* NULL: not said */
    const argument_texts *set;
    uint64_t threads;
    /* Of Slurm: */
    const argument_texts *options, *merge_options; /* for sbatch; without merge_options, the same for the merging job */
    uint64_t array_size; /* tasks in an array at most */
    bool again; /* called by the merging job */
    bool quiet;
} engine_request;

/* Write a command, one line of a POSIX shell, for each run that is missing.
 * Errors: STATUS_IO, STATUS_MEMORY. */
status engine_write_commands(const engine_request *asked, const plan *runs, const enrolment *list, FILE *stream,
                             failure *why);

/* Submit what is missing to Slurm, and say what was done. The caller holds the
 * database, so that no two submit at once. */
status engine_submit(const engine_request *asked, const char *experiment, const plan *runs, const enrolment *list,
                     failure *why);

#endif
