/* archive.c - ./run export --archive: a compact copy of a database. */
#include "verbs/archive.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/model.h"
#include "record/checkpoint_files.h"
#include "record/recorder.h"
#include "system/output.h"
#include "system/temporary.h"

static status count_checkpoint(void *argument, const recorder_run *run, failure *why) {
    (void)why;
    *(size_t *)argument += run->has_checkpoint;
    return STATUS_OK;
}

/* Only an archive may be replaced by another. One with checkpoints has been used for training since. */
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

/* Remove SQLite's files beside a database: with another database they would damage it. */
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

/* Move the finished database to its place, or write its bytes to a stream. */
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

/* Whose models are kept, and beside which archive. */
typedef struct keeping {
    const char *database, *archive;
} keeping;

/* Write the parameters and settings of a run's checkpoint, as ./run export does. */
static status keep_model(void *argument, const recorder_run *run, char *path, char sha256[65], uint64_t *bytes,
                         failure *why) {
    const keeping *self = argument;
    char from[PATH_MAX], name[PATH_MAX], to[PATH_MAX];
    model *trained;
    checkpoint_locate(self->database, run->checkpoint_path, from);
    checkpoint_name(self->archive, run->key, run->checkpoint_iteration, name);
    checkpoint_locate(self->archive, name, to);
    if (snprintf(path, RECORDER_NAME_MAX, "%s", name) >= RECORDER_NAME_MAX)
        return fail(why, STATUS_IO, "the archive's path is too long: \"%.200s...\"", name);
    TRY(checkpoint_verify(from, run->checkpoint_bytes, run->checkpoint_sha256, why));
    TRY(model_open(from, 1, &trained, why));
    const status outcome = model_write(trained, to, why);
    model_close(&trained);
    return outcome == STATUS_OK ? checkpoint_describe(to, bytes, sha256, why) : outcome;
}

/* Write under another name first, so that the archive is whole whenever it is opened. */
static status write_archive(const output_request *asked, const char *database, const output *to, bool with_parameters,
                            double *size, recorder_archived *kept, failure *why) {
    keeping models = {.archive = to->path};
    char folder[PATH_MAX], made[PATH_MAX + 16];
    recorder *book;
    if (with_parameters && to->stream)
        return fail(why, STATUS_INVALID,
                    "--with-parameters: models are files beside the archive; expected the name of a file");
    if (with_parameters) TRY(checkpoint_make_folder(to->path, why));
    TRY(recorder_open_reading(database, &book, why));
    models.database = recorder_path(book);
    status outcome = to->stream ? temporary_create(folder, why) : temporary_create_beside(to->path, folder, why);
    if (outcome == STATUS_OK) {
        snprintf(made, sizeof made, "%s/archive.db", folder);
        outcome = recorder_archive(book, made, with_parameters ? keep_model : NULL, &models, kept, why);
        *size = megabytes(made);
        if (outcome == STATUS_OK) outcome = put_archive(made, asked, why);
        temporary_remove(folder);
    }
    recorder_close(&book, NULL);
    return outcome;
}

status archive_write(const char *file, const char *database, bool with_parameters, bool force, failure *why) {
    recorder_archived kept = {0};
    char models[64] = "no checkpoints";
    output to;
    double size = 0;
    const output_request out = {.name = file, .kind = &output_archive, .force = force, .inputs = {database}};
    TRY(output_check(&out, &to, why));
    TRY(write_archive(&out, database, &to, with_parameters, &size, &kept, why));
    if (with_parameters) snprintf(models, sizeof models, "the parameters of %" PRIu64, kept.models);
    fprintf(OUTPUT_MESSAGES(&to),
            "%s: %" PRIu64 " of %" PRIu64 " runs, %" PRIu64 " of %" PRIu64 " pictures, %s; %.2f MB of %.2f\n", file,
            kept.runs, kept.runs_before, kept.pictures, kept.pictures_before, models, size, megabytes(database));
    return STATUS_OK;
}
