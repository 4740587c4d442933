/* command_list.c - ./run list: experiments and runs with their state, and devices. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "model/specification.h"
#include "record/results_db.h"
#include "scale/shard.h"
#include "scale/task_list.h"
#include "system/columns.h"
#include "system/paths.h"
#include "work/devices.h"
#include "work/progress.h"

static void write_experiment(void *argument, const db_summary *row) {
    FILE *stream = argument;
    fprintf(stream, "%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\n", row->name,
            row->runs, row->done, row->running, row->interrupted, row->failed, row->updated, row->title);
}

static status list_experiments(results_db *db, error_info *err) {
    columns table;
    TRY(columns_begin(&table, err));
    fputs("experiment\truns\tdone\trunning\tinterrupted\tfailed\tlast started\ttitle\n", table.rows);
    const status outcome = db_each_experiment(db, write_experiment, table.rows, err);
    return columns_end(&table, outcome, "%-20s %5s %5s %7s %11s %6s  %-20s  %s", stdout, err);
}

typedef struct listing {
    results_db *db;
    FILE *rows;
    bool locked; /* some process writes the database: otherwise no run is running */
    settings values; /* train.batch and train.batch_phases of the run under way */
    bool known; /* they are stored */
} listing;

static status read_batch(void *argument, const char *section, const char *key, const char *value) {
    listing *state = argument;
    const setting_option *option;
    const bool batch = strcmp(key, "batch") == 0;
    if (strcmp(section, "train") != 0 || (!batch && strcmp(key, "batch_phases") != 0) || !*value) return STATUS_OK;
    if (settings_find(section, key, &option, NULL) == STATUS_OK &&
        settings_parse(option, value, &state->values, NULL) == STATUS_OK)
        state->known |= batch;
    return STATUS_OK;
}

static status write_run(void *argument, const db_run *run, error_info *err) {
    listing *state = argument;
    const bool dead = run->state == RUN_RUNNING && !state->locked;
    char reached[64], rate[32] = "", left[32] = "";
    settings_default(&state->values);
    state->known = false;
    TRY(db_each_setting(state->db, run->id, read_batch, state, err));
    const uint64_t trained = specification_trained(&state->values, run->iteration),
                   all = specification_trained(&state->values, run->iterations);
    const double pace = run->wall_seconds > 0 ? (double)trained / run->wall_seconds : 0;
    if (pace > 0 && state->known) number_print(rate, sizeof rate, "%.*f", pace < 100 ? 1 : 0, pace);
    if (pace > 0 && run->state != RUN_DONE && run->iteration < run->iterations)
        progress_time((double)(all - trained) / pace, left);
    snprintf(reached, sizeof reached, "%" PRIu64 "/%" PRIu64, run->iteration, run->iterations);
    fprintf(state->rows, "%" PRId64 "\t%.12s\t%s\t%s\t%" PRIu64 "\t%s\t%s\t%s\t%s\t%s\n", run->id, run->key,
            run->dataset, run->model, run->seed, dead ? "interrupted" : db_state_name(run->state), reached, rate, left,
            run->state == RUN_FAILED ? run->error : "");
    return STATUS_OK;
}

static status list_runs(results_db *db, error_info *err) {
    columns table;
    TRY(columns_begin(&table, err));
    listing state = {.db = db, .rows = table.rows, .locked = db_is_locked(db_path(db))};
    fputs("run\tkey\tdata\tmodel\tseed\tstate\titerations\tsamples/s\tleft\n", table.rows);
    const status outcome = db_each_run(db, NULL, write_run, &state, err);
    return columns_end(&table, outcome, "%5s  %-12s  %-16s %-16s %6s  %-11s %15s %9s %9s  %s", stdout, err);
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
    request args = {.database = NULL};
    size_t others;
    error_info err = {""};
    char initial[PATH_MAX], beside[PATH_MAX];
    results_db *db = NULL;
    if (command_read(&command_list, count, words, &args, 1, &what, &others, &err) != STATUS_OK)
        return usage_error(&command_list, err.text);
    const bool experiments = !what || strcmp(what, "experiments") == 0, runs = !what || strcmp(what, "runs") == 0,
               tasks = !what || strcmp(what, "tasks") == 0;
    if (what && strcmp(what, "devices") == 0) {
        devices_write(stdout);
        return EXIT_DONE;
    }
    if (!experiments && !runs && !tasks) {
        error_describe(&err, "list %.100s: expected experiments, runs, tasks or devices", what);
        return usage_error(&command_list, err.text);
    }
    install_path(DEFAULT_DATABASE, initial);
    const char *database = args.database ? args.database : initial;
    shard_folder(database, beside);
    const char *folder = args.folder ? args.folder : beside;
    /* Tasks may start before the database exists. */
    if (!(tasks && access(database, F_OK) != 0 && access(folder, F_OK) == 0) &&
        db_open_reading(database, &db, &err) != STATUS_OK)
        return command_failed(err.text);
    status outcome = STATUS_OK;
    if (db && experiments) outcome = list_experiments(db, &err);
    if (db && experiments && runs) putchar('\n');
    if (db && runs && outcome == STATUS_OK) outcome = list_runs(db, &err);
    if (db && tasks && (experiments || runs) && access(folder, F_OK) == 0) putchar('\n');
    if (tasks && outcome == STATUS_OK) outcome = task_list_write(db, folder, stdout, &err);
    db_close(&db, NULL);
    return outcome == STATUS_OK ? EXIT_DONE : command_failed(err.text);
}

const command command_list = {
    .name = "list",
    .summary = "list experiments, runs, tasks on other machines, or devices",
    .forms = (const char *const[]){"[experiments|runs|tasks|devices] [OPTION]...", NULL},
    .words = "experiments runs tasks devices",
    .text = "tasks: the tasks that were submitted to other machines, from their shards and, with Slurm, its queue; for "
            "failed tasks the last lines of their logs.\n\n"
            "devices: the names that --device accepts on this machine, or why there is no GPU.",
    OPTIONS(options),
    .run = run_list};
