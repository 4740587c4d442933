/* model.c - a trained model by the name of its run or of its file. */
#include "commands/model.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "record/checkpoint_files.h"
#include "record/results_db.h"

static bool is_file(const char *name) {
    static const char ending[] = ".safetensors";
    const size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcmp(name + length - tail, ending) == 0;
}

/* RUN:best is the model of the run's best epoch; which <- RUN. Keys and numbers have no colon, files may. */
static status split_name(const char *name, char which[PATH_MAX], bool *best, error_info *err) {
    static const char ending[] = ":best";
    const char *colon = strrchr(name, ':');
    const size_t length = strlen(name);
    if (length >= PATH_MAX) return error_set(err, STATUS_IO, "the path is too long: %.100s...", name);
    memcpy(which, name, length + 1);
    *best = colon && strcmp(colon, ending) == 0;
    if (*best) which[colon - name] = '\0';
    if (!colon || *best || is_file(name)) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%.100s: no such model; expected RUN, RUN:best or a .safetensors file", name);
}

/* A checkpoint does not have the folder of the run's images, because the file may be moved to another machine. */
static status keep_folder(void *argument, const char *section, const char *key, const char *value) {
    if (strcmp(section, "data") == 0 && strcmp(key, "dir") == 0) snprintf(argument, SETTINGS_TEXT_MAX, "%s", value);
    return STATUS_OK;
}

/* Find the file of a run in the database. */
static status find_file(const char *name, const char *database, trained_model *out, error_info *err) {
    results_db *db;
    db_run run;
    char archived[32] = "";
    TRY(db_open_reading(database, &db, err));
    status outcome = db_resolve_run(db, name, &run, err);
    if (outcome == STATUS_OK) outcome = db_archive_date(db, archived, err);
    if (outcome == STATUS_OK) checkpoint_locate(db_path(db), run.checkpoint_path, out->path);
    if (outcome == STATUS_OK) outcome = db_each_setting(db, run.id, keep_folder, out->folder, err);
    db_close(&db, NULL);
    if (outcome != STATUS_OK) return outcome;
    if (run.iterations == 0)
        return error_set(err, STATUS_INVALID, "run %s only counted parameters: it has no model", run.key);
    if (!run.has_checkpoint && run.state == RUN_DONE && *archived)
        return error_set(
            err, STATUS_IO,
            "run %s has no checkpoint: \"%s\" was archived without them at %s; use the database that it was "
            "made from, or train the run again in another database",
            run.key, database, archived);
    if (!run.has_checkpoint)
        return error_set(err, STATUS_IO, "run %s (%s) has no checkpoint yet", run.key, db_state_name(run.state));
    if (run.state != RUN_DONE)
        error_describe(&out->unfinished, "run %s is %s: these are its parameters after %" PRIu64 " iterations", run.key,
                       db_state_name(run.state), run.checkpoint_iteration);
    return checkpoint_verify(out->path, run.checkpoint_bytes, run.checkpoint_sha256, err);
}

status trained_open(const char *name, const char *database, size_t threads, trained_model *out, error_info *err) {
    char which[PATH_MAX];
    bool best;
    *out = (trained_model){.model = NULL};
    TRY(split_name(name, which, &best, err));
    if (is_file(which)) memcpy(out->path, which, strlen(which) + 1);
    else TRY(find_file(which, database, out, err));
    return (best ? model_open_best : model_open)(out->path, threads, &out->model, err);
}
