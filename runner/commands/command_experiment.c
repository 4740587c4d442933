/* command_experiment.c - ./run FILE.ini: runs an experiment. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/real.h"
#include "flow/fused.h"
#include "plan/continuation.h"
#include "plan/dry_run.h"
#include "plan/run_status.h"
#include "record/machine.h"
#include "scale/scheduler.h"
#include "scale/merge.h"
#include "scale/shard.h"
#include "system/clock.h"
#include "system/double_build.h"
#include "system/paths.h"
#include "commands/experiment_show.h"
#include "commands/options.h"
#include "commands/commands.h"
#include "work/count_parameters.h"
#include "work/devices.h"
#include "work/estimate.h"
#include "work/workers.h"

enum { ARRAY_SIZE = 1001 /* Slurm's own default */, ARRAY_SIZE_MAX = 4000000, LOCK_TIMEOUT_MAX = 1000000 };

/* The command line. */
typedef struct request {
    const char *file, *seeds, *device, *database, *only, *shards, *format, *until;
    argument_texts set, where, slurm_options, slurm_merge_options;
    uint64_t slurm_array;
    uint64_t jobs, threads; /* 0: not given */
    uint64_t lock_timeout; /* seconds */
    double limit; /* seconds of --until; 0 for none */
    bool dry_run, quiet, slurm, slurm_again;
} request;

/* The experiment, read. */
typedef struct experiment {
    request args;
    experiment_config *config;
    plan *runs;
    db_experiment row;
    char database[PATH_MAX]; /* with --only, the shard of the task */
    char shards[PATH_MAX];
    signals events;
    device_choice device;
    device_list devices; /* of the GPU library, once it is open */
} experiment;

static const argument_option options[] = {
    OPTION_TEXTS(request, set, "--set", "SECTION.KEY=VALUE",
                 "a setting on top of the file; may be repeated. \"model NAME.SECTION.KEY=VALUE\" and \"data "
                 "NAME.SECTION.KEY=VALUE\" are for one model or data set"),
    OPTION_TEXT(request, seeds, "--seeds", "LIST", "seeds, instead of the file's, as in 0-4,7"),
    OPTION_TEXTS(request, where, "--where", "SETTING=VALUE",
                 "of an experiment with a section [sweep]: only the points with this value, or one of several, as in "
                 "\"flow.end_time=1, 10\" or \"point=3\"; may be repeated"),
    OPTION_NUMBER(request, jobs, "--jobs", "N", 1, OPTION_JOBS_MAX,
                  "number of runs at a time (as many as cores or device processors allow)"),
    OPTION_NUMBER(request, threads, "--threads", "N", 1, OPTION_THREADS_MAX,
                  "number of threads of each run (1; on a device, all cores)"),
    OPTION_TEXT(
        request, device, "--device", "cpu|cuda[:N|:auto]",
        "cpu (the default); cuda or cuda:N, which trains all runs of points at once and runs of images one by one; "
        "cuda:auto, which shares the runs among all devices in CUDA_VISIBLE_DEVICES"),
    OPTION_TEXT(request, database, "--db", "PATH",
                "the results database (results/results.db); if another process writes it, wait"),
    OPTION_NUMBER(request, lock_timeout, "--lock-timeout", "N", 1, LOCK_TIMEOUT_MAX,
                  "seconds to wait for another program that locks the database (300); trainings continue meanwhile"),
    OPTION_TEXT(request, until, "--until", "DURATION",
                "stop in order after this time, as in 4h or 1h30m: finish the current step and save checkpoints"),
    OPTION_FLAG(request, dry_run, "--dry-run", "print settings and runs; compute and write nothing"),
    OPTION_QUIET(request),
    OPTION_HEADING(
        "To use many machines (docs/guide/scaling.md), run each task with --only: it computes one run into a "
        "database of its own, a shard. ./run merge copies the shards into the results database:"),
    OPTION_TEXT(request, only, "--only", "RUN",
                "compute this run into its shard: its number in the plan, from 0, or its key"),
    OPTION_TEXT(request, shards, "--shards", "DIR", "the folder of shards (shards, beside the database)"),
    OPTION_TEXT(request, format, "--format", "commands",
                "with --dry-run: print a command for each missing run, for any scheduler"),
    OPTION_FLAG(request, slurm, "--slurm",
                "submit the missing runs to Slurm, as job arrays and a final job that merges"),
    OPTION_TEXTS(request, slurm_options, "--slurm-opt", "OPTIONS", "options for sbatch, as one word; may be repeated"),
    OPTION_TEXTS(request, slurm_merge_options, "--slurm-merge-opt", "OPTIONS",
                 "options for the merging job, if they differ"),
    OPTION_NUMBER(request, slurm_array, "--slurm-array", "N", 1, ARRAY_SIZE_MAX,
                  "maximum number of tasks in an array, the cluster's MaxArraySize (1001)"),
    OPTION_FLAG(request, slurm_again, "--slurm-again",
                "what the merging job runs: merge, then submit the interrupted runs that made progress")};

