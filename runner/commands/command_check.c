/* command_check.c - ./run check: checks a database, and its numbers against recorded or recomputed ones. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "compare/compare.h"
#include "compare/part.h"
#include "compare/rerun.h"
#include "record/checkpoint_files.h"
#include "record/results_db.h"
#include "system/output.h"
#include "system/paths.h"

#define DEFAULT_BASELINES "tests/baselines"

enum { SAMPLE_MAX = 100000, PART_MAX = 1000000 };

/* The command line. */
typedef struct request {
    const char *positional, *database, *baselines, *record, *run, *restart, *experiment, *from;
    uint64_t sample, seed, jobs, threads, iterations;
    bool force, verbose;
} request;

/* --- Structure --- */

typedef struct checking {
    const results_db *db;
    bool locked; /* some process writes it */
    char archived[32]; /* when its checkpoints were left out; "" if they were not */
    size_t faults, runs, checkpoints;
    size_t states[RUN_DONE + 1];
} checking;

static void count_fault(void *argument, const char *text) {
    checking *state = argument;
    state->faults++;
    printf("fault: %s\n", text);
}

static void check_checkpoint(checking *state, const db_run *run) {
    char path[PATH_MAX];
    error_info err;
    checkpoint_locate(db_path(state->db), run->checkpoint_path, path);
    state->checkpoints++;
    if (checkpoint_verify(path, run->checkpoint_bytes, run->checkpoint_sha256, &err) == STATUS_OK) return;
    error_info text;
    error_describe(&text, "run %s: %.900s", run->key, err.text);
    count_fault(state, text.text);
}

static status check_run(void *argument, const db_run *run, error_info *err) {
    (void)err;
    checking *state = argument;
    error_info text;
    state->runs++;
    state->states[run->state]++;
    /* A running process may replace the file at any time. */
    if (run->has_checkpoint && !(run->state == RUN_RUNNING && state->locked)) check_checkpoint(state, run);
    /* A run of no iterations was a count of parameters. */
    if (run->state == RUN_DONE && !run->has_checkpoint && run->iterations > 0 && !*state->archived) {
        error_describe(&text, "run %s: done, but it has no checkpoint", run->key);
        count_fault(state, text.text);
    }
    if (run->state == RUN_RUNNING && !state->locked)
        printf("note: run %s: the process that ran it died; the next start resumes it\n", run->key);
    if (run->state == RUN_FAILED) printf("note: run %s failed: %s\n", run->key, run->error);
    return STATUS_OK;
}

static void write_states(const checking *state, const char *database) {
    printf("%s: %zu run%s", database, state->runs, state->runs == 1 ? "" : "s");
    for (db_state s = RUN_PLANNED; s <= RUN_DONE; s++)
        if (state->states[s] > 0) printf(", %zu %s", state->states[s], db_state_name(s));
    printf("; %zu checkpoint%s; ", state->checkpoints, state->checkpoints == 1 ? "" : "s");
    if (*state->archived)
        printf("archived at %s%s; ", state->archived, state->checkpoints == 0 ? " without checkpoints" : "");
    if (state->faults == 0) printf("all whole\n");
    else printf("%zu fault%s\n", state->faults, state->faults == 1 ? "" : "s");
}

