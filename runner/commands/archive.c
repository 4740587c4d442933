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
#include "system/file_copy.h"
#include "system/output.h"
#include "system/paths.h"
#include "system/temporary.h"

/* The checkpoints of an archive, by the state of their runs. */
typedef struct checkpoint_counts {
    size_t done, unfinished;
} checkpoint_counts;

static status count_checkpoint(void *argument, const db_run *run, error_info *err) {
    checkpoint_counts *counts = argument;
    (void)err;
    *(run->state == RUN_DONE ? &counts->done : &counts->unfinished) += run->has_checkpoint;
    return STATUS_OK;
}

/* Only an archive may be replaced by another. One with models of finished runs, or one with unfinished runs that was
 * opened for writing, may have been used for training since. */
static output_content look_at_archive(const char *path, const unsigned char *head, size_t size, size_t columns) {
    results_db *db;
    char date[32] = "";
    checkpoint_counts counts = {.done = 0};
    bool packed = false;
    (void)head;
    (void)size;
    (void)columns;
    if (db_open_reading(path, &db, NULL) != STATUS_OK) return OUTPUT_OTHER;
    status outcome = db_archive_date(db, date, NULL);
    if (outcome == STATUS_OK) outcome = db_each_run(db, NULL, count_checkpoint, &counts, NULL);
    if (outcome == STATUS_OK) outcome = db_has_packed_tables(db, &packed, NULL);
    db_close(&db, NULL);
    if (outcome != STATUS_OK || !*date || db_is_locked(path)) return OUTPUT_KEPT;
    return counts.done == 0 && (counts.unfinished == 0 || packed) ? OUTPUT_OWN : OUTPUT_KEPT;
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

/* The runs whose checkpoints are stored, and the archive beside which they are written. */
typedef struct keeping {
    const char *database, *archive;
    bool replaced; /* a training has replaced the checkpoint meanwhile */
} keeping;

/* from, to <- the paths of a run's checkpoint; name (DB_NAME_MAX) <- the one in the archive's row. */
static status name_checkpoint(const keeping *self, const db_run *run, char from[PATH_MAX], char to[PATH_MAX],
                              char *name, error_info *err) {
    char named[PATH_MAX];
    checkpoint_locate(self->database, run->checkpoint_path, from);
    checkpoint_name(self->archive, run->key, run->checkpoint_iteration, named);
    checkpoint_locate(self->archive, named, to);
    if (snprintf(name, DB_NAME_MAX, "%s", named) >= DB_NAME_MAX)
        return error_set(err, STATUS_IO, "the archive's path is too long: \"%.200s...\"", named);
    return STATUS_OK;
}

/* Write the parameters and settings of a run's checkpoint, as ./run export does. */
static status keep_model(void *argument, const db_run *run, char *path, char sha256[65], uint64_t *bytes,
                         error_info *err) {
    char from[PATH_MAX], to[PATH_MAX];
    model *trained;
    TRY(name_checkpoint(argument, run, from, to, path, err));
    TRY(checkpoint_verify(from, run->checkpoint_bytes, run->checkpoint_sha256, err));
    TRY(model_open(from, 1, &trained, err));
    const status outcome = model_write(trained, to, err);
    model_close(&trained);
    return outcome == STATUS_OK ? checkpoint_describe(to, bytes, sha256, err) : outcome;
}

/* Take the checkpoint of an unfinished run as it is: a training needs every array of it. */
static status keep_state(void *argument, const db_run *run, char *path, char sha256[65], uint64_t *bytes,
                         error_info *err) {
    keeping *self = argument;
    char from[PATH_MAX], to[PATH_MAX];
    bool found;
    TRY(name_checkpoint(self, run, from, to, path, err));
    TRY(file_take(from, to, &found, err));
    self->replaced = !found;
    if (!found)
        return error_set(err, STATUS_IO,
                         "run %.12s: there is no checkpoint \"%s\"; %s check --restart %.12s discards it", run->key,
                         from, command_name(), run->key);
    TRY(checkpoint_verify(to, run->checkpoint_bytes, run->checkpoint_sha256, err));
    memcpy(sha256, run->checkpoint_sha256, 65);
    *bytes = run->checkpoint_bytes;
    return STATUS_OK;
}

/* --- Replacing an archive with unfinished runs --- */

typedef struct replacing {
    results_db *newer;
    const char *archive, *database;
} replacing;

static status check_later(void *argument, const db_run *run, error_info *err) {
    const replacing *self = argument;
    db_run now;
    if (!run->has_checkpoint) return STATUS_OK;
    TRY(db_find_run(self->newer, run->key, &now, err));
    if (now.id != 0 &&
        (now.state == RUN_DONE || (now.has_checkpoint && now.checkpoint_iteration >= run->checkpoint_iteration)))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID,
                     "%s: it has run %.12s at iteration %" PRIu64 ", and \"%s\" has it at %" PRIu64
                     "; expected a later one; use %s merge %s --db %s first, or another file",
                     self->archive, run->key, run->checkpoint_iteration, self->database,
                     now.id && now.has_checkpoint ? now.checkpoint_iteration : 0, command_name(), self->archive,
                     self->database);
}

