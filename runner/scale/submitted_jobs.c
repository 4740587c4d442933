/* submitted_jobs.c - lists of the runs that were submitted to Slurm. */
#include "scale/submitted_jobs.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "scale/shard.h"

static const char list_ending[] = ".tasks";

void submitted_name(const char *experiment, char name[SUBMITTED_NAME_MAX]) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t mixed = ((uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec) ^ ((uint64_t)getpid() << 20);
    snprintf(name, SUBMITTED_NAME_MAX, "affjord.%.30s.%08" PRIx32, experiment, (uint32_t)(mixed ^ mixed >> 32));
    for (char *c = name; *c; c++)
        if (*c != '.' && !strchr(plain, *c)) *c = '_';
}

status submitted_path(const char *folder, const char *name, const char *ending, char out[PATH_MAX], error_info *err) {
    if (snprintf(out, PATH_MAX, "%s/slurm/%s%s", folder, name, ending) < PATH_MAX - 8) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "the path of the folder of shards is too long: \"%.200s...\"", folder);
}

status submitted_write(const char *folder, const char *name, size_t count, const submitted_task *tasks,
                       error_info *err) {
    char path[PATH_MAX], place[PATH_MAX], *text = NULL;
    size_t size = 0;
    TRY(submitted_path(folder, name, list_ending, path, err));
    snprintf(place, sizeof place, "%.*s", (int)(strrchr(path, '/') - path), path);
    TRY(shard_make_folder(place, err));
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return error_set(err, STATUS_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) fprintf(stream, "%s %" PRIu64 "\n", tasks[i].key, tasks[i].iteration);
    const bool whole = fclose(stream) == 0;
    const status outcome = whole ? file_write(path, text, size, err) : error_set(err, STATUS_MEMORY, "out of memory");
    free(text);
    return outcome;
}

void submitted_forget(const char *folder, const char *name) {
    char path[PATH_MAX];
    error_info ignored;
    if (submitted_path(folder, name, list_ending, path, &ignored) == STATUS_OK) unlink(path);
}

/* Append the tasks of one list. */
static status read_list(const char *path, size_t *count, submitted_task **tasks, error_info *err) {
    char line[128];
    FILE *file = fopen(path, "r");
    if (!file) return error_set(err, STATUS_IO, "cannot read \"%s\": %s", path, strerror(errno));
    status outcome = STATUS_OK;
    while (outcome == STATUS_OK && fgets(line, sizeof line, file)) {
        submitted_task task = {.iteration = 0};
        if (sscanf(line, "%32[0-9a-f] %" SCNu64, task.key, &task.iteration) != 2) {
            outcome =
                error_set(err, STATUS_FORMAT, "\"%s\": expected a key and an iteration, found \"%.60s\"", path, line);
            break;
        }
        /* The memory doubles at every power of two. */
        if ((*count & (*count - 1)) == 0) {
            submitted_task *more = realloc(*tasks, (*count ? 2 * *count : 1) * sizeof **tasks);
            if (!more) {
                outcome = error_set(err, STATUS_MEMORY, "out of memory");
                break;
            }
            *tasks = more;
        }
        (*tasks)[(*count)++] = task;
    }
    fclose(file);
    return outcome;
}

static int compare(const void *one, const void *other) {
    return strcmp(((const submitted_task *)one)->key, ((const submitted_task *)other)->key);
}

/* Keep one task per key, with the largest iteration, because checkpoints only advance. */
static void order(submitted_jobs *list) {
    size_t kept = 0;
    if (list->count > 0) qsort(list->tasks, list->count, sizeof *list->tasks, compare);
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && compare(&list->tasks[kept - 1], &list->tasks[i]) == 0) {
            if (list->tasks[i].iteration > list->tasks[kept - 1].iteration) list->tasks[kept - 1] = list->tasks[i];
            continue;
        }
        list->tasks[kept++] = list->tasks[i];
    }
    list->count = kept;
}

status submitted_read(const char *folder, submitted_jobs *out, error_info *err) {
    char path[PATH_MAX];
    submitted_jobs list = {.count = 0};
    *out = list;
    snprintf(path, sizeof path, "%.*s/slurm", INSTALL_ROOT_MAX, folder);
    DIR *entries = opendir(path);
    if (!entries) return STATUS_OK;
    status outcome = STATUS_OK;
    for (const struct dirent *entry; outcome == STATUS_OK && (entry = readdir(entries)) != NULL;) {
        const size_t length = strlen(entry->d_name), ending = sizeof list_ending - 1;
        if (length <= ending || strcmp(entry->d_name + length - ending, list_ending) != 0) continue;
        if (snprintf(path, sizeof path, "%s/slurm/%s", folder, entry->d_name) >= (int)sizeof path) continue;
        outcome = read_list(path, &list.count, &list.tasks, err);
    }
    closedir(entries);
    if (outcome == STATUS_OK) {
        order(&list);
        *out = list;
    } else {
        submitted_release(&list);
    }
    return outcome;
}

void submitted_release(submitted_jobs *list) {
    free(list->tasks);
    *list = (submitted_jobs){.count = 0};
}

submitted_task *submitted_find(const submitted_jobs *list, const char *key) {
    submitted_task wanted = {.iteration = 0};
    snprintf(wanted.key, sizeof wanted.key, "%s", key);
    return list->count > 0 ? bsearch(&wanted, list->tasks, list->count, sizeof *list->tasks, compare) : NULL;
}

submitted_task *submitted_find_in(const submitted_jobs *list, const char *folder, const char *name, size_t number,
                                  submitted_cache *cache) {
    char path[PATH_MAX];
    error_info ignored;
    if (strcmp(cache->name, name) != 0) {
        submitted_drop(cache);
        snprintf(cache->name, sizeof cache->name, "%s", name);
        if (submitted_path(folder, name, list_ending, path, &ignored) == STATUS_OK)
            read_list(path, &cache->count, &cache->tasks, &ignored);
    }
    return number < cache->count ? submitted_find(list, cache->tasks[number].key) : NULL;
}

void submitted_drop(submitted_cache *cache) {
    free(cache->tasks);
    *cache = (submitted_cache){.count = 0};
}
