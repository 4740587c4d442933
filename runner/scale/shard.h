/* shard.h - the databases of single tasks.
 *
 * A task computes one run and writes a separate database, its shard, so that tasks on many machines share no file. The
 * shards of results/results.db are
 *
 *     results/shards/4f/4f0c...e1.db             by the run's key, in a folder for its first two digits
 *     results/shards/4f/4f0c...e1.checkpoints/   its checkpoints
 *     results/shards/4f/4f0c...e1.log            output of the task
 *
 * ./run merge copies them into the database. */
#ifndef AFFJORD_RUNNER_SHARD_H
#define AFFJORD_RUNNER_SHARD_H

#include "record/results_db.h"
#include "system/paths.h"

/* Set the folder of a database's shards: "shards" beside it. */
void shard_folder(const char *database, char out[PATH_MAX]);

/* Set the paths of a run's task. Errors: STATUS_INVALID for a path that is too long. */
status shard_path(const char *folder, const char *key, const char *ending, char out[PATH_MAX], error_info *err);
#define SHARD_DATABASE ".db"
#define SHARD_LOG ".log"

/* Create a folder and its parents; create the folder of a run's files. Errors: STATUS_IO with the path. */
status shard_make_folder(const char *folder, error_info *err);
status shard_make_place(const char *folder, const char *key, error_info *err);

/* The status of a run in its shard. */
typedef struct shard_state {
    db_run run; /* id 0: no shard, or nothing in it yet */
    db_place place;
    bool locked; /* a task of this machine has it open */
} shard_state;

/* Read the shard of a run. Errors: those of the database. */
status shard_status(const char *folder, const char *key, shard_state *out, error_info *err);

/* Visit the files of a folder of shards with this ending, in the order of their names; none if the folder is missing.
 * Errors: STATUS_IO. */
status shard_each(const char *folder, const char *ending,
                  status (*visit)(void *argument, const char *path, const char *key, error_info *err), void *argument,
                  error_info *err);

#endif
