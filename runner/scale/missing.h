/* missing.h - the runs of a plan that are to be handed to an engine: what neither the database nor a shard has, and no
 * task is at work on. */
#ifndef AFFJORD_RUNNER_MISSING_H
#define AFFJORD_RUNNER_MISSING_H

#include "plan/enrolment.h"
#include "scale/handed.h"

typedef struct missing_query {
    const plan *runs;
    const enrolment *list; /* what the database has */
    const char *folder; /* of shards */
    const handed *queue; /* what was handed over, with Slurm's queue; NULL: nobody asked it */
    bool interrupted_only; /* those that were stopped after they had come further than when they were handed over */
} missing_query;

typedef struct missing {
    size_t count; /* to be handed over */
    handed_task *tasks; /* (count), in the order of the plan, with the iterations of their shards' checkpoints */
    size_t done, in_shards, at_work; /* the others: in the database; done in shards; queued or running */
    size_t left; /* those that interrupted_only leaves: failed, not begun, or no further than before */
} missing;

/* The caller calls missing_release. A shard that cannot be read counts as none; its task will say why. Errors: STATUS_MEMORY. */
status missing_find(const missing_query *query, missing *out, failure *why);
void missing_release(missing *list);

#endif
