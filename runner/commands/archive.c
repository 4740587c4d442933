/* archive.c - ./run export --archive: a compact copy of a database. */
#include "commands/archive.h"

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
#include "record/results_db.h"
#include "system/output.h"
#include "system/temporary.h"

static status count_checkpoint(void *argument, const db_run *run, error_info *err) {
    (void)err;
    *(size_t *)argument += run->has_checkpoint;
    return STATUS_OK;
}

/* Only an archive may be replaced by another. One with checkpoints has been used for training since. */
static output_content look_at_archive(const char *path, const unsigned char *head, size_t size, size_t columns) {
    results_db *db;
    char date[32] = "";
    size_t checkpoints = 0;
    (void)head;
    (void)size;
    (void)columns;
    if (db_open_reading(path, &db, NULL) != STATUS_OK) return OUTPUT_OTHER;
    status outcome = db_archive_date(db, date, NULL);
    if (outcome == STATUS_OK) outcome = db_each_run(db, NULL, count_checkpoint, &checkpoints, NULL);
    db_close(&db, NULL);
    return outcome == STATUS_OK && *date && checkpoints == 0 && !db_is_locked(path) ? OUTPUT_OWN : OUTPUT_KEPT;
}

static const output_kind output_archive = {.name = "an archive", .needs_force = true, .look = look_at_archive};

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
static status put_archive(const char *made, const output_request *args, error_info *err) {
    output to;
    unsigned char *bytes;
    size_t size;
    TRY(output_check(args, &to, err));
    if (!to.stream) {
        remove_beside(to.path);
        if (rename(made, to.path) != 0)
            return error_set(err, STATUS_IO, "cannot write \"%s\": %s", args->name, strerror(errno));
        file_sync_folder_of(to.path);
        return STATUS_OK;
    }
    TRY(file_read(made, &bytes, &size, err));
    const status outcome = output_write(args, bytes, size, err);
    free(bytes);
    return outcome;
}

/* The runs whose models are exported, and the archive beside which they are written. */
typedef struct keeping {
    const char *database, *archive;
} keeping;

/* Write the parameters and settings of a run's checkpoint, as ./run export does. */
static status keep_model(void *argument, const db_run *run, char *path, char sha256[65], uint64_t *bytes,
                         error_info *err) {
    const keeping *self = argument;
    char from[PATH_MAX], name[PATH_MAX], to[PATH_MAX];
    model *trained;
    checkpoint_locate(self->database, run->checkpoint_path, from);
    checkpoint_name(self->archive, run->key, run->checkpoint_iteration, name);
    checkpoint_locate(self->archive, name, to);
    if (snprintf(path, DB_NAME_MAX, "%s", name) >= DB_NAME_MAX)
        return error_set(err, STATUS_IO, "the archive's path is too long: \"%.200s...\"", name);
    TRY(checkpoint_verify(from, run->checkpoint_bytes, run->checkpoint_sha256, err));
    TRY(model_open(from, 1, &trained, err));
    const status outcome = model_write(trained, to, err);
    model_close(&trained);
    return outcome == STATUS_OK ? checkpoint_describe(to, bytes, sha256, err) : outcome;
}

/* Write under another name first, so that the archive is whole whenever it is opened. */
static status write_archive(const output_request *args, const char *database, const output *to, bool with_parameters,
                            double *size, db_archived *kept, error_info *err) {
    keeping models = {.archive = to->path};
    char folder[PATH_MAX], made[PATH_MAX + 16];
    results_db *db;
    if (with_parameters && to->stream)
        return error_set(err, STATUS_INVALID,
                         "--with-parameters: models are files beside the archive; expected the name of a file");
    if (with_parameters) TRY(checkpoint_make_folder(to->path, err));
    TRY(db_open_reading(database, &db, err));
    models.database = db_path(db);
    status outcome = to->stream ? temporary_create(folder, err) : temporary_create_beside(to->path, folder, err);
    if (outcome == STATUS_OK) {
        snprintf(made, sizeof made, "%s/archive.db", folder);
        outcome = db_archive(db, made, with_parameters ? keep_model : NULL, &models, kept, err);
        *size = megabytes(made);
        if (outcome == STATUS_OK) outcome = put_archive(made, args, err);
        temporary_remove(folder);
    }
    db_close(&db, NULL);
    return outcome;
}

status archive_write(const char *file, const char *database, bool with_parameters, bool force, error_info *err) {
    db_archived kept = {0};
    char models[64] = "no checkpoints";
    output to;
    double size = 0;
    const output_request out = {.name = file, .kind = &output_archive, .force = force, .inputs = {database}};
    TRY(output_check(&out, &to, err));
    TRY(write_archive(&out, database, &to, with_parameters, &size, &kept, err));
    if (with_parameters) snprintf(models, sizeof models, "the parameters of %" PRIu64, kept.models);
    fprintf(OUTPUT_MESSAGES(&to),
            "%s: %" PRIu64 " of %" PRIu64 " runs, %" PRIu64 " of %" PRIu64 " pictures, %s; %.2f MB of %.2f\n", file,
            kept.runs, kept.runs_before, kept.pictures, kept.pictures_before, models, size, megabytes(database));
    return STATUS_OK;
}