static status check_whole(results_db *db, const char *database, bool *good, error_info *err) {
    checking state = {.db = db, .locked = db_is_locked(db_path(db))};
    TRY(db_archive_date(db, state.archived, err));
    TRY(db_check(db, count_fault, &state, err));
    TRY(db_each_run(db, NULL, check_run, &state, err));
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

static status check_baselines(results_db *db, const request *args, bool *good, error_info *err) {
    char usual[PATH_MAX];
    const char *path = args->baselines;
    baseline recorded = {.count = 0};
    compare_result result;
    *good = true;
    if (!path) {
        install_path(DEFAULT_BASELINES, usual);
        path = usual;
        /* A program without its source tree has none. */
        if (access(usual, F_OK) != 0) return STATUS_OK;
    }
    status outcome = baseline_read(&recorded, path, err);
    if (outcome == STATUS_OK) outcome = compare_database(db, &recorded, args->verbose, stdout, &result, err);
    if (outcome == STATUS_OK) {
        write_result(path, &result);
        *good = result.breaches == 0;
    }
    baseline_release(&recorded);
    return outcome;
}

static int check(const request *args) {
    error_info err = {""};
    results_db *db;
    bool whole = false, same = false;
    if (db_open_reading(args->database, &db, &err) != STATUS_OK) return command_failed(err.text);
    status outcome = check_whole(db, args->database, &whole, &err);
    if (outcome == STATUS_OK) outcome = check_baselines(db, args, &same, &err);
    db_close(&db, NULL);
    if (outcome != STATUS_OK) return command_failed(err.text);
    return whole && same ? EXIT_DONE : EXIT_FAILED;
}

static void write_origin(void *argument, const char *commit, const char *cpu, const char *simd) {
    fprintf(argument, "# Computed by commit %s on %s, kernels %s.\n", commit, cpu, simd);
}

/* *out <- lines that start with #. The caller frees it. */
static status make_comment(results_db *db, const char *experiment, char **out, error_info *err) {
    size_t size;
    FILE *stream = open_memstream(out, &size);
    if (!stream) return error_set(err, STATUS_MEMORY, "out of memory");
    fprintf(stream, "# Recorded by ./run check --record; docs/reference/database.md has the format.\n");
    const status outcome = db_each_origin(db, experiment, write_origin, stream, err);
    if (fclose(stream) != 0) return error_set(err, STATUS_MEMORY, "out of memory");
    return outcome;
}

static status record_values(results_db *db, const request *args, const output_request *to, FILE *messages,
                            error_info *err) {
    baseline values = {.count = 0};
    char *comment = NULL;
    status outcome = compare_record(db, args->experiment, &values, err);
    if (outcome == STATUS_OK && values.count == 0)
        outcome = error_set(err, STATUS_FORMAT, "%s%s%s: no finished run; expected at least one", args->database,
                            args->experiment ? ", experiment " : "", args->experiment ? args->experiment : "");
    if (outcome == STATUS_OK) outcome = make_comment(db, args->experiment, &comment, err);
    if (outcome == STATUS_OK) outcome = baseline_write(&values, comment, to, err);
    if (outcome == STATUS_OK) fprintf(messages, "%s: %zu values\n", args->record, values.count);
    free(comment);
    baseline_release(&values);
    return outcome;
}

static int record(const request *args) {
    error_info err = {""};
    results_db *db = NULL;
    output to;
    const output_request out = {
        .name = args->record, .kind = &output_baseline, .force = args->force, .inputs = {args->database}};
    status outcome = output_check(&out, &to, &err);
    if (outcome == STATUS_OK) outcome = db_open_reading(args->database, &db, &err);
    if (outcome == STATUS_OK) outcome = record_values(db, args, &out, OUTPUT_MESSAGES(&to), &err);
    db_close(&db, NULL);
    if (outcome == STATUS_INVALID) return usage_error(&command_check, err.text);
    return outcome == STATUS_OK ? EXIT_DONE : command_failed(err.text);
}

/* --- Restarting --- */

/* Reset a run whose checkpoint is lost, so that it starts again. */
static status reset(results_db *db, const char *name, error_info *err) {
    db_run run;
    TRY(db_resolve_run(db, name, &run, err));
    if (run.state == RUN_DONE)
        return error_set(err, STATUS_INVALID, "run %s: done; expected an unfinished run", run.key);
    TRY(db_reset_run(db, run.id, err));
    TRY(db_commit(db, err));
    printf("Run %s (%s %s, seed %" PRIu64 ") starts again at the next start\n", run.key, run.dataset, run.model,
           run.seed);
    return STATUS_OK;
}

static int restart(const char *database, const char *name) {
    error_info err = {""};
    results_db *db;
    /* Opening for writing would create a missing database. */
    if (db_open_reading(database, &db, &err) != STATUS_OK) return command_failed(err.text);
    db_close(&db, NULL);
    if (db_open(database, NULL, NULL, &db, &err) != STATUS_OK) return command_failed(err.text);
    const status outcome = reset(db, name, &err);
    db_close(&db, NULL);
    if (outcome == STATUS_INVALID) return usage_error(&command_check, err.text);
    return outcome == STATUS_OK ? EXIT_DONE : command_failed(err.text);
}

/* --- A part of a training --- */

static status repeat_part(const request *args, bool *same, error_info *err) {
    baseline recorded = {.count = 0}, found = {.count = 0};
    output to = {.stream = false};
    char comment[256];
    const output_request out = {
        .name = args->record, .kind = &output_baseline, .force = args->force, .inputs = {args->database}};
    const part_request part = {.database = args->database,
                               .run = args->run,
                               .from = args->from,
                               .iterations = args->iterations,
                               .threads = args->threads ? (size_t)args->threads : 1,
                               .recorded = args->baselines ? &recorded : NULL,
                               .record = args->record ? &found : NULL,
                               .all = args->verbose};
    snprintf(comment, sizeof comment,
             "# Recorded by ./run check --run %.12s --iterations %" PRIu64
             " --record; docs/reference/database.md has the format.\n",
             args->run, args->iterations);
    status outcome = args->record ? output_check(&out, &to, err) : STATUS_OK;
    if (outcome == STATUS_OK && args->baselines) outcome = baseline_read(&recorded, args->baselines, err);
    if (outcome == STATUS_OK) outcome = part_repeat(&part, args->record ? OUTPUT_MESSAGES(&to) : stdout, same, err);
    if (outcome == STATUS_OK && args->record) outcome = baseline_write(&found, comment, &out, err);
    baseline_release(&recorded);
    baseline_release(&found);
    return outcome;
}

static int repeat(const request *args) {
    error_info err = {""};
    bool same = false;
    const status outcome = repeat_part(args, &same, &err);
    if (outcome == STATUS_INVALID) return usage_error(&command_check, err.text);
    if (outcome != STATUS_OK) return command_failed(err.text);
    return same ? EXIT_DONE : EXIT_FAILED;
}

/* --- The command --- */

static const argument_option options[] = {
    OPTION_DATABASE(request),
    OPTION_TEXT(request, baselines, "--baselines", "PATH",
                "recorded values: a .tsv file or a folder of them (tests/baselines)"),
    OPTION_TEXT(request, record, "--record", "FILE",
                "write the numbers of the finished runs to a .tsv file; \"-\": usual output"),
    OPTION_FORCE(request),
    OPTION_NUMBER(request, sample, "--sample", "N", 1, SAMPLE_MAX,
                  "compute N finished runs again from their stored settings, in a temporary folder, and compare every "
                  "loss and metric"),
    OPTION_NUMBER(request, seed, "--seed", "S", 0, INT64_MAX,
                  "seed that chooses the runs (from the clock, and printed)"),
    OPTION_TEXT(request, experiment, "--experiment", "NAME", "only runs of this experiment, for --record and --sample"),
    OPTION_TEXT(request, run, "--run", "RUN", "compute this run again"),
    OPTION_NUMBER(request, iterations, "--iterations", "N", 1, PART_MAX,
                  "with --run: compute only the N iterations after its checkpoint; the run may be unfinished"),
    OPTION_TEXT(request, from, "--from", "FILE.safetensors", "with --iterations: after this checkpoint of the run"),
    OPTION_NUMBER(request, jobs, "--jobs", "N", 1, OPTION_JOBS_MAX, "number of runs at a time"),
    OPTION_NUMBER(request, threads, "--threads", "N", 1, OPTION_THREADS_MAX, "number of threads of each run"),
    OPTION_FLAG(request, verbose, "--verbose", "print every value, not only differences"),
    OPTION_TEXT(request, restart, "--restart", "RUN",
                "discard the progress of an unfinished run, so that the next start begins it again; use it when a "
                "checkpoint is lost")};

static status read_request(int count, char **words, request *out, error_info *err) {
    size_t others;
    TRY(command_read(&command_check, count, words, out, 1, &out->positional, &others, err));
    if (out->positional && out->database)
        return error_set(err, STATUS_INVALID, "%s and --db %s: expected one database", out->positional, out->database);
    if (out->iterations > 0) {
        if (!out->run || out->restart || out->sample > 0 || out->experiment || (out->record && out->baselines))
            return error_set(err, STATUS_INVALID,
                             "--iterations: expected --run beside it, and at most one of --record and --baselines");
        return STATUS_OK;
    }
    if (out->from) return error_set(err, STATUS_INVALID, "--from %s: expected --iterations beside it", out->from);
    const int ways = (out->baselines != NULL) + (out->record != NULL) + (out->run != NULL) + (out->restart != NULL) +
                     (out->sample > 0);
    if (ways > 1)
        return error_set(err, STATUS_INVALID, "expected one of --baselines, --record, --sample, --run and --restart");
    if (out->experiment && !out->record && out->sample == 0)
        return error_set(err, STATUS_INVALID, "--experiment %s: expected --record or --sample beside it",
                         out->experiment);
    return STATUS_OK;
}

static int compute_again(const request *args, int all_count, char **all) {
    const rerun_request wish = {.database = args->database,
                                .run = args->run,
                                .experiment = args->experiment,
                                .sample = args->sample,
                                .seed = args->seed == UINT64_MAX ? (uint64_t)time(NULL) : args->seed,
                                .jobs = args->jobs,
                                .threads = args->threads,
                                .all = args->verbose,
                                .word_count = all_count,
                                .words = all};
    bool same = false;
    error_info err = {""};
    const status outcome = rerun(&wish, &same, &err);
    if (outcome == STATUS_INVALID) return usage_error(&command_check, err.text);
    if (outcome != STATUS_OK) return command_failed(err.text);
    return same ? EXIT_DONE : EXIT_FAILED;
}

static int run_check(int count, char **words, int all_count, char **all) {
    error_info err = {""};
    char usual[PATH_MAX];
    request args = {.seed = UINT64_MAX};
    if (read_request(count, words, &args, &err) != STATUS_OK) return usage_error(&command_check, err.text);
    install_path(DEFAULT_DATABASE, usual);
    if (args.positional) args.database = args.positional;
    if (!args.database) args.database = usual;
    if (args.iterations > 0) return repeat(&args);
    if (args.restart) return restart(args.database, args.restart);
    if (args.record) return record(&args);
    return args.run || args.sample > 0 ? compute_again(&args, all_count, all) : check(&args);
}

const command command_check = {
    .name = "check",
    .summary = "check a database, and compare its numbers with recorded ones or by computing runs again",
    .forms = (const char *const[]){"[DB] [--baselines PATH] [OPTION]...",
                                   "[DB] --record FILE.tsv [--experiment NAME] [--force]",
                                   "[DB] --sample N [--seed S] [--experiment NAME] [OPTION]...",
                                   "[DB] --run RUN [OPTION]...",
                                   ("[DB] --run RUN --iterations N [--from FILE.safetensors] [--record FILE.tsv | "
                                    "--baselines PATH] [OPTION]..."),
                                   "[DB] --restart RUN", NULL},
    .text =
        "Checks the structure of the database (DB, or that of --db), the checksum of each checkpoint, and the numbers "
        "of finished runs against recorded ones, to the bit where that is guaranteed. The exit status is 1 if there is "
        "a fault or a difference.\n\n"
        "With --iterations: repeats a part of a training from a checkpoint, on the CPU, and compares it to the bit: "
        "its losses with recorded ones (--record FILE on one machine, --baselines FILE on another), and with the "
        "epochs and the checkpoint that the database has of these iterations.",
    OPTIONS(options),
    .run = run_check};
