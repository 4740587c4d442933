/* verb_archive.c - ./run archive: a compact copy of the database. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/recorder.h"
#include "system/arguments.h"
#include "system/place.h"
#include "verbs/verbs.h"

typedef struct request {
    const char *output, *database;
    bool force;
} request;

static status read_request(int count, char **words, request *out, failure *why) {
    const argument_option options[] = {{.name = "--db", .type = ARGUMENT_TEXT, .into = &out->database},
                                       {.name = "--force", .type = ARGUMENT_FLAG, .into = &out->force}};
    size_t others = 0;
    TRY(arguments_read(count, words, sizeof options / sizeof *options, options, 1, &out->output, &others, why));
    return others == 1 ? STATUS_OK : fail(why, STATUS_INVALID, "which file? Name the archive, as in results/2025.db");
}

/* Nothing is lost by mistake. */
static status check_output(const request *asked, failure *why) {
    struct stat from, to;
    if (stat(asked->output, &to) != 0) return STATUS_OK;
    if (stat(asked->database, &from) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        return fail(why, STATUS_INVALID, "\"%s\" is the database itself; expected another file", asked->output);
    if (!S_ISREG(to.st_mode)) return fail(why, STATUS_INVALID, "\"%s\" is not a file", asked->output);
    if (!asked->force) return fail(why, STATUS_INVALID, "\"%s\" is there already; --force replaces it", asked->output);
    if (recorder_is_held(asked->output))
        return fail(why, STATUS_INVALID, "\"%s\" is being written by another process", asked->output);
    return STATUS_OK;
}

/* What SQLite keeps beside a database belongs to that one file: with another one it would damage it. */
static void remove_beside(const char *path) {
    static const char *const endings[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[PLACE_PATH_MAX];
        if (snprintf(name, sizeof name, "%s%s", path, endings[i]) < (int)sizeof name) unlink(name);
    }
}

static double megabytes(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 ? 1e-6 * (double)information.st_size : 0;
}

/* Under another name first: whoever opens the archive finds a whole one. */
static status write_archive(const request *asked, recorder_archived *kept, failure *why) {
    char temporary[PLACE_PATH_MAX];
    recorder *book;
    if (snprintf(temporary, sizeof temporary, "%s.%ld.tmp", asked->output, (long)getpid()) >= (int)sizeof temporary)
        return fail(why, STATUS_IO, "the archive's path is too long: \"%.200s...\"", asked->output);
    TRY(recorder_open_reading(asked->database, &book, why));
    unlink(temporary); /* of a process with this number that was killed */
    status outcome = recorder_archive(book, temporary, kept, why);
    recorder_close(&book, NULL);
    if (outcome == STATUS_OK) {
        remove_beside(asked->output);
        if (rename(temporary, asked->output) != 0)
            outcome = fail(why, STATUS_IO, "cannot write \"%s\": %s", asked->output, strerror(errno));
    }
    if (outcome != STATUS_OK) {
        unlink(temporary);
        remove_beside(temporary);
    }
    return outcome;
}

static int run_archive(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    failure why = {""};
    request asked = {.output = NULL};
    recorder_archived kept = {0};
    char standard[PLACE_PATH_MAX];
    place_path(PLACE_DATABASE, standard);
    status outcome = read_request(count, words, &asked, &why);
    if (!asked.database) asked.database = standard;
    if (outcome == STATUS_OK) outcome = check_output(&asked, &why);
    if (outcome != STATUS_OK) return verb_misused(&verb_archive, why.text);
    if (write_archive(&asked, &kept, &why) != STATUS_OK) return verb_failed(why.text);
    printf("%s: %" PRIu64 " of %" PRIu64 " runs, %" PRIu64 " of %" PRIu64
           " pictures, no checkpoints; %.2f MB of %.2f\n",
           asked.output, kept.runs, kept.runs_before, kept.pictures, kept.pictures_before, megabytes(asked.output),
           megabytes(asked.database));
    return EXIT_DONE;
}

const verb verb_archive = {
    .name = "archive",
    .summary = "write a compact copy of the database, with all numbers and what figures draw",
    .usage = "usage: ./run archive OUTPUT.db [--db PATH] [--force]\n"
             "\n"
             "Copies the finished runs with all their numbers. Checkpoints are left out, and of the stored densities\n"
             "and samples all but those that figures draw: of the data, and of the median seed of each data set and\n"
             "model of each experiment. Figures, ./run check and further trainings work with the copy as with any\n"
             "database; models of its runs cannot be used, as these are in the checkpoints.\n"
             "\n"
             "  --db PATH  the database to copy (results/results.db)\n"
             "  --force    replace OUTPUT.db if it is there\n",
    .run = run_archive};