/* Refuse to replace hours of training by an earlier state. */
static status check_states(results_db *db, const output *to, error_info *err) {
    replacing self = {.newer = db, .archive = to->path, .database = db_path(db)};
    results_db *older;
    if (to->stream || access(to->path, F_OK) != 0) return STATUS_OK;
    if (db_open_reading(to->path, &older, NULL) != STATUS_OK) return STATUS_OK; /* no database; --force replaces it */
    const status outcome = db_each_run(older, NULL, check_later, &self, err);
    db_close(&older, NULL);
    return outcome;
}

/* Remove a file that the new archive does not name. */
static status remove_earlier(void *argument, const char *path, const char *key, error_info *err) {
    results_db *db = argument;
    char named[PATH_MAX] = "";
    db_run run;
    TRY(db_find_run(db, key, &run, err));
    if (run.has_checkpoint) checkpoint_locate(db_path(db), run.checkpoint_path, named);
    if (strcmp(path, named) != 0) unlink(path);
    return STATUS_OK;
}

static status remove_earlier_states(const output *to, error_info *err) {
    results_db *db;
    TRY(db_open_reading(to->path, &db, err));
    const status outcome = checkpoint_each_file(db_path(db), remove_earlier, db, err);
    db_close(&db, NULL);
    return outcome;
}

/* --- Writing --- */

enum { ATTEMPTS = 5 }; /* while a training writes checkpoints */

/* Write under another name first, so that the archive is whole whenever it is opened. */
static status write_archive(const archive_request *request, const output_request *args, const output *to, double *size,
                            db_archived *kept, error_info *err) {
    keeping files = {.archive = to->path};
    const db_keeper keeper = {.model = request->with_parameters ? keep_model : NULL,
                              .state = request->unfinished ? keep_state : NULL,
                              .argument = &files};
    char folder[PATH_MAX], made[PATH_MAX + 16];
    results_db *db;
    if ((keeper.model || keeper.state) && to->stream)
        return error_set(err, STATUS_INVALID,
                         "%s: checkpoints are files beside the archive; expected the name of a file",
                         keeper.model ? "--with-parameters" : "--unfinished");
    if (keeper.model || keeper.state) TRY(checkpoint_make_folder(to->path, err));
    TRY(db_open_reading(request->database, &db, err));
    files.database = db_path(db);
    status outcome = check_states(db, to, err);
    for (int attempt = 1; outcome == STATUS_OK; attempt++) {
        outcome = to->stream ? temporary_create(folder, err) : temporary_create_beside(to->path, folder, err);
        if (outcome != STATUS_OK) break;
        snprintf(made, sizeof made, "%s/archive.db", folder);
        *kept = (db_archived){.runs = 0};
        outcome = db_archive(db, made, &keeper, kept, err);
        *size = megabytes(made);
        if (outcome == STATUS_OK) outcome = put_archive(made, args, err);
        temporary_remove(folder);
        if (outcome == STATUS_OK || !files.replaced || attempt == ATTEMPTS) break;
        outcome = STATUS_OK;
    }
    db_close(&db, NULL);
    return outcome == STATUS_OK && keeper.state ? remove_earlier_states(to, err) : outcome;
}

/* " the parameters of 3, the states of 1 unfinished run" */
static void describe_files(const archive_request *request, const db_archived *kept, char text[160]) {
    int used = snprintf(text, 160, "%s", request->with_parameters || request->unfinished ? "" : "no checkpoints");
    if (request->with_parameters)
        used += snprintf(text + used, 160 - (size_t)used, "the parameters of %" PRIu64 "%s", kept->models,
                         request->unfinished ? ", " : "");
    if (request->unfinished)
        snprintf(text + used, 160 - (size_t)used, "the states of %" PRIu64 " unfinished", kept->states);
}

status archive_write(const archive_request *request, error_info *err) {
    db_archived kept = {0};
    char models[160];
    output to;
    double size = 0;
    const output_request out = {
        .name = request->file, .kind = &output_archive, .force = request->force, .inputs = {request->database}};
    TRY(output_check(&out, &to, err));
    TRY(write_archive(request, &out, &to, &size, &kept, err));
    describe_files(request, &kept, models);
    fprintf(OUTPUT_MESSAGES(&to),
            "%s: %" PRIu64 " of %" PRIu64 " runs, %" PRIu64 " of %" PRIu64 " pictures, %s; %.2f MB of %.2f",
            request->file, kept.runs, kept.runs_before, kept.pictures, kept.pictures_before, models, size,
            megabytes(request->database));
    if (kept.bytes > 0) fprintf(OUTPUT_MESSAGES(&to), ", and %.2f MB of checkpoints", 1e-6 * (double)kept.bytes);
    fputc('\n', OUTPUT_MESSAGES(&to));
    return STATUS_OK;
}
