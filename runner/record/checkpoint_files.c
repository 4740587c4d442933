/* checkpoint_files.c - paths of the checkpoints of a database's runs. */
#include "record/checkpoint_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sha256.h>

#include "base/file.h"

static const char ending[] = ".safetensors";

enum { KEY_DIGITS = 32 };

/* The last part of a path. */
static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The recorder rejects a database path that is too long for these names. */
__attribute__((format(printf, 2, 3))) static void compose(char out[PATH_MAX], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out, PATH_MAX, format, arguments);
    va_end(arguments);
}

/* Length of the path without ".db". */
static int stem(const char *path) {
    const size_t length = strlen(path);
    return (int)(length > 3 && strcmp(path + length - 3, ".db") == 0 ? length - 3 : length);
}

void checkpoint_folder(const char *database, char out[PATH_MAX]) {
    compose(out, "%.*s.checkpoints", stem(database), database);
}

static status make_folder(const char *folder, error_info *err) {
    if (mkdir(folder, 0777) == 0) file_sync_folder_of(folder);
    else if (errno != EEXIST)
        return error_set(err, STATUS_IO, "cannot make the folder \"%s\": %s", folder, strerror(errno));
    return STATUS_OK;
}

status checkpoint_make_folder(const char *database, error_info *err) {
    char folder[PATH_MAX];
    checkpoint_folder(database, folder);
    return make_folder(folder, err);
}

void checkpoint_failure_path(const char *database, const char *key, uint64_t iteration, char out[PATH_MAX]) {
    compose(out, "%.*s.failures/%s-%" PRIu64 "%s", stem(database), database, key, iteration, ending);
}

status checkpoint_make_failures(const char *database, error_info *err) {
    char folder[PATH_MAX];
    compose(folder, "%.*s.failures", stem(database), database);
    return make_folder(folder, err);
}

void checkpoint_name(const char *database, const char *key, uint64_t iteration, char out[PATH_MAX]) {
    char folder[PATH_MAX];
    checkpoint_folder(database, folder);
    compose(out, "%s/%s-%" PRIu64 "%s", last_part(folder), key, iteration, ending);
}

void checkpoint_locate(const char *database, const char *name, char out[PATH_MAX]) {
    compose(out, "%.*s%s", (int)(last_part(database) - database), database, name);
}

status checkpoint_measure(const char *path, uint64_t *bytes, error_info *err) {
    struct stat information;
    if (stat(path, &information) != 0)
        return error_set(err, STATUS_IO, "cannot read the checkpoint \"%s\": %s", path, strerror(errno));
    *bytes = (uint64_t)information.st_size;
    return STATUS_OK;
}

status checkpoint_describe(const char *path, uint64_t *bytes, char sha256[65], error_info *err) {
    TRY(checkpoint_measure(path, bytes, err));
    return SHA256File(path, sha256)
               ? STATUS_OK
               : error_set(err, STATUS_IO, "cannot read the checkpoint \"%s\": %s", path, strerror(errno));
}

status checkpoint_verify(const char *path, uint64_t bytes, const char *sha256, error_info *err) {
    uint64_t found;
    char digest[SHA256_DIGEST_STRING_LENGTH];
    TRY(checkpoint_measure(path, &found, err));
    if (found != bytes)
        return error_set(err, STATUS_FORMAT,
                         "the checkpoint \"%s\" is damaged: expected %" PRIu64 " bytes, found %" PRIu64, path, bytes,
                         found);
    if (!SHA256File(path, digest))
        return error_set(err, STATUS_IO, "cannot read the checkpoint \"%s\": %s", path, strerror(errno));
    if (strcmp(digest, sha256) != 0)
        return error_set(err, STATUS_FORMAT, "the checkpoint \"%s\" is damaged: expected SHA-256 %s, found %s", path,
                         sha256, digest);
    return STATUS_OK;
}

/* KEY-ITERATION.safetensors, or a temporary of it; key <- KEY. */
static bool read_key(const char *name, char key[KEY_DIGITS + 1]) {
    if (strspn(name, "0123456789abcdef") != KEY_DIGITS || name[KEY_DIGITS] != '-') return false;
    memcpy(key, name, KEY_DIGITS);
    key[KEY_DIGITS] = '\0';
    return true;
}

static status each_file(const char *folder,
                        status (*visit)(void *argument, const char *path, const char *key, error_info *err),
                        void *argument, error_info *err) {
    char path[PATH_MAX], key[KEY_DIGITS + 1];
    status outcome = STATUS_OK;
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries && outcome == STATUS_OK && (entry = readdir(entries));) {
        if (!read_key(entry->d_name, key) || strlen(folder) + strlen(entry->d_name) + 2 > sizeof path) continue;
        compose(path, "%s/%s", folder, entry->d_name);
        outcome = visit(argument, path, key, err);
    }
    if (entries) closedir(entries);
    return outcome;
}

status checkpoint_each_file(const char *database,
                            status (*visit)(void *argument, const char *path, const char *key, error_info *err),
                            void *argument, error_info *err) {
    char folder[PATH_MAX];
    checkpoint_folder(database, folder);
    TRY(each_file(folder, visit, argument, err));
    compose(folder, "%.*s.failures", stem(database), database);
    return each_file(folder, visit, argument, err);
}

void checkpoint_clean(const char *database, const char *key, const char *keep) {
    char folder[PATH_MAX], path[PATH_MAX];
    checkpoint_folder(database, folder);
    DIR *entries = opendir(folder);
    if (!entries) return;
    const size_t length = strlen(key);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strncmp(entry->d_name, key, length) != 0 || entry->d_name[length] != '-') continue;
        if (strlen(folder) + strlen(entry->d_name) + 2 > sizeof path) continue;
        compose(path, "%s/%s", folder, entry->d_name);
        if (strcmp(path, keep) != 0) unlink(path);
    }
    closedir(entries);
}
