/* verb_report.c - ./run report: one page with all that a database has to show, made by plots/report.sh. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/machine.h"
#include "record/recorder.h"
#include "system/arguments.h"
#include "system/place.h"
#include "verbs/verbs.h"

enum { PROGRAM_MAX = 128 };

/* "report.html" in the database's folder. */
static void default_page(const char *database, char out[PLACE_PATH_MAX]) {
    const char *slash = strrchr(database, '/');
    snprintf(out, PLACE_PATH_MAX, "%.*sreport.html", slash ? (int)(slash + 1 - database) : 0, database);
}

/* Databases that the script could not make sense of are refused as the other verbs refuse them. */
static status check_database(const char *path, failure *why) {
    recorder *book;
    TRY(recorder_open_reading(path, &book, why));
    return recorder_close(&book, why);
}

/* This process becomes the script, whose exit status is then its own. */
static int become_script(const char *database, const char *page, bool force) {
    char script[PLACE_PATH_MAX], program[PROGRAM_MAX];
    failure why;
    place_path("plots/report.sh", script);
    machine_name_program(sizeof program, program);
    const char *arguments[] = {
        script, "--db", database, "--output", page, "--program", program, force ? "--force" : NULL, NULL};
    fflush(NULL);
    execv(script, (char **)arguments);
    failure_describe(&why, "cannot run %s: %s", script, strerror(errno));
    return verb_failed(why.text);
}

static int run_report(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    const char *database = NULL, *output = NULL;
    bool force = false;
    size_t others;
    failure why = {""};
    char standard[PLACE_PATH_MAX], page[PLACE_PATH_MAX];
    const argument_option options[] = {{.name = "--db", .type = ARGUMENT_TEXT, .into = &database},
                                       {.name = "--output", .type = ARGUMENT_TEXT, .into = &output},
                                       {.name = "--force", .type = ARGUMENT_FLAG, .into = &force}};
    if (arguments_read(count, words, sizeof options / sizeof *options, options, 0, NULL, &others, &why) != STATUS_OK)
        return verb_misused(&verb_report, why.text);
    if (output && *output == '\0') return verb_misused(&verb_report, "--output is empty");
    place_path(PLACE_DATABASE, standard);
    if (!database) database = standard;
    if (check_database(database, &why) != STATUS_OK) return verb_failed(why.text);
    default_page(database, page);
    return become_script(database, output ? output : page, force);
}

const verb verb_report = {
    .name = "report",
    .summary = "one page with every figure and table, the claims, and where each run comes from",
    .usage =
        "usage: ./run report [--db PATH] [--output FILE] [--force]\n"
        "\n"
        "Writes a page of HTML that needs no other file and no network: every figure and table of the paper that\n"
        "the database has rows for, beside the paper's numbers; the claims with their verdicts; settings, seeds,\n"
        "times and provenance of all runs; and which commands would make what is missing. It takes about half a\n"
        "minute. The same database gives the same bytes, but for one line with the date, which is that of\n"
        "$SOURCE_DATE_EPOCH where it is set. Exit status 1 if a figure could not be drawn; the rest is there then.\n"
        "\n"
        "  --output FILE  instead of report.html beside the database; \"-\" is standard output\n"
        "  --force        replace a file that is no such page; a database, never\n",
    .run = run_report};