static status read_request(int count, char **words, request *out, error_info *err) {
    size_t files = 0;
    out->slurm_array = ARRAY_SIZE;
    out->lock_timeout = WORKERS_LOCK_SECONDS;
    TRY(command_read(&command_experiment, count, words, out, 1, &out->file, &files, err));
    if (files == 0) return error_set(err, STATUS_INVALID, "the experiment is missing; expected an .ini file");
    out->slurm |= out->slurm_again;
    if (out->until && !clock_read_duration(out->until, &out->limit))
        return error_set(err, STATUS_INVALID,
                         "--until %.40s: expected a time in days, hours, minutes or seconds, as in 4h or 1h30m",
                         out->until);
    if (out->until && out->slurm)
        return error_set(err, STATUS_INVALID,
                         "--until %.40s: expected no --slurm beside it; limit Slurm's tasks by --slurm-opt=--time=...",
                         out->until);
    if (out->format && (strcmp(out->format, "commands") != 0 || !out->dry_run))
        return error_set(err, STATUS_INVALID, "--format %.40s: expected --dry-run --format commands", out->format);
    if (out->only && (out->slurm || out->format))
        return error_set(err, STATUS_INVALID, "--only %s: expected neither --slurm nor --format beside it", out->only);
    if (!out->slurm && out->slurm_options.count + out->slurm_merge_options.count > 0)
        return error_set(err, STATUS_INVALID, "%s: expected --slurm beside it",
                         out->slurm_options.count > 0 ? "--slurm-opt" : "--slurm-merge-opt");
    return STATUS_OK;
}

/* --- Running --- */

static bool counts(const experiment *self) {
    return config_settings(self->config)->experiment_task == TASK_COUNT_PARAMETERS;
}

static bool is_image(const experiment *self, size_t index) {
    return specification_is_image(&self->runs->datasets[index].shape);
}

/* Return whether the experiment needs no device: only trainings use one. */
static bool is_processors(const experiment *self) {
    return self->device.library && config_settings(self->config)->experiment_task != TASK_TRAIN;
}

static void leave_device(experiment *self) {
    self->device.library = false;
    if (!self->args.quiet)
        fprintf(stderr, "Note: --device %s: experiment %s trains nothing; it runs on the CPU\n", self->args.device,
                config_settings(self->config)->experiment_name);
}

/* Check that a GPU can train the experiment. Errors: STATUS_INVALID with the experiment or the setting. */
static status check_device(const experiment *self, error_info *err) {
    const char *name = config_settings(self->config)->experiment_name;
    if (!self->device.library || is_processors(self)) return STATUS_OK;
    for (size_t i = 0; i < self->runs->dataset_count; i++)
        if (is_image(self, i) != is_image(self, 0))
            return error_set(err, STATUS_INVALID,
                             "--device %s: experiment %s has points and images; expected only one kind, as with --set "
                             "experiment.data=%s",
                             self->args.device, name, self->runs->datasets[0].source);
    for (size_t i = 0; i < self->runs->run_count; i++) {
        const plan_run *run = &self->runs->runs[i];
        settings values;
        cnf_spec flow;
        plan_run_settings(run, &values);
        if (is_image(self, 0)) continue;
        specification_flow(&values, run->dataset->shape.dimension, &flow);
        TRY(cnf_is_for_device(&flow, err));
    }
    return STATUS_OK;
}

