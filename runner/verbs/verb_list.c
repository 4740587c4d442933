/* verb_list.c - ./run list: experiments and runs with their state, and devices. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/recorder.h"
#include "scale/shard.h"
#include "scale/task_list.h"
#include "system/paths.h"
#include "verbs/options.h"
#include "verbs/verbs.h"
#include "work/devices.h"

static void write_experiment(void *argument, const recorder_summary *row) {
    FILE *stream = argument;
    fprintf(stream, "%-20s %5" PRIu64 " %5" PRIu64 " %7" PRIu64 " %11" PRIu64 " %6" PRIu64 "  %s  %s\n", row->name,
            row->runs, row->done, row->running, row->interrupted, row->failed, row->updated, row->title);
}

static status list_experiments(recorder *book, failure *why) {
    printf("%-20s %5s %5s %7s %11s %6s  %-20s  %s\n", "experiment", "runs", "done", "running", "interrupted", "failed",
           "last started", "title");
    return recorder_each_experiment(book, write_experiment, stdout, why);
}

/* Whether some process writes the database: otherwise no run is running. */
typedef struct listing {
    bool held;
} listing;

static status write_run(void *argument, const recorder_run *run, failure *why) {
    (void)why;
    const listing *state = argument;
    const bool dead = run->state == RUN_RUNNING && !state->held;
    char progress[64];
    snprintf(progress, sizeof progress, "%" PRIu64 "/%" PRIu64, run->iteration, run->iterations);
    printf("%5" PRId64 "  %.12s  %-16s %-16s %6" PRIu64 "  %-11s %15s  %s\n", run->id, run->key, run->dataset,
           run->model, run->seed, dead ? "interrupted" : recorder_state_name(run->state), progress,
           run->state == RUN_FAILED ? run->error : "");
    return STATUS_OK;
}

static status list_runs(recorder *book, failure *why) {
    listing state = {.held = recorder_is_held(recorder_path(book))};
    printf("%5s  %-12s  %-16s %-16s %6s  %-11s %15s\n", "run", "key", "data", "model", "seed", "state", "iterations");
    return recorder_each_run(book, NULL, write_run, &state, why);
}

typedef struct request {
    const char *database, *folder;
} request;

static const argument_option options[] = {
    OPTION_DATABASE(request),
    OPTION_TEXT(request, folder, "--shards", "DIR", "the folder of shards (shards, beside the database)")};

static int run_list(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    const char *what = NULL;
    request asked = {.database = NULL};
    size_t others;
    failure why = {""};
    char standard[PATH_MAX], beside[PATH_MAX];
    recorder *book = NULL;
    if (verb_read(&verb_list, count, words, &asked, 1, &what, &others, &why) != STATUS_OK)
        return usage_error(&verb_list, why.text);
    const bool experiments = !what || strcmp(what, "experiments") == 0, runs = !what || strcmp(what, "runs") == 0,
               tasks = !what || strcmp(what, "tasks") == 0;
    if (what && strcmp(what, "devices") == 0) {
        devices_write(stdout);
        return EXIT_DONE;
    }
    if (!experiments && !runs && !tasks) {
        failure_describe(&why, "list %.100s: expected experiments, runs, tasks or devices", what);
        return usage_error(&verb_list, why.text);
    }
    install_path(DEFAULT_DATABASE, standard);
    const char *database = asked.database ? asked.database : standard;
    shard_folder(database, beside);
    const char *folder = asked.folder ? asked.folder : beside;
    /* Tasks may start before the database exists. */
    if (!(tasks && access(database, F_OK) != 0 && access(folder, F_OK) == 0) &&
        recorder_open_reading(database, &book, &why) != STATUS_OK)
        return verb_failed(why.text);
    status outcome = STATUS_OK;
    if (book && experiments) outcome = list_experiments(book, &why);
    if (book && experiments && runs) putchar('\n');
    if (book && runs && outcome == STATUS_OK) outcome = list_runs(book, &why);
    if (book && tasks && (experiments || runs) && access(folder, F_OK) == 0) putchar('\n');
    if (tasks && outcome == STATUS_OK) outcome = task_list_write(book, folder, stdout, &why);
    recorder_close(&book, NULL);
    return outcome == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
}

const verb verb_list = {
    .name = "list",
    .summary = "list experiments, runs, tasks on other machines, or devices",
    .forms = (const char *const[]){"[experiments|runs|tasks|devices] [OPTION]...", NULL},
    .words = "experiments runs tasks devices",
    .text = "tasks: the tasks that were submitted to other machines, from their shards and, with Slurm, its queue; for "
            "failed tasks the last lines of their logs.\n\n"
            "devices: the names that --device accepts on this machine, or why there is no GPU.",
    OPTIONS(options),
    .run = run_list};
