/* verb_merge.c - ./run merge: copies shards into the database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/checkpoint_files.h"
#include "scale/merge.h"
#include "scale/shard.h"
#include "system/paths.h"
#include "verbs/options.h"
#include "verbs/verbs.h"

typedef struct merge_request {
    const char *database, *folder;
    size_t shard_count;
    const char **shards;
    merge_options options;
} merge_request;

/* Another program may lock one shard; the next merge then copies it. */
static bool wait_for_lock(void *argument, const char *holder, double seconds) {
    bool *said = argument;
    if (!holder) return seconds < 10;
    if (!*said) fprintf(stderr, "Waiting for %s, which writes the database\n", holder);
    *said = true;
    return true;
}

static status merge_all(const merge_request *asked, results_db *db, merge_result *result, error_info *err) {
    char standard[PATH_MAX];
    shard_folder(db_path(db), standard);
    if (asked->shard_count == 0)
        return merge_folder(db, asked->folder ? asked->folder : standard, &asked->options, result, err);
    TRY(checkpoint_make_folder(db_path(db), err));
    for (size_t i = 0; i < asked->shard_count; i++)
        TRY(merge_shard(db, asked->shards[i], &asked->options, result, err));
    return merge_sweep(db, err);
}

static int merge(const merge_request *asked) {
    error_info err = {""}, closing;
    results_db *db;
    bool said = asked->options.quiet;
    merge_result result = {.shards = 0};
    if (db_open(asked->database, wait_for_lock, &said, &db, &err) != STATUS_OK) return verb_failed(err.text);
    const status outcome = merge_all(asked, db, &result, &err);
    const status closed = db_close(&db, &closing);
    if (!asked->options.quiet) print_merge(&result, asked->database);
    if (outcome != STATUS_OK) return verb_failed(err.text);
    if (closed != STATUS_OK) return verb_failed(closing.text);
    return result.refused > 0 ? EXIT_FAILED : EXIT_DONE;
}

static const argument_option options[] = {
    OPTION_DATABASE(merge_request),
    OPTION_TEXT(merge_request, folder, "--shards", "DIR", "the folder of shards (shards, beside the database)"),
    OPTION_FLAG(merge_request, options.remove, "--remove", "remove shards whose runs are all done and merged"),
    OPTION_FLAG(merge_request, options.quiet, "--quiet", "print errors only")};

static int run_merge(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    merge_request asked = {.database = NULL};
    error_info err = {""};
    char standard[PATH_MAX];
    asked.shards = calloc((size_t)count + 1, sizeof *asked.shards);
    if (!asked.shards) return verb_failed("out of memory");
    int result;
    if (verb_read(&verb_merge, count, words, &asked, (size_t)count, asked.shards, &asked.shard_count, &err) !=
        STATUS_OK) {
        result = usage_error(&verb_merge, err.text);
    } else {
        install_path(DEFAULT_DATABASE, standard);
        if (!asked.database) asked.database = standard;
        result = merge(&asked);
    }
    free(asked.shards);
    return result;
}

const verb verb_merge = {
    .name = "merge",
    .summary = "merge the shards that tasks on other machines wrote into the database",
    .forms = (const char *const[]){"[SHARD.db]... [OPTION]...", NULL},
    .text = "Copies the runs of shards (those named, or all in the folder of shards) with their settings, numbers, "
            "pictures and checkpoints. Finished runs in the database are not changed; for an unfinished run, the later "
            "iteration wins. A second merge changes nothing, and you can merge while tasks still run.",
    OPTIONS(options),
    .run = run_merge};
