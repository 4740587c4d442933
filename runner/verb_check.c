/* verb_check.c - ./run check: whether a database and its checkpoints are whole. */
#include <inttypes.h>
#include <stdio.h>

#include "arguments.h"
#include "checkpoint_files.h"
#include "place.h"
#include "recorder.h"
#include "verbs.h"

typedef struct checking {
    const recorder *book;
    bool held; /* some process is writing */
    size_t faults, runs, checkpoints;
    size_t states[RUN_DONE + 1];
} checking;

static void count_fault(void *argument, const char *text) {
    checking *state = argument;
    state->faults++;
    printf("fault: %s\n", text);
}

static void check_checkpoint(checking *state, const recorder_run *run) {
    char path[CHECKPOINT_PATH_MAX];
    failure why;
    checkpoint_locate(recorder_path(state->book), run->checkpoint_path, path);
    state->checkpoints++;
    if (checkpoint_verify(path, run->checkpoint_bytes, run->checkpoint_sha256, &why) == STATUS_OK) return;
    failure text;
    failure_describe(&text, "run %s: %.900s", run->key, why.text);
    count_fault(state, text.text);
}

static status check_run(void *argument, const recorder_run *run, failure *why) {
    (void)why;
    checking *state = argument;
    failure text;
    state->runs++;
    state->states[run->state]++;
    /* While it runs, the file may be replaced by a newer one at any moment. */
    if (run->has_checkpoint && !(run->state == RUN_RUNNING && state->held)) check_checkpoint(state, run);
    /* A run of no iterations was a count of parameters. */
    if (run->state == RUN_DONE && !run->has_checkpoint && run->iterations > 0) {
        failure_describe(&text, "run %s is done, but has no checkpoint", run->key);
        count_fault(state, text.text);
    }
    if (run->state == RUN_RUNNING && !state->held)
        printf("note: run %s was left running by a process that died; the next start takes it up\n", run->key);
    if (run->state == RUN_FAILED) printf("note: run %s failed: %s\n", run->key, run->error);
    return STATUS_OK;
}

static int check(const char *database) {
    failure why = {""};
    recorder *book;
    if (recorder_open_reading(database, &book, &why) != STATUS_OK) return verb_failed(why.text);
    checking state = {.book = book, .held = recorder_is_held(recorder_path(book))};
    status outcome = recorder_check(book, count_fault, &state, &why);
    if (outcome == STATUS_OK) outcome = recorder_each_run(book, NULL, check_run, &state, &why);
    recorder_close(&book, NULL);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    printf("%s: %zu run%s", database, state.runs, state.runs == 1 ? "" : "s");
    for (recorder_state s = RUN_PLANNED; s <= RUN_DONE; s++)
        if (state.states[s] > 0) printf(", %zu %s", state.states[s], recorder_state_name(s));
    printf("; %zu checkpoint%s; ", state.checkpoints, state.checkpoints == 1 ? "" : "s");
    if (state.faults == 0) printf("all whole\n");
    else printf("%zu fault%s\n", state.faults, state.faults == 1 ? "" : "s");
    return state.faults == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* A run whose checkpoint is lost cannot go on; this lets it begin again. */
static status reset(recorder *book, const char *name, failure *why) {
    recorder_run run;
    TRY(recorder_resolve_run(book, name, &run, why));
    if (run.state == RUN_DONE)
        return fail(why, STATUS_INVALID, "run %s is done; nothing is to be begun again", run.key);
    TRY(recorder_reset_run(book, run.id, why));
    TRY(recorder_commit(book, why));
    printf("Run %s (%s %s, seed %" PRIu64 ") begins again at the next start\n", run.key, run.dataset, run.model,
           run.seed);
    return STATUS_OK;
}

static int restart(const char *database, const char *name) {
    failure why = {""};
    recorder *book;
    if (recorder_open(database, NULL, NULL, &book, &why) != STATUS_OK) return verb_failed(why.text);
    const status outcome = reset(book, name, &why);
    recorder_close(&book, NULL);
    if (outcome == STATUS_INVALID) return verb_misused(&verb_check, why.text);
    return outcome == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
}

static int run_check(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    const char *database = NULL, *restarted = NULL;
    size_t others;
    failure why = {""};
    char standard[PLACE_PATH_MAX];
    const argument_option options[] = {{.name = "--db", .type = ARGUMENT_TEXT, .into = &database},
                                       {.name = "--restart", .type = ARGUMENT_TEXT, .into = &restarted}};
    if (arguments_read(count, words, 2, options, 0, NULL, &others, &why) != STATUS_OK)
        return verb_misused(&verb_check, why.text);
    place_path(PLACE_DATABASE, standard);
    if (!database) database = standard;
    return restarted ? restart(database, restarted) : check(database);
}

const verb verb_check = {
    .name = "check",
    .summary = "whether the database and its checkpoints are whole",
    .usage = "usage: ./run check [--db PATH]\n"
             "       ./run check --restart RUN [--db PATH]\n"
             "\n"
             "Checks the structure of the database, and each checkpoint against its checksum. Exit status 1 if there\n"
             "is a fault.\n"
             "\n"
             "  --restart RUN  forget what an unfinished run has done, so that the next start begins it again; the\n"
             "                 way out when its checkpoint is lost\n",
    .run = run_check};
