/* checkpoint_files.h - paths of the checkpoints of a database's runs.
 *
 * Those of results/results.db are results/results.checkpoints/KEY-ITERATION.safetensors. The database's row names
 * the valid one; a newer file whose row was never committed is an orphan. */
#ifndef AFFJORD_RUNNER_CHECKPOINT_FILES_H
#define AFFJORD_RUNNER_CHECKPOINT_FILES_H

#include <limits.h>
#include <stdint.h>

#include "base/status.h"

/* The folder beside the database: its path without ".db", and ".checkpoints". */
void checkpoint_folder(const char *database, char out[PATH_MAX]);

/* Make the folder if it is not there. Errors: STATUS_IO naming it. */
status checkpoint_make_folder(const char *database, error_info *err);

/* A new checkpoint's path relative to the database's folder, as its row has it. */
void checkpoint_name(const char *database, const char *key, uint64_t iteration, char out[PATH_MAX]);

/* The path of such a relative one. */
void checkpoint_locate(const char *database, const char *name, char out[PATH_MAX]);

/* out <- the path of the batch of a failed iteration: results/results.failures/KEY-ITERATION.safetensors. Creates
 * its folder. Errors: STATUS_IO naming it. */
void checkpoint_failure_path(const char *database, const char *key, uint64_t iteration, char out[PATH_MAX]);
status checkpoint_make_failures(const char *database, error_info *err);

/* The file has this size and SHA-256. Errors, naming the path: STATUS_IO if
 * it cannot be read, STATUS_FORMAT if it is another. */
status checkpoint_verify(const char *path, uint64_t bytes, const char *sha256, error_info *err);

/* The size and SHA-256 of a file, as its row has them. Errors: STATUS_IO naming it. */
status checkpoint_describe(const char *path, uint64_t *bytes, char sha256[65], error_info *err);

/* The size of a file. Errors: STATUS_IO naming it. */
status checkpoint_measure(const char *path, uint64_t *bytes, error_info *err);

/* Visit the files of runs beside a database: checkpoints and batches of failed iterations, temporaries included. */
status checkpoint_each_file(const char *database,
                            status (*visit)(void *argument, const char *path, const char *key, error_info *err),
                            void *argument, error_info *err);

/* Remove the files of this key, temporaries included, other than the one of
 * this path ("": all). What cannot be removed stays: it is only in the way. */
void checkpoint_clean(const char *database, const char *key, const char *keep);

#endif
