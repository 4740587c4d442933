/* command_report.c - ./run report: an HTML page about a database, by plots/report.sh. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "record/machine.h"
#include "record/results_db.h"
#include "system/paths.h"

enum { PROGRAM_MAX = 128 };

/* "report.html" in the database's folder. */
static void default_page(const char *database, char out[PATH_MAX]) {
    const char *slash = strrchr(database, '/');
    snprintf(out, PATH_MAX, "%.*sreport.html", slash ? (int)(slash + 1 - database) : 0, database);
}

/* Reject databases that the script cannot read, with the message of the other commands. */
static status check_database(const char *path, error_info *err) {
    results_db *db;
    TRY(db_open_reading(path, &db, err));
    return db_close(&db, err);
}

/* Replace this process by the script. Returns only on failure. */
static int become_script(const char *database, const char *page, bool force) {
    char script[PATH_MAX], program[PROGRAM_MAX];
    error_info err;
    install_path("plots/report.sh", script);
    machine_name_program(sizeof program, program);
    const char *arguments[] = {
        script, "--db", database, "--output", page, "--program", program, force ? "--force" : NULL, NULL};
    fflush(NULL);
    execv(script, (char **)arguments);
    error_describe(&err, "%s: cannot run it: %s", script, strerror(errno));
    return command_failed(err.text);
}

typedef struct request {
    const char *database, *output;
    bool force;
} request;

static const argument_option options[] = {
    OPTION_DATABASE(request),
    OPTION_TEXT(request, output, "--output", "FILE",
                "the page (report.html, beside the database); \"-\": standard output"),
    OPTION_FLAG(request, force, "--force", "replace a file that is no such page; a database is never replaced")};

static int run_report(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    request args = {.database = NULL};
    size_t others;
    error_info err = {""};
    char standard[PATH_MAX], page[PATH_MAX];
    if (command_read(&command_report, count, words, &args, 0, NULL, &others, &err) != STATUS_OK)
        return usage_error(&command_report, err.text);
    if (args.output && *args.output == '\0')
        return usage_error(&command_report, "--output: the name is empty; expected a file");
    install_path(DEFAULT_DATABASE, standard);
    const char *database = args.database ? args.database : standard;
    if (check_database(database, &err) != STATUS_OK) return command_failed(err.text);
    default_page(database, page);
    return become_script(database, args.output ? args.output : page, args.force);
}

const command command_report = {
    .name = "report",
    .summary = "write one HTML page with all figures, tables and claims, and the provenance of each run",
    .forms = (const char *const[]){"[OPTION]...", NULL},
    .text =
        "Writes a self-contained HTML page: every figure and table of the paper that the database has rows for, beside "
        "the paper's numbers; the claims with their verdicts; settings, seeds, times and provenance of all runs; and "
        "the commands that compute what is missing. It takes about half a minute. The same database gives the same "
        "bytes except the line with the date, which is $SOURCE_DATE_EPOCH if that is set. If a figure cannot be drawn, "
        "the page is written without it and the exit status is 1.",
    OPTIONS(options),
    .run = run_report};
