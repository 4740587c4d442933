/* shard.c - the databases of single tasks: their paths and their content. */
#include "scale/shard.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plan/plan.h"

enum { KEY_DIGITS = PLAN_KEY_SIZE - 1, ROOM = 128 /* for the names of files beside a database */ };

void shard_folder(const char *database, char out[PATH_MAX]) {
    const char *slash = strrchr(database, '/');
    const int length = slash ? (int)(slash - database) + 1 : 0;
    snprintf(out, PATH_MAX, "%.*sshards", length < INSTALL_ROOT_MAX ? length : 0, database);
}

status shard_path(const char *folder, const char *key, const char *ending, char out[PATH_MAX], error_info *err) {
    if (snprintf(out, PATH_MAX, "%s/%.2s/%s%s", folder, key, key, ending) + ROOM < PATH_MAX) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "the path of the folder of shards is too long: \"%.200s...\"", folder);
}

status shard_make_folder(const char *folder, error_info *err) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", folder);
    /* Create folders from the top down; other tasks may create the same folders at the same time. */
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST && !(slash && (errno == EACCES || errno == EROFS)))
            return error_set(err, STATUS_IO, "cannot make the folder \"%s\": %s", path, strerror(errno));
        if (!slash) return STATUS_OK;
        *slash = '/';
    }
}

status shard_make_place(const char *folder, const char *key, error_info *err) {
    char path[PATH_MAX];
    TRY(shard_path(folder, key, "", path, err));
    *strrchr(path, '/') = '\0';
    return shard_make_folder(path, err);
}

static status look_inside(const char *path, const char *key, shard_state *out, error_info *err) {
    results_db *db;
    TRY(db_open_begun(path, &db, err));
    if (!db) return STATUS_OK;
    status outcome = db_find_run(db, key, &out->run, err);
    if (outcome == STATUS_OK) outcome = db_find_place(db, out->run.id, &out->place, err);
    db_close(&db, NULL);
    return outcome;
}

status shard_status(const char *folder, const char *key, shard_state *out, error_info *err) {
    char path[PATH_MAX];
    out->run.id = 0;
    out->place = (db_place){.host = ""};
    out->locked = false;
    TRY(shard_path(folder, key, SHARD_DATABASE, path, err));
    out->locked = db_is_locked(path);
    return look_inside(path, key, out, err);
}

/* --- All of a folder --- */

static int is_digits(const struct dirent *entry) {
    return strlen(entry->d_name) == 2 && strspn(entry->d_name, "0123456789abcdef") == 2;
}

static int is_file(const struct dirent *entry) {
    return plan_begins_with_key(entry->d_name) && entry->d_name[KEY_DIGITS] == '.';
}

/* List the names in order, so that a merge does the same steps on every machine; *names is NULL if there is no
 * folder. */
static status list(const char *folder, int (*wanted)(const struct dirent *), struct dirent ***names, int *count,
                   error_info *err) {
    *names = NULL;
    *count = scandir(folder, names, wanted, alphasort);
    if (*count >= 0) return STATUS_OK;
    const int error = errno;
    *count = 0;
    *names = NULL;
    return error == ENOENT ? STATUS_OK
                           : error_set(err, STATUS_IO, "cannot read the folder \"%s\": %s", folder, strerror(error));
}

static void release(struct dirent **names, int count) {
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
}

/* The files to visit, and the callback. */
typedef struct walk {
    const char *ending;
    status (*visit)(void *argument, const char *path, const char *key, error_info *err);
    void *argument;
} walk;

static status visit_files(const char *folder, const walk *way, error_info *err) {
    struct dirent **names;
    int count;
    TRY(list(folder, is_file, &names, &count, err));
    status outcome = STATUS_OK;
    for (int i = 0; i < count && outcome == STATUS_OK; i++) {
        char path[PATH_MAX], key[PLAN_KEY_SIZE];
        if (strcmp(names[i]->d_name + KEY_DIGITS, way->ending) != 0) continue;
        snprintf(key, sizeof key, "%.32s", names[i]->d_name);
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) >= (int)sizeof path) continue;
        outcome = way->visit(way->argument, path, key, err);
    }
    release(names, count);
    return outcome;
}

status shard_each(const char *folder, const char *ending,
                  status (*visit)(void *argument, const char *path, const char *key, error_info *err), void *argument,
                  error_info *err) {
    const walk way = {.ending = ending, .visit = visit, .argument = argument};
    struct dirent **names;
    int count;
    TRY(list(folder, is_digits, &names, &count, err));
    status outcome = STATUS_OK;
    for (int i = 0; i < count && outcome == STATUS_OK; i++) {
        char inner[PATH_MAX];
        if (snprintf(inner, sizeof inner, "%s/%s", folder, names[i]->d_name) >= (int)sizeof inner) continue;
        outcome = visit_files(inner, &way, err);
    }
    release(names, count);
    return outcome;
}