/* The wait for another process. */
typedef struct waiting {
    const experiment *self;
    bool printed;
} waiting;

/* Wait without limit for a process of this program, but only for --lock-timeout for another program. */
static bool wait_for_lock(void *argument, const char *holder, double seconds) {
    waiting *state = argument;
    const request *args = &state->self->args;
    if (!holder && seconds > (double)args->lock_timeout) return false;
    const bool long_wait = holder || seconds > 2; /* commits and readers finish before that */
    if (long_wait && !state->printed && !args->quiet) {
        if (holder) fprintf(stderr, "Waiting for %s, which writes %s\n", holder, state->self->database);
        else fprintf(stderr, "%s: locked by another program; waiting\n", state->self->database);
    }
    state->printed |= long_wait;
    const int number = signals_read(&state->self->events);
    return number == 0 || number == SIGTSTP;
}

/* Compute the number of runs at a time, threads in each process, and devices, for `pending` runs. On a device (all are
 * assumed to be alike) a run of points takes one multiprocessor, and the threads are those of the process that draws
 * the batches of all runs; a run of images takes the whole device. */
static void share_out(const experiment *self, size_t pending, size_t *jobs, size_t *threads, size_t *devices) {
    const request *args = &self->args;
    size_t room = 0;
    for (size_t i = 0; i < self->devices.count; i++)
        room += is_image(self, 0) ? 1 : (size_t)self->devices.about[i].processors;
    if (room == 0) room = machine_jobs(args->threads ? (size_t)args->threads : 1);
    *jobs = args->jobs ? (size_t)args->jobs : room < OPTION_JOBS_MAX ? room : OPTION_JOBS_MAX;
    if (*jobs > pending) *jobs = pending;
    *devices = self->devices.count < *jobs ? self->devices.count : *jobs;
    *threads = args->threads ? (size_t)args->threads : *devices > 0 ? machine_jobs(*devices) : 1;
}

