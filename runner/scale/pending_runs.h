/* pending_runs.h - the runs of a plan that have to be submitted: not done in the database or a shard, and neither
 * queued nor running. */
#ifndef AFFJORD_RUNNER_PENDING_RUNS_H
#define AFFJORD_RUNNER_PENDING_RUNS_H

#include "plan/run_status.h"
#include "scale/submitted_jobs.h"

typedef struct pending_query {
    const plan *runs;
    const run_status *list; /* of the database */
    const char *folder; /* of shards */
    const submitted_jobs *queue; /* the submitted tasks, with Slurm's queue; NULL: not read */
    bool interrupted_only; /* only runs that were interrupted and progressed since their submission */
} pending_query;

typedef struct pending_runs {
    size_t count; /* to submit */
    submitted_task *tasks; /* (count), in the order of the plan, with the iterations of their shards' checkpoints */
    size_t done, in_shards, at_work; /* the others: done in the database; done in shards; queued or running */
    size_t left; /* omitted by interrupted_only: failed, not started, or without progress */
} pending_runs;

/* Find them. The caller calls pending_runs_release. An unreadable shard counts as none; its task prints the reason.
 * Errors: STATUS_MEMORY. */
status pending_runs_find(const pending_query *query, pending_runs *out, error_info *err);
void pending_runs_release(pending_runs *list);

#endif
