/* command_merge.c - ./run merge: copies shards into the database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "record/checkpoint_files.h"
#include "scale/merge.h"
#include "scale/shard.h"
#include "system/paths.h"

typedef struct merge_request {
    const char *database, *folder;
    size_t shard_count;
    const char **shards;
    merge_options options;
} merge_request;

/* Another program may lock one shard; the next merge then copies it. */
static bool wait_for_lock(void *argument, const char *holder, double seconds) {
    bool *printed = argument;
    if (!holder) return seconds < 10;
    if (!*printed) fprintf(stderr, "Waiting for %s, which writes the database\n", holder);
    *printed = true;
    return true;
}

static status merge_all(const merge_request *args, results_db *db, merge_result *result, error_info *err) {
    char standard[PATH_MAX];
    shard_folder(db_path(db), standard);
    if (args->shard_count == 0)
        return merge_folder(db, args->folder ? args->folder : standard, &args->options, result, err);
    TRY(checkpoint_make_folder(db_path(db), err));
    for (size_t i = 0; i < args->shard_count; i++) TRY(merge_shard(db, args->shards[i], &args->options, result, err));
    return merge_sweep(db, err);
}

static int merge(const merge_request *args) {
    error_info err = {""}, closing;
    results_db *db;
    bool printed = args->options.quiet;
    merge_result result = {.shards = 0};
    if (db_open(args->database, wait_for_lock, &printed, &db, &err) != STATUS_OK) return command_failed(err.text);
    const status outcome = merge_all(args, db, &result, &err);
    const status closed = db_close(&db, &closing);
    if (!args->options.quiet) print_merge(&result, args->database);
    if (outcome != STATUS_OK) return command_failed(err.text);
    if (closed != STATUS_OK) return command_failed(closing.text);
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
    merge_request args = {.database = NULL};
    error_info err = {""};
    char standard[PATH_MAX];
    args.shards = calloc((size_t)count + 1, sizeof *args.shards);
    if (!args.shards) return command_failed("out of memory");
    int result;
    if (command_read(&command_merge, count, words, &args, (size_t)count, args.shards, &args.shard_count, &err) !=
        STATUS_OK) {
        result = usage_error(&command_merge, err.text);
    } else {
        install_path(DEFAULT_DATABASE, standard);
        if (!args.database) args.database = standard;
        result = merge(&args);
    }
    free(args.shards);
    return result;
}

const command command_merge = {
    .name = "merge",
    .summary = "merge the shards that tasks on other machines wrote into the database",
    .forms = (const char *const[]){"[SHARD.db]... [OPTION]...", NULL},
    .text =
        "Copies the runs of shards (those named, or all in the folder of shards) with their settings, numbers, "
        "pictures and checkpoints. A finished run in the database is not changed; if the shard has the same run with "
        "the same losses to the bit, numbers that the database lacks are added. For an unfinished run, the later "
        "iteration wins. A second merge changes nothing, and you can merge while tasks still run.",
    OPTIONS(options),
    .run = run_merge};
