/* pending_runs.c - the runs of a plan that have to be submitted. */
#include "scale/pending_runs.h"

#include <stdio.h>
#include <stdlib.h>

#include "scale/shard.h"

typedef enum standing { STANDING_MISSING, STANDING_DONE, STANDING_IN_SHARD, STANDING_AT_WORK, STANDING_LEFT } standing;

/* Resubmit a stopped run automatically if it made progress. A run that failed, or ended before its first checkpoint,
 * would probably do so again. */
static bool has_advanced(const shard_state *shard, const submitted_task *before) {
    if (shard->run.id == 0 || shard->run.state == RUN_FAILED || !shard->run.has_checkpoint) return false;
    return !before || shard->run.checkpoint_iteration > before->iteration;
}

static standing stand(const pending_query *query, size_t index, shard_state *shard) {
    const plan_run *run = &query->runs->runs[index];
    const db_run *row = query->list->runs[index];
    const submitted_task *before = query->queue ? submitted_find(query->queue, run->key) : NULL;
    error_info ignored;
    if (row->id != 0 && row->state == RUN_DONE) return STANDING_DONE;
    if (shard_status(query->folder, run->key, shard, &ignored) != STATUS_OK) shard->run.id = 0;
    if (shard->run.id != 0 && shard->run.state == RUN_DONE) return STANDING_IN_SHARD;
    if (shard->locked || (before && before->queued)) return STANDING_AT_WORK;
    return query->interrupted_only && !has_advanced(shard, before) ? STANDING_LEFT : STANDING_MISSING;
}

status pending_runs_find(const pending_query *query, pending_runs *out, error_info *err) {
    pending_runs list = {.tasks = calloc(query->runs->run_count, sizeof *list.tasks)};
    if (!list.tasks) return error_set(err, STATUS_MEMORY, "out of memory");
    for (size_t i = 0; i < query->runs->run_count; i++) {
        shard_state shard = {.locked = false};
        submitted_task *task = &list.tasks[list.count];
        switch (stand(query, i, &shard)) {
        case STANDING_DONE: list.done++; break;
        case STANDING_IN_SHARD: list.in_shards++; break;
        case STANDING_AT_WORK: list.at_work++; break;
        case STANDING_LEFT: list.left++; break;
        case STANDING_MISSING:
            snprintf(task->key, sizeof task->key, "%s", query->runs->runs[i].key);
            task->iteration = shard.run.id != 0 && shard.run.has_checkpoint ? shard.run.checkpoint_iteration : 0;
            list.count++;
            break;
        }
    }
    *out = list;
    return STATUS_OK;
}

void pending_runs_release(pending_runs *list) {
    free(list->tasks);
    *list = (pending_runs){.count = 0};
}
