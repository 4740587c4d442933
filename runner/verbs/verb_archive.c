/* verb_archive.c - ./run archive: a compact copy of the database. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "record/recorder.h"
#include "system/arguments.h"
#include "system/output.h"
#include "system/place.h"
#include "system/temporary.h"
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

static status count_checkpoint(void *argument, const recorder_run *run, failure *why) {
    (void)why;
    *(size_t *)argument += run->has_checkpoint;
    return STATUS_OK;
}

/* Only an archive gives way to another: with checkpoints it has been trained in since. */
static output_content look_at_archive(const char *path, const unsigned char *head, size_t size, size_t columns) {
    recorder *book;
    char date[32] = "";
    size_t checkpoints = 0;
    (void)head;
    (void)size;
    (void)columns;
    if (recorder_open_reading(path, &book, NULL) != STATUS_OK) return OUTPUT_OTHER;
    status outcome = recorder_archive_date(book, date, NULL);
    if (outcome == STATUS_OK) outcome = recorder_each_run(book, NULL, count_checkpoint, &checkpoints, NULL);
    recorder_close(&book, NULL);
    return outcome == STATUS_OK && *date && checkpoints == 0 && !recorder_is_held(path) ? OUTPUT_OWN : OUTPUT_KEPT;
}

static const output_kind output_archive = {.name = "an archive", .asks = true, .look = look_at_archive};

/* What SQLite keeps beside a database belongs to that one file: with another one it would damage it. */
static void remove_beside(const char *path) {
    static const char *const endings[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[PATH_MAX];
        if (snprintf(name, sizeof name, "%s%s", path, endings[i]) < (int)sizeof name) unlink(name);
    }
}

static double megabytes(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 ? 1e-6 * (double)information.st_size : 0;
}

/* Move a whole database to its place; a stream gets its bytes. */
static status put_archive(const char *made, const output_request *asked, failure *why) {
    output to;
    unsigned char *bytes;
    size_t size;
    TRY(output_check(asked, &to, why));
    if (!to.stream) {
        remove_beside(to.path);
        if (rename(made, to.path) != 0)
            return fail(why, STATUS_IO, "cannot write \"%s\": %s", asked->name, strerror(errno));
        file_sync_folder_of(to.path);
        return STATUS_OK;
    }
    TRY(file_read(made, &bytes, &size, why));
    const status outcome = output_write(asked, bytes, size, why);
    free(bytes);
    return outcome;
}

/* Write under another name first, so that the archive is whole whenever it is opened. */
static status write_archive(const output_request *asked, const char *database, const output *to,
                            recorder_archived *kept, double *size, failure *why) {
    char folder[TEMPORARY_PATH_MAX], made[TEMPORARY_PATH_MAX + 16];
    recorder *book;
    TRY(recorder_open_reading(database, &book, why));
    status outcome = to->stream ? temporary_create(folder, why) : temporary_create_beside(to->path, folder, why);
    if (outcome == STATUS_OK) {
        snprintf(made, sizeof made, "%s/archive.db", folder);
        outcome = recorder_archive(book, made, kept, why);
        *size = megabytes(made);
        if (outcome == STATUS_OK) outcome = put_archive(made, asked, why);
        temporary_remove(folder);
    }
    recorder_close(&book, NULL);
    return outcome;
}

static int run_archive(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    failure why = {""};
    request asked = {.output = NULL};
    recorder_archived kept = {0};
    output to;
    double size = 0;
    char standard[PLACE_PATH_MAX];
    place_path(PLACE_DATABASE, standard);
    if (read_request(count, words, &asked, &why) != STATUS_OK) return verb_misused(&verb_archive, why.text);
    if (!asked.database) asked.database = standard;
    const output_request out = {
        .name = asked.output, .kind = &output_archive, .force = asked.force, .inputs = {asked.database}};
    status outcome = output_check(&out, &to, &why);
    if (outcome == STATUS_OK) outcome = write_archive(&out, asked.database, &to, &kept, &size, &why);
    if (outcome == STATUS_INVALID) return verb_misused(&verb_archive, why.text);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    fprintf(OUTPUT_MESSAGES(&to),
            "%s: %" PRIu64 " of %" PRIu64 " runs, %" PRIu64 " of %" PRIu64
            " pictures, no checkpoints; %.2f MB of %.2f\n",
            asked.output, kept.runs, kept.runs_before, kept.pictures, kept.pictures_before, size,
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
             "model of each experiment. These are rounded by less than figures show, and compressed. Figures,\n"
             "./run check and further trainings work with the copy as with any database; models of its runs cannot\n"
             "be used, as these are in the checkpoints.\n"
             "\n"
             "OUTPUT.db may be a pipe, or \"-\" for standard output.\n"
             "\n"
             "  --db PATH  the database to copy (results/results.db)\n"
             "  --force    replace OUTPUT.db if it is there; a database that is no archive, or has been trained in\n"
             "             since, is never replaced\n",
    .run = run_archive};
