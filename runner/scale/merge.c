/* merge.c - merge shards into a database: rows and checkpoint files.
 *
 * A task may be writing its shard. So the checkpoint's file is copied first, under the name of its iteration, without a
 * lock that would delay the task. Then all rows are copied in one transaction. If the shard has a newer checkpoint by
 * then, everything is repeated. If it is killed, the database has either the whole shard or no new row of it. Files
 * without a row may remain; the next merge removes them. */
#include "scale/merge.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/plan.h"
#include "record/checkpoint_files.h"
#include "scale/shard.h"
#include "system/file_copy.h"

enum { ATTEMPTS = 5 };

typedef struct merging_files {
    const char *database, *shard;
} merging_files;

/* The path of a run's checkpoint here; `name` is in its row. */
static void locate(const merging_files *files, const db_run *run, char name[PATH_MAX], char path[PATH_MAX]) {
    checkpoint_name(files->database, run->key, run->checkpoint_iteration, name);
    checkpoint_locate(files->database, name, path);
}

static bool has_size(const char *path, uint64_t bytes) {
    uint64_t found;
    error_info ignored;
    return checkpoint_measure(path, &found, &ignored) == STATUS_OK && found == bytes;
}

/* A file of this name and size is the same one: the key and the iteration in the name determine all its bits. */
static status fetch(void *argument, const db_run *run, error_info *err) {
    const merging_files *files = argument;
    char name[PATH_MAX], path[PATH_MAX], from[PATH_MAX];
    bool found;
    locate(files, run, name, path);
    if (has_size(path, run->checkpoint_bytes)) return STATUS_OK;
    checkpoint_locate(files->shard, run->checkpoint_path, from);
    return file_take(from, path, &found, err);
}

static bool is_ready(void *argument, db_run *run) {
    const merging_files *files = argument;
    char name[PATH_MAX], path[PATH_MAX];
    locate(files, run, name, path);
    if (strlen(name) >= sizeof run->checkpoint_path) return false;
    snprintf(run->checkpoint_path, sizeof run->checkpoint_path, "%.*s", DB_NAME_MAX - 1, name);
    return has_size(path, run->checkpoint_bytes);
}

static status merge_attached(results_db *db, merging_files *files, db_merged *merged, error_info *err) {
    bool again = true, needed;
    for (int attempt = 1; again; attempt++) {
        TRY(db_each_wanted(db, fetch, files, merged, &needed, err));
        if (!needed) return STATUS_OK;
        TRY(db_merge(db, is_ready, files, attempt >= ATTEMPTS, merged, &again, err));
    }
    return STATUS_OK;
}

