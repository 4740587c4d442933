/* verb_check.c - ./run check: whether a database is whole, and its numbers are those that were recorded or come out
 * again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "compare/compare.h"
#include "compare/rerun.h"
#include "record/checkpoint_files.h"
#include "record/recorder.h"
#include "system/arguments.h"
#include "system/output.h"
#include "system/place.h"
#include "verbs/verbs.h"

#define PLACE_BASELINES "tests/baselines"

enum { SAMPLE_MAX = 100000, JOBS_MAX = 1024, THREADS_MAX = 256 };

/* What the command line says. */
typedef struct request {
    const char *positional, *database, *baselines, *record, *run, *restart, *experiment;
    uint64_t sample, seed, jobs, threads;
    bool force, verbose;
} request;

/* --- Whether it is whole --- */

typedef struct checking {
    const recorder *book;
    bool held; /* some process is writing */
    char archived[32]; /* when its checkpoints were left out; "" if they were not */
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
    if (run->state == RUN_DONE && !run->has_checkpoint && run->iterations > 0 && !*state->archived) {
        failure_describe(&text, "run %s is done, but has no checkpoint", run->key);
        count_fault(state, text.text);
    }
    if (run->state == RUN_RUNNING && !state->held)
        printf("note: run %s was left running by a process that died; the next start takes it up\n", run->key);
    if (run->state == RUN_FAILED) printf("note: run %s failed: %s\n", run->key, run->error);
    return STATUS_OK;
}

static void write_states(const checking *state, const char *database) {
    printf("%s: %zu run%s", database, state->runs, state->runs == 1 ? "" : "s");
    for (recorder_state s = RUN_PLANNED; s <= RUN_DONE; s++)
        if (state->states[s] > 0) printf(", %zu %s", state->states[s], recorder_state_name(s));
    printf("; %zu checkpoint%s; ", state->checkpoints, state->checkpoints == 1 ? "" : "s");
    if (*state->archived) printf("archived at %s without checkpoints; ", state->archived);
    if (state->faults == 0) printf("all whole\n");
    else printf("%zu fault%s\n", state->faults, state->faults == 1 ? "" : "s");
}

static status check_whole(recorder *book, const char *database, bool *good, failure *why) {
    checking state = {.book = book, .held = recorder_is_held(recorder_path(book))};
    TRY(recorder_archive_date(book, state.archived, why));
    TRY(recorder_check(book, count_fault, &state, why));
    TRY(recorder_each_run(book, NULL, check_run, &state, why));
    write_states(&state, database);
    *good = state.faults == 0;
    return STATUS_OK;
}

/* --- Recorded values --- */

/* "3 runs" */
static void write_runs(const char *before, size_t count, const char *after) {
    if (count > 0) printf("%s%zu run%s %s\n", before, count, count == 1 ? "" : "s", after);
}

static void write_result(const char *path, const compare_result *result) {
    if (result->runs == 0) printf("%s: nothing to compare\n", path);
    else {
        printf("%s: compared %zu values of %zu run%s: ", path, result->values, result->runs,
               result->runs == 1 ? "" : "s");
        if (result->breaches == 0) printf("all as recorded\n");
        else
            printf("%zu value%s beyond the tolerance, expected none (table above)\n", result->breaches,
                   result->breaches == 1 ? "" : "s");
    }
    write_runs("  not compared: ", result->absent,
               "with recorded values, not in this database; start their experiments to compare them");
    write_runs("  not compared: ", result->unfinished, "with recorded values, not finished in this database");
    write_runs("  not compared: ", result->unknown,
               "of this database, without recorded values; --sample N computes N of them again");
}

static status check_baselines(recorder *book, const request *asked, bool *good, failure *why) {
    char standard[PLACE_PATH_MAX];
    const char *path = asked->baselines;
    baseline recorded = {.count = 0};
    compare_result result;
    *good = true;
    if (!path) {
        place_path(PLACE_BASELINES, standard);
        path = standard;
        /* Where only the program was copied to, there are none. */
        if (access(standard, F_OK) != 0) return STATUS_OK;
    }
    status outcome = baseline_read(&recorded, path, why);
    if (outcome == STATUS_OK) outcome = compare_database(book, &recorded, asked->verbose, stdout, &result, why);
    if (outcome == STATUS_OK) {
        write_result(path, &result);
        *good = result.breaches == 0;
    }
    baseline_release(&recorded);
    return outcome;
}

