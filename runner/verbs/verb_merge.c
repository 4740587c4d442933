/* verb_merge.c - ./run merge: what tasks computed, into the database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/checkpoint_files.h"
#include "scale/merge.h"
#include "scale/shard.h"
#include "system/arguments.h"
#include "system/place.h"
#include "verbs/verbs.h"

typedef struct merge_request {
    const char *database, *folder;
    size_t shard_count;
    const char **shards;
    merge_options options;
} merge_request;

/* Another program's lock may be on one shard alone, which then waits for the next merge. */
static bool wait_for_lock(void *argument, const char *holder, double seconds) {
    bool *said = argument;
    if (!holder) return seconds < 10;
    if (!*said) fprintf(stderr, "Waiting for %s, which writes the database\n", holder);
    *said = true;
    return true;
}

static status merge_all(const merge_request *asked, recorder *book, merge_result *result, failure *why) {
    char standard[PLACE_PATH_MAX];
    shard_folder(recorder_path(book), standard);
    if (asked->shard_count == 0)
        return merge_folder(book, asked->folder ? asked->folder : standard, &asked->options, result, why);
    TRY(checkpoint_make_folder(recorder_path(book), why));
    for (size_t i = 0; i < asked->shard_count; i++)
        TRY(merge_shard(book, asked->shards[i], &asked->options, result, why));
    return merge_sweep(book, why);
}

static int merge(const merge_request *asked) {
    failure why = {""}, closing;
    recorder *book;
    bool said = asked->options.quiet;
    merge_result result = {.shards = 0};
    if (recorder_open(asked->database, wait_for_lock, &said, &book, &why) != STATUS_OK) return verb_failed(why.text);
    const status outcome = merge_all(asked, book, &result, &why);
    const status closed = recorder_close(&book, &closing);
    if (!asked->options.quiet) merge_say(&result, asked->database);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    if (closed != STATUS_OK) return verb_failed(closing.text);
    return result.refused > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run_merge(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    merge_request asked = {.database = NULL};
    failure why = {""};
    char standard[PLACE_PATH_MAX];
    const argument_option options[] = {
        {.name = "--db", .type = ARGUMENT_TEXT, .into = &asked.database},
        {.name = "--shards", .type = ARGUMENT_TEXT, .into = &asked.folder},
        {.name = "--remove", .type = ARGUMENT_FLAG, .into = &asked.options.remove},
        {.name = "--quiet", .type = ARGUMENT_FLAG, .into = &asked.options.quiet},
    };
    asked.shards = calloc((size_t)count + 1, sizeof *asked.shards);
    if (!asked.shards) return verb_failed("out of memory");
    int result;
    if (arguments_read(count, words, sizeof options / sizeof *options, options, (size_t)count, asked.shards,
                       &asked.shard_count, &why) != STATUS_OK) {
        result = verb_misused(&verb_merge, why.text);
    } else {
        place_path(PLACE_DATABASE, standard);
        if (!asked.database) asked.database = standard;
        result = merge(&asked);
    }
    free(asked.shards);
    return result;
}

const verb verb_merge = {
    .name = "merge",
    .summary = "take what tasks on other machines computed into the database",
    .usage = "usage: ./run merge [SHARD.db]... [--shards DIR] [--db PATH] [--remove] [--quiet]\n"
             "\n"
             "Copies the runs of shards (those named, or all of the folder shards beside the database) with their\n"
             "settings, numbers, pictures and checkpoints. A finished run stays as it is; of an unfinished one the\n"
             "later iteration is kept. Merging again changes nothing, and may be done while tasks still run.\n"
             "\n"
             "  --shards DIR   another folder of shards\n"
             "  --db PATH      the database (results/results.db); while another process writes it, wait\n"
             "  --remove       remove shards whose runs are all done, once they are in the database\n"
             "  --quiet        print nothing but errors\n",
    .run = run_merge};