static status train(const experiment *self, results_db *db, const run_status *list, const machine *here,
                    workers_result *result, error_info *err) {
    const request *args = &self->args;
    size_t jobs, threads;
    device_list devices = self->devices;
    share_out(self, list->count - list->done, &jobs, &threads, &devices.count);
    uint64_t iterations = 0;
    for (size_t i = 0; i < list->count; i++) {
        const db_run *run = list->runs[i];
        if (run->state == RUN_DONE) continue;
        iterations += run->iterations - (run->has_checkpoint ? run->checkpoint_iteration : 0);
    }
    progress *shown;
    if (progress_create(stderr, args->quiet, jobs, list->count, list->done, iterations, &shown) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory");
    const workers_spec spec = {.runs = self->runs,
                               .states = list->runs,
                               .session = &here->session,
                               .jobs = jobs,
                               .threads = threads,
                               .devices = devices.count > 0 ? &devices : NULL,
                               .lock_seconds = (double)args->lock_timeout};
    const status outcome = workers_run(&spec, db, &self->events, shown, result, err);
    progress_destroy(&shown);
    return outcome;
}

/* Begin runs where finished ones with fewer iterations end. */
static status extend_finished(const experiment *self, results_db *db, run_status *list, error_info *err) {
    char *text = NULL;
    size_t size;
    FILE *notes = open_memstream(&text, &size);
    if (!notes) return error_set(err, STATUS_MEMORY, "out of memory");
    const status outcome = continuation_apply(db, self->runs, list, notes, err);
    if (fclose(notes) == 0 && !self->args.quiet) fputs(text, stderr);
    free(text);
    return outcome;
}

static status write_and_train(const experiment *self, results_db *db, const machine *here, workers_result *result,
                              error_info *err) {
    run_status *list;
    TRY(workers_take_pending(db, err));
    TRY(run_status_write(db, self->runs, &self->row, &list, err));
    if (list->outdated_count > 0 && !self->args.quiet)
        fprintf(stderr, "Note: %zu run%s with older settings left experiment %s; the database keeps them\n",
                list->outdated_count, list->outdated_count == 1 ? "" : "s", self->row.name);
    status outcome = counts(self) ? STATUS_OK : extend_finished(self, db, list, err);
    if (outcome == STATUS_OK && list->done < list->count && counts(self)) {
        outcome = count_parameters(db, self->runs, list, &here->session, err);
        result->done = list->count - list->done;
    } else if (outcome == STATUS_OK && list->done < list->count) {
        outcome = train(self, db, list, here, result, err);
    }
    run_status_destroy(&list);
    return outcome;
}

static status compute(const experiment *self, const machine *here, workers_result *result, error_info *err) {
    results_db *db;
    error_info closing;
    waiting state = {.self = self};
    if (self->args.only) {
        TRY(shard_make_place(self->shards, self->runs->runs[0].key, err));
        TRY(db_open_shard(self->database, wait_for_lock, &state, &db, err));
    } else {
        TRY(db_open(self->database, wait_for_lock, &state, &db, err));
    }
    const status outcome = write_and_train(self, db, here, result, err);
    const status closed = db_close(&db, &closing);
    if (outcome != STATUS_OK) return outcome;
    return closed == STATUS_OK ? STATUS_OK : error_set(err, closed, "%s", closing.text);
}

/* *complete <- whether all runs are done. Writes nothing. */
static status look(const experiment *self, bool *complete, error_info *err) {
    results_db *db;
    run_status *list;
    *complete = false;
    TRY(db_open_begun(self->database, &db, err));
    if (!db) return STATUS_OK;
    status outcome = run_status_read(db, self->runs, &self->row, &list, err);
    if (outcome == STATUS_OK) {
        bool outdated;
        outcome = db_comparisons_outdated(db, &outdated, err);
        *complete = outcome == STATUS_OK && list->current && list->done == list->count && !outdated;
        run_status_destroy(&list);
    }
    db_close(&db, NULL);
    return outcome;
}

static int run(experiment *self, int all_count, char **all) {
    error_info err = {""};
    bool complete = false;
    workers_result result = {0};
    machine here;
    status outcome = signals_open(&self->events, &err);
    if (outcome != STATUS_OK) return command_failed(err.text);
    if (self->args.until) signals_read_after(self->args.limit);
    outcome = look(self, &complete, &err);
    if (outcome == STATUS_OK && !complete && self->device.library)
        outcome = devices_query(&self->device, &self->devices, &err);
    if (outcome == STATUS_OK && !complete) {
        machine_describe(&here, all_count, all);
        outcome = compute(self, &here, &result, &err);
    }
    signals_close(&self->events);
    if (outcome != STATUS_OK) return command_failed(err.text);
    if (result.stopped) {
        if (!self->args.quiet && result.timed)
            fprintf(stderr, "Stopped after %s. Run the same command to resume.\n", self->args.until);
        else if (!self->args.quiet) fprintf(stderr, "Stopped. Run the same command to resume.\n");
        return EXIT_FAILED;
    }
    size_t broken = 0;
    bool drawn = true;
    if (!self->args.only)
        outcome = experiment_show(config_settings(self->config), self->runs, self->database, self->args.quiet,
                                  result.done > 0, &broken, &drawn, &err);
    if (outcome != STATUS_OK) command_failed(err.text);
    if (broken > 0) fprintf(stderr, "%zu checks failed\n", broken);
    if (result.failed == 0 && result.interrupted == 0)
        return broken || !drawn || outcome != STATUS_OK ? EXIT_FAILED : EXIT_DONE;
    fprintf(stderr, "%zu of %zu runs failed; run the same command to retry\n", result.failed, self->runs->run_count);
    return EXIT_FAILED;
}

/* --- Submitting --- */

static scheduler_request scheduler_of(const experiment *self) {
    const request *args = &self->args;
    return (scheduler_request){.file = self->row.file,
                               .database = self->database,
                               .shards = args->shards,
                               .seeds = args->seeds,
                               .device = args->device,
                               .set = &args->set,
                               .where = &args->where,
                               .threads = args->threads,
                               .options = &args->slurm_options,
                               .merge_options = &args->slurm_merge_options,
                               .array_size = args->slurm_array,
                               .again = args->slurm_again,
                               .quiet = args->quiet && !args->slurm_again};
}

static status write_and_submit(const experiment *self, results_db *db, bool *refused, error_info *err) {
    const scheduler_request to = scheduler_of(self);
    merge_result merged = {.shards = 0};
    run_status *list;
    if (self->args.slurm_again) {
        TRY(merge_folder(db, self->shards, &(merge_options){.quiet = false}, &merged, err));
        print_merge(&merged, self->database);
        *refused = merged.refused > 0;
    }
    TRY(run_status_write(db, self->runs, &self->row, &list, err));
    const status outcome = scheduler_submit(&to, self->row.name, self->runs, list, err);
    run_status_destroy(&list);
    return outcome;
}

/* Keep the database locked: a concurrent submission of the same plan then finds these jobs in the queue. */
static int submit(experiment *self) {
    error_info err = {""};
    results_db *db;
    bool refused = false;
    waiting state = {.self = self};
    status outcome = signals_open(&self->events, &err);
    if (outcome != STATUS_OK) return command_failed(err.text);
    outcome = db_open(self->database, wait_for_lock, &state, &db, &err);
    if (outcome == STATUS_OK) {
        error_info closing;
        outcome = write_and_submit(self, db, &refused, &err);
        const status closed = db_close(&db, &closing);
        if (outcome == STATUS_OK && closed != STATUS_OK) outcome = error_set(&err, closed, "%s", closing.text);
    }
    signals_close(&self->events);
    if (outcome != STATUS_OK) return command_failed(err.text);
    return refused ? EXIT_FAILED : EXIT_DONE;
}

/* --- The command --- */

static int dry_run(const experiment *self) {
    error_info err = {""};
    results_db *db = NULL;
    run_status *list = NULL;
    status outcome = db_open_begun(self->database, &db, &err);
    if (outcome == STATUS_OK && db) outcome = run_status_read(db, self->runs, &self->row, &list, &err);
    else if (outcome == STATUS_OK) outcome = run_status_empty(self->runs, &list, &err);
    if (outcome == STATUS_OK && db && !self->args.format && !self->args.only)
        outcome = continuation_find(db, self->runs, list, &err);
    const scheduler_request to = scheduler_of(self);
    if (outcome == STATUS_OK && self->args.format)
        outcome = scheduler_write_commands(&to, self->runs, list, stdout, &err);
    else if (outcome == STATUS_OK)
        outcome = dry_run_write(config_settings(self->config), self->runs, list, self->database, stdout, &err);
    const bool trains = config_settings(self->config)->experiment_task == TASK_TRAIN;
    if (outcome == STATUS_OK && !self->args.format && trains && self->runs->swept.axis_count > 0) {
        size_t jobs, threads, devices;
        share_out(self, list->count - list->done, &jobs, &threads, &devices);
        outcome = estimate_write(self->runs, list, jobs, stdout, &err);
    }
    run_status_destroy(&list);
    db_close(&db, NULL);
    return outcome == STATUS_OK ? EXIT_DONE : command_failed(err.text);
}

/* Select one run of the plan, with its shard as the database. */
static status select_run(experiment *self, error_info *err) {
    TRY(plan_select(self->runs, self->args.only, err));
    return shard_path(self->shards, self->runs->runs[0].key, SHARD_DATABASE, self->database, err);
}

static void write_notes(const experiment *self) {
    if (!self->args.quiet) config_write_renamed(self->config, stderr);
    for (size_t i = 0; i < self->runs->dataset_count && !self->args.quiet; i++) {
        const plan_dataset *data = &self->runs->datasets[i];
        if (*data->note) fprintf(stderr, "Note: %s: %s\n", data->name, data->note);
    }
}

static int read_and_run(experiment *self, int all_count, char **all) {
    const request *args = &self->args;
    error_info err = {""};
    char shipped[PATH_MAX];
    const bool elsewhere = access(args->file, F_OK) != 0 && shipped_path("experiments", args->file, shipped);
    const char *file = elsewhere ? shipped : args->file;
    status outcome = config_load(file, args->set.count, args->set.items, &self->config, &err);
    if (outcome == STATUS_OK) outcome = plan_create(self->config, args->seeds, &self->runs, &err);
    if (outcome == STATUS_OK) outcome = plan_where(self->runs, args->where.count, args->where.items, &err);
    if (outcome == STATUS_OK) outcome = check_device(self, &err);
    if (outcome == STATUS_OK && args->shards) snprintf(self->shards, sizeof self->shards, "%s", args->shards);
    else if (outcome == STATUS_OK) shard_folder(self->database, self->shards);
    if (outcome != STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        return outcome == STATUS_MEMORY ? EXIT_FAILED : EXIT_USAGE;
    }
    const settings *values = config_settings(self->config);
    if (values->experiment_task == TASK_THEORY && sizeof(real) == sizeof(float) && (!args->dry_run || args->format))
        return double_build_become(all_count, all, &err) == STATUS_OK ? EXIT_DONE : command_failed(err.text);
    if (is_processors(self)) leave_device(self);
    self->row = (db_experiment){.name = values->experiment_name, .title = values->experiment_title, .file = file};
    /* Not before: the double build has other keys. */
    if (args->only && select_run(self, &err) != STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        return EXIT_USAGE;
    }
    write_notes(self);
    if (args->dry_run) return dry_run(self);
    if (!args->quiet) plan_write_reports(self->runs, stderr);
    return args->slurm ? submit(self) : run(self, all_count, all);
}

static int run_experiment(int count, char **words, int all_count, char **all) {
    experiment self = {.events = {.descriptor = -1}};
    error_info err = {""};
    argument_texts *lists[] = {&self.args.set, &self.args.where, &self.args.slurm_options,
                               &self.args.slurm_merge_options};
    const char **room = calloc(4 * (size_t)count, sizeof *room); /* each list may have all words */
    if (!room) return command_failed("out of memory");
    for (size_t i = 0; i < 4; i++) lists[i]->items = room + i * (size_t)count;
    int result = EXIT_USAGE;
    if (read_request(count, words, &self.args, &err) != STATUS_OK) {
        result = usage_error(&command_experiment, err.text);
    } else if (self.args.device && device_parse(self.args.device, &self.device, &err) != STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
    } else {
        install_path(DEFAULT_DATABASE, self.database);
        if (self.args.database) snprintf(self.database, sizeof self.database, "%s", self.args.database);
        result = read_and_run(&self, all_count, all);
    }
    plan_destroy(&self.runs);
    config_destroy(&self.config);
    free(room);
    return result;
}

const command command_experiment = {
    .name = "",
    .forms = (const char *const[]){"FILE.ini [OPTION]...", "FILE.ini --dry-run --format commands [OPTION]...",
                                   "FILE.ini --only RUN [OPTION]...", "FILE.ini --slurm [OPTION]...", "COMMAND ...",
                                   "--help | --version", NULL},
    .text = "Trains the runs of the experiment that the database does not have yet, prints the losses, and draws the "
            "figures. Run the same command again to resume; finished runs are never repeated.\n\n"
            "If FILE.ini does not exist, it is looked up among the program's own experiments, as in ./run fig6.ini. An "
            "installed program writes results into the current folder.\n\n"
            "Ctrl-C finishes the current step and saves a checkpoint; a second Ctrl-C stops at once.",
    OPTIONS(options),
    .run = run_experiment};