static int check(const request *asked) {
    failure why = {""};
    recorder *book;
    bool whole = false, same = false;
    if (recorder_open_reading(asked->database, &book, &why) != STATUS_OK) return verb_failed(why.text);
    status outcome = check_whole(book, asked->database, &whole, &why);
    if (outcome == STATUS_OK) outcome = check_baselines(book, asked, &same, &why);
    recorder_close(&book, NULL);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    return whole && same ? EXIT_DONE : EXIT_FAILED;
}

static void write_origin(void *argument, const char *commit, const char *cpu, const char *simd) {
    fprintf(argument, "# Computed by commit %s on %s, kernels %s.\n", commit, cpu, simd);
}

/* Every line of it begins with #. The caller frees *out. */
static status make_comment(recorder *book, const char *experiment, char **out, failure *why) {
    size_t size;
    FILE *stream = open_memstream(out, &size);
    if (!stream) return fail(why, STATUS_MEMORY, "out of memory");
    fprintf(stream, "# Recorded by ./run check --record; docs/reference/database.md has the format.\n");
    const status outcome = recorder_each_origin(book, experiment, write_origin, stream, why);
    if (fclose(stream) != 0) return fail(why, STATUS_MEMORY, "out of memory");
    return outcome;
}

static status record_values(recorder *book, const request *asked, const output_request *to, FILE *messages,
                            failure *why) {
    baseline values = {.count = 0};
    char *comment = NULL;
    status outcome = compare_record(book, asked->experiment, &values, why);
    if (outcome == STATUS_OK && values.count == 0)
        outcome = fail(why, STATUS_FORMAT, "no run of \"%s\"%s%s is done: there is nothing to record", asked->database,
                       asked->experiment ? ", experiment " : "", asked->experiment ? asked->experiment : "");
    if (outcome == STATUS_OK) outcome = make_comment(book, asked->experiment, &comment, why);
    if (outcome == STATUS_OK) outcome = baseline_write(&values, comment, to, why);
    if (outcome == STATUS_OK) fprintf(messages, "%s: %zu values\n", asked->record, values.count);
    free(comment);
    baseline_release(&values);
    return outcome;
}

static int record(const request *asked) {
    failure why = {""};
    recorder *book = NULL;
    output to;
    const output_request out = {
        .name = asked->record, .kind = &output_baseline, .force = asked->force, .inputs = {asked->database}};
    status outcome = output_check(&out, &to, &why);
    if (outcome == STATUS_OK) outcome = recorder_open_reading(asked->database, &book, &why);
    if (outcome == STATUS_OK) outcome = record_values(book, asked, &out, OUTPUT_MESSAGES(&to), &why);
    recorder_close(&book, NULL);
    if (outcome == STATUS_INVALID) return verb_misused(&verb_check, why.text);
    return outcome == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
}

/* --- Beginning again --- */

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
    /* Opened for writing, a database that is not there would be made. */
    if (recorder_open_reading(database, &book, &why) != STATUS_OK) return verb_failed(why.text);
    recorder_close(&book, NULL);
    if (recorder_open(database, NULL, NULL, &book, &why) != STATUS_OK) return verb_failed(why.text);
    const status outcome = reset(book, name, &why);
    recorder_close(&book, NULL);
    if (outcome == STATUS_INVALID) return verb_misused(&verb_check, why.text);
    return outcome == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
}

/* --- The verb --- */

