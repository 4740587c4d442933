/* checkpoint_files.h - paths of the checkpoints of a database's runs.
 *
 * Those of results/results.db are results/results.checkpoints/KEY-ITERATION.safetensors. The database's row names
 * the valid one; a newer file whose row was never committed is an orphan. */
#ifndef AFFJORD_RUNNER_CHECKPOINT_FILES_H
#define AFFJORD_RUNNER_CHECKPOINT_FILES_H

#include <limits.h>
#include <stdint.h>

#include "base/status.h"

/* Set the folder of the checkpoints: the database's path without ".db", and ".checkpoints". */
void checkpoint_folder(const char *database, char out[PATH_MAX]);

/* Create the folder if it is missing. Errors: STATUS_IO with its path. */
status checkpoint_make_folder(const char *database, error_info *err);

/* Set a new checkpoint's path relative to the database's folder, as stored in its row. */
void checkpoint_name(const char *database, const char *key, uint64_t iteration, char out[PATH_MAX]);

/* Set the full path of such a relative path. */
void checkpoint_locate(const char *database, const char *name, char out[PATH_MAX]);

/* out <- the path of the batch of a failed iteration: results/results.failures/KEY-ITERATION.safetensors. Creates
 * its folder. Errors: STATUS_IO naming it. */
void checkpoint_failure_path(const char *database, const char *key, uint64_t iteration, char out[PATH_MAX]);
status checkpoint_make_failures(const char *database, error_info *err);

/* Check that the file has this size and SHA-256. Errors, with the path: STATUS_IO if it cannot be read, STATUS_FORMAT
 * if it differs. */
status checkpoint_verify(const char *path, uint64_t bytes, const char *sha256, error_info *err);

/* Compute the size and SHA-256 of a file for its row. Errors: STATUS_IO with its path. */
status checkpoint_describe(const char *path, uint64_t *bytes, char sha256[65], error_info *err);

/* Get the size of a file. Errors: STATUS_IO with its path. */
status checkpoint_measure(const char *path, uint64_t *bytes, error_info *err);

/* Visit the files of runs beside a database: checkpoints and batches of failed iterations, temporaries included. */
status checkpoint_each_file(const char *database,
                            status (*visit)(void *argument, const char *path, const char *key, error_info *err),
                            void *argument, error_info *err);

/* Remove the files of this key, temporaries included, other than the one of this path ("": all). Failures are ignored:
 * remaining files are harmless. */
void checkpoint_clean(const char *database, const char *key, const char *keep);

#endif
