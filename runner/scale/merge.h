/* merge.h - merges shards into a database: rows and checkpoint files. */
#ifndef AFFJORD_RUNNER_MERGE_H
#define AFFJORD_RUNNER_MERGE_H

#include "record/results_db.h"

typedef struct merge_result {
    uint64_t shards; /* read */
    uint64_t runs; /* copied into the database */
    uint64_t completed; /* finished runs of the database that got numbers they lacked */
    uint64_t differing; /* finished runs that lack numbers, with losses that differ from the shard's */
    uint64_t unfinished; /* runs of the shards that are not done */
    uint64_t refused; /* shards that could not be merged; a message was printed for each */
    uint64_t removed;
} merge_result;

typedef struct merge_options {
    bool remove; /* remove shards whose runs are all finished and merged */
    bool quiet; /* print errors only */
} merge_options;

/* Merge the database at `path`, in a separate transaction. A shard that cannot be merged is counted as refused, after a
 * message. Errors: those that would affect other shards too. */
status merge_shard(results_db *db, const char *path, const merge_options *options, merge_result *result,
                   error_info *err);

/* Merge all shards of a folder, in the order of their keys; then sweep. */
status merge_folder(results_db *db, const char *folder, const merge_options *options, merge_result *result,
                    error_info *err);

/* Remove checkpoints of the database's runs that no row names: older ones of runs that were merged again, and files of
 * a killed merge. */
status merge_sweep(results_db *db, error_info *err);

/* Print "12 shards: 3 runs merged, ...". */
void print_merge(const merge_result *result, const char *database);

#endif