static status read_request(int count, char **words, request *out, failure *why) {
    const argument_option options[] = {
        {.name = "--db", .type = ARGUMENT_TEXT, .into = &out->database},
        {.name = "--baselines", .type = ARGUMENT_TEXT, .into = &out->baselines},
        {.name = "--record", .type = ARGUMENT_TEXT, .into = &out->record},
        {.name = "--force", .type = ARGUMENT_FLAG, .into = &out->force},
        {.name = "--verbose", .type = ARGUMENT_FLAG, .into = &out->verbose},
        {.name = "--sample", .type = ARGUMENT_NUMBER, .into = &out->sample, .minimum = 1, .maximum = SAMPLE_MAX},
        {.name = "--run", .type = ARGUMENT_TEXT, .into = &out->run},
        {.name = "--experiment", .type = ARGUMENT_TEXT, .into = &out->experiment},
        {.name = "--seed", .type = ARGUMENT_NUMBER, .into = &out->seed, .minimum = 0, .maximum = INT64_MAX},
        {.name = "--jobs", .type = ARGUMENT_NUMBER, .into = &out->jobs, .minimum = 1, .maximum = JOBS_MAX},
        {.name = "--threads", .type = ARGUMENT_NUMBER, .into = &out->threads, .minimum = 1, .maximum = THREADS_MAX},
        {.name = "--restart", .type = ARGUMENT_TEXT, .into = &out->restart},
    };
    size_t others;
    TRY(arguments_read(count, words, sizeof options / sizeof *options, options, 1, &out->positional, &others, why));
    if (out->positional && out->database)
        return fail(why, STATUS_INVALID, "\"%s\" and --db %s: expected one database", out->positional, out->database);
    const int ways = (out->baselines != NULL) + (out->record != NULL) + (out->run != NULL) + (out->restart != NULL) +
                     (out->sample > 0);
    if (ways > 1)
        return fail(why, STATUS_INVALID, "expected one of --baselines, --record, --sample, --run and --restart");
    if (out->experiment && !out->record && out->sample == 0)
        return fail(why, STATUS_INVALID, "--experiment %s: expected with --record or --sample", out->experiment);
    return STATUS_OK;
}

static int compute_again(const request *asked, int all_count, char **all) {
    const rerun_request wish = {.database = asked->database,
                                .run = asked->run,
                                .experiment = asked->experiment,
                                .sample = asked->sample,
                                .seed = asked->seed == UINT64_MAX ? (uint64_t)time(NULL) : asked->seed,
                                .jobs = asked->jobs,
                                .threads = asked->threads,
                                .all = asked->verbose,
                                .word_count = all_count,
                                .words = all};
    bool same = false;
    failure why = {""};
    const status outcome = rerun(&wish, &same, &why);
    if (outcome == STATUS_INVALID) return verb_misused(&verb_check, why.text);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    return same ? EXIT_DONE : EXIT_FAILED;
}

static int run_check(int count, char **words, int all_count, char **all) {
    failure why = {""};
    char standard[PLACE_PATH_MAX];
    request asked = {.seed = UINT64_MAX};
    if (read_request(count, words, &asked, &why) != STATUS_OK) return verb_misused(&verb_check, why.text);
    place_path(PLACE_DATABASE, standard);
    if (asked.positional) asked.database = asked.positional;
    if (!asked.database) asked.database = standard;
    if (asked.restart) return restart(asked.database, asked.restart);
    if (asked.record) return record(&asked);
    return asked.run || asked.sample > 0 ? compute_again(&asked, all_count, all) : check(&asked);
}

const verb verb_check = {
    .name = "check",
    .summary = "whether the database is whole, and its numbers are the recorded ones or come out again",
    .usage =
        "usage: ./run check [DB|--db PATH] [--baselines PATH] [--verbose]\n"
        "       ./run check [DB] --record FILE.tsv [--experiment NAME] [--force]\n"
        "       ./run check [DB] --sample N [--seed S] [--experiment NAME] [--jobs N] [--threads N]\n"
        "                          [--verbose]\n"
        "       ./run check [DB] --run RUN [--jobs N] [--threads N] [--verbose]\n"
        "       ./run check [DB] --restart RUN\n"
        "\n"
        "Checks the structure of the database (DB or --db PATH, else results/results.db), each checkpoint\n"
        "against its checksum, and the numbers of finished runs against recorded ones, to the bit where that is\n"
        "promised. Exit status 1 if there is a fault or a difference.\n"
        "\n"
        "  --baselines PATH  recorded values, a file or a folder of files *.tsv (tests/baselines)\n"
        "  --record FILE     write the numbers of the finished runs to such a file, or to standard output (\"-\");\n"
        "                    --force replaces one that is there\n"
        "  --sample N        compute N finished runs again from their stored settings, in a temporary folder,\n"
        "                    and compare every loss and metric\n"
        "  --seed S          which runs are chosen (from the clock, and printed)\n"
        "  --experiment NAME only runs of this experiment, for --record and --sample\n"
        "  --run RUN         compute this one again\n"
        "  --jobs N          runs at a time; --threads N: threads in each\n"
        "  --verbose         show every value, not only differences\n"
        "  --restart RUN     forget what an unfinished run has done, so that the next start begins it again; the\n"
        "                    way out when its checkpoint is lost\n",
    .run = run_check};