/* Remove its files only once the rows are safe on the disk, after the commit. */
static void remove_shard(const char *path) {
    char folder[PATH_MAX], other[PATH_MAX];
    checkpoint_folder(path, folder);
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries && (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        if (snprintf(other, sizeof other, "%s/%s", folder, entry->d_name) < (int)sizeof other) unlink(other);
    }
    if (entries) closedir(entries);
    rmdir(folder);
    unlink(path);
    static const char *const endings[] = {".lock", ".pending", "-journal"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (snprintf(other, sizeof other, "%s%s", path, endings[i]) < (int)sizeof other) unlink(other);
    if (snprintf(other, sizeof other, "%.*s%s", (int)(strlen(path) - strlen(SHARD_DATABASE)), path, SHARD_LOG) <
        (int)sizeof other)
        unlink(other);
}

static void refuse(const char *text, merge_result *result) {
    fprintf(stderr, "%s\n", text);
    result->refused++;
}

static bool is_same_file(const char *path, const char *other) {
    struct stat one, two;
    return stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

status merge_shard(results_db *db, const char *path, const merge_options *options, merge_result *result,
                   error_info *err) {
    merging_files files = {.database = db_path(db), .shard = path};
    db_merged merged = {.taken = 0};
    bool empty = true;
    error_info reason;
    if (access(path, R_OK) != 0 || is_same_file(path, files.database)) {
        error_describe(&reason, "cannot merge \"%s\" into \"%s\": %s", path, files.database,
                       access(path, R_OK) == 0 ? "they are one file" : strerror(errno));
        refuse(reason.text, result);
        return STATUS_OK;
    }
    result->shards++;
    TRY(db_begin_merging(db, options->remove, err));
    status outcome = db_attach(db, path, &empty, &reason);
    if (outcome == STATUS_OK) {
        if (!empty) outcome = merge_attached(db, &files, &merged, &reason);
        error_info leaving;
        const status left = db_detach(db, &leaving);
        if (left != STATUS_OK) return error_set(err, left, "%s", leaving.text);
    }
    if (outcome == STATUS_IO || outcome == STATUS_MEMORY) return error_set(err, outcome, "%s", reason.text);
    if (outcome != STATUS_OK) {
        refuse(reason.text, result);
        return STATUS_OK;
    }
    result->runs += merged.taken;
    result->completed += merged.completed;
    result->differing += merged.differing;
    result->unfinished += merged.unfinished;
    if (merged.lost > 0 && !options->quiet)
        fprintf(stderr, "A checkpoint of \"%s\" is not there; its run was merged without\n", path);
    if (!options->remove || empty || merged.unfinished > 0 || merged.lost > 0 || db_is_locked(path)) return STATUS_OK;
    remove_shard(path);
    result->removed++;
    return STATUS_OK;
}

/* State of a walk over a folder. */
typedef struct merging_walk {
    results_db *db;
    const merge_options *options;
    merge_result *result;
} merging_walk;

static status visit_shard(void *argument, const char *path, const char *key, error_info *err) {
    (void)key;
    const merging_walk *walk = argument;
    return merge_shard(walk->db, path, walk->options, walk->result, err);
}

status merge_folder(results_db *db, const char *folder, const merge_options *options, merge_result *result,
                    error_info *err) {
    merging_walk walk = {.db = db, .options = options, .result = result};
    TRY(checkpoint_make_folder(db_path(db), err));
    const status outcome = shard_each(folder, SHARD_DATABASE, visit_shard, &walk, err);
    db_end_merging(db);
    return outcome == STATUS_OK ? merge_sweep(db, err) : outcome;
}

/* KEY-ITERATION.safetensors, or a temporary file of it. */
static bool is_checkpoint(const char *name) {
    return plan_begins_with_key(name) && name[PLAN_KEY_SIZE - 1] == '-';
}

status merge_sweep(results_db *db, error_info *err) {
    char folder[PATH_MAX], path[PATH_MAX], named[PATH_MAX], key[PLAN_KEY_SIZE];
    status outcome = STATUS_OK;
    checkpoint_folder(db_path(db), folder);
    DIR *entries = opendir(folder);
    if (!entries) return STATUS_OK;
    for (const struct dirent *entry; outcome == STATUS_OK && (entry = readdir(entries)) != NULL;) {
        db_run run;
        if (!is_checkpoint(entry->d_name)) continue;
        snprintf(key, sizeof key, "%.32s", entry->d_name);
        outcome = db_find_run(db, key, &run, err);
        if (outcome != STATUS_OK || run.id == 0 || !run.has_checkpoint) continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path) continue;
        checkpoint_locate(db_path(db), run.checkpoint_path, named);
        if (strcmp(path, named) != 0) unlink(path);
    }
    closedir(entries);
    return outcome;
}

void print_merge(const merge_result *result, const char *database) {
    printf("%" PRIu64 " shard%s: %" PRIu64 " run%s merged into %s, %" PRIu64 " not done yet", result->shards,
           result->shards == 1 ? "" : "s", result->runs, result->runs == 1 ? "" : "s", database, result->unfinished);
    if (result->completed > 0) printf(", %" PRIu64 " completed with numbers they lacked", result->completed);
    if (result->differing > 0) printf(", %" PRIu64 " not completed, as their losses differ", result->differing);
    if (result->refused > 0) printf(", %" PRIu64 " refused", result->refused);
    if (result->removed > 0) printf(", %" PRIu64 " removed", result->removed);
    putchar('\n');
}
