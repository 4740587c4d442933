/* data_check.c - ./run data check: which sets of images are there, whether they are sound; what is read of a table. */
#include "verbs/data_check.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "data/table.h"
#include "settings/table_report.h"
#include "system/arguments.h"
#include "system/place.h"
#include "verbs/verbs.h"

enum { COLUMNS = 100, INDENT = 4 };

/* Write a sentence in lines of COLUMNS at most, indented. */
static void write_wrapped(const char *text) {
    size_t column = 0;
    while (*text != 0) {
        const size_t word = strcspn(text, " ");
        if (column == 0 || column + 1 + word > COLUMNS) {
            printf("%s%*s", column == 0 ? "" : "\n", INDENT, "");
            column = INDENT;
        } else {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)word, text);
        column += word;
        text += word + strspn(text + word, " ");
    }
    putchar('\n');
}

static const char *origin_text(const image_set *set) {
    switch (set->origin) {
    case IMAGE_OFFICIAL: return "the published files, by their checksums";
    case IMAGE_UNVERIFIED: return "as many images as published; their checksums are not known to this program";
    case IMAGE_OTHER: break;
    }
    return "another set in this layout: its results are not comparable with published ones";
}

static void write_set(const image_set *set) {
    static const char *const splits[IMAGE_SPLITS] = {"training", "validation", "test"};
    printf("%s: sound;", set->name);
    bool any = false;
    for (size_t s = 0; s < IMAGE_SPLITS; s++) {
        if (set->size[s] == 0) continue;
        printf("%s %zu %s", any ? " +" : "", set->size[s], splits[s]);
        any = true;
    }
    printf(" images of %zu x %zu x %zu\n", set->channels, set->height, set->width);
    write_wrapped(origin_text(set));
    for (size_t i = 0; i < set->file_count; i++)
        printf("%*s%s  %s%s\n", INDENT, "", set->files[i].sha256, set->files[i].name,
               set->files[i].official ? " (as published)" : "");
    printf("%*s%s  (the set)\n", INDENT, "", set->sha256);
    if (set->note[0] != 0) write_wrapped(set->note);
}

/* Whether the set is sound. */
static bool check_present(const char *name, const char *data) {
    const image_kind *kind = image_kind_of(name);
    image_set *set = NULL;
    failure why = {""};
    fflush(stdout);
    if (strcmp(image_kind_name(kind), "celeba") == 0)
        fprintf(stderr, "Reading %s; to decode all of CelebA, once, takes about two minutes\n", name);
    if (image_open(name, data, &set, &why) != STATUS_OK) {
        printf("%s: NOT SOUND\n", name);
        write_wrapped(why.text);
        if (strcmp(image_kind_name(kind), name) == 0) write_wrapped(image_kind_source(kind));
        return false;
    }
    write_set(set);
    image_close(&set);
    return true;
}

static void write_absent(const image_kind *kind) {
    printf("%s: not here\n", image_kind_name(kind));
    write_wrapped(image_kind_source(kind));
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Folders of sets that go by no plain name: *names and each of its *count items are the caller's. */
static status list_others(const char *data, DIR *folder, char ***names, size_t *count, failure *why) {
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const image_kind *kind = image_kind_of(entry->d_name);
        if (kind == NULL || strcmp(image_kind_name(kind), entry->d_name) == 0 || !image_exists(entry->d_name, data))
            continue;
        char **more = realloc(*names, (*count + 1) * sizeof *more);
        if (more != NULL) *names = more;
        char *copy = more == NULL ? NULL : strdup(entry->d_name);
        if (copy == NULL) return fail(why, STATUS_MEMORY, "no memory to list \"%s\"", data);
        (*names)[(*count)++] = copy;
    }
    if (*count > 0) qsort(*names, *count, sizeof **names, compare_texts);
    return STATUS_OK;
}

/* Check all sets under `data`; *sound <- whether those that are there are. */
static status check_all(const char *data, DIR *folder, bool *sound, failure *why) {
    char **others = NULL;
    size_t count = 0;
    status outcome = folder == NULL ? STATUS_OK : list_others(data, folder, &others, &count, why);
    for (size_t i = 0; outcome == STATUS_OK && i < image_kind_count(); i++) {
        const char *name = image_kind_name(image_kind_at(i));
        if (image_exists(name, data)) *sound &= check_present(name, data);
        else write_absent(image_kind_at(i));
    }
    for (size_t i = 0; i < count; i++) {
        if (outcome == STATUS_OK) *sound &= check_present(others[i], data);
        free(others[i]);
    }
    free(others);
    return outcome;
}

/* What is read of a table, with all its columns. */
static int check_table(const char *path) {
    dataset *points;
    char *report;
    failure why = {""};
    if (dataset_open(path, &points, &why) != STATUS_OK) {
        printf("%s: NOT SOUND\n", path);
        write_wrapped(why.text);
        return EXIT_FAILED;
    }
    const status outcome = table_report(points, false, SIZE_MAX, &report, &why);
    if (outcome == STATUS_OK) fputs(report, stdout);
    if (outcome == STATUS_OK && dataset_dimension(points) > CNF_DIMENSION_MAX)
        printf("%s: warning: a flow takes 1 to %d columns; leave some out\n", dataset_name(points), CNF_DIMENSION_MAX);
    free(outcome == STATUS_OK ? report : NULL);
    dataset_close(&points);
    return outcome == STATUS_OK ? EXIT_DONE : verb_failed(why.text);
}

/* What is checked: a table, or all sets of images. Errors: STATUS_INVALID. */
static status read_words(int count, char **words, const char **data, const char **path, failure *why) {
    const char *others[2] = {"check", NULL};
    size_t others_count;
    const argument_option options[] = {{.name = "--dir", .type = ARGUMENT_TEXT, .into = data}};
    TRY(arguments_read(count, words, 1, options, 2, others, &others_count, why));
    if (strcmp(others[0], "check") != 0)
        return fail(why, STATUS_INVALID, "\"%.100s\" cannot be done with data: expected check", others[0]);
    if (others[1] && !table_is_path(others[1]))
        return fail(why, STATUS_INVALID, "data check \"%.100s\": expected a table, whose path ends in .npy, .csv or .tsv",
                    others[1]);
    if (others[1] && *data) return fail(why, STATUS_INVALID, "--dir is for sets of images, not for a table");
    *path = others[1];
    return STATUS_OK;
}

int data_check_run(int count, char **words) {
    const char *data = NULL, *path = NULL;
    failure why = {""};
    status outcome = read_words(count, words, &data, &path, &why);
    if (outcome != STATUS_OK) {
        fprintf(stderr, "%s\nSee %s data --help\n", why.text, place_command());
        return EXIT_USAGE;
    }
    if (path != NULL) return check_table(path);
    if (data == NULL) data = getenv("AFFJORD_DATA");
    const bool asked = data != NULL && data[0] != 0;
    if (!asked) data = "./data";
    DIR *folder = opendir(data);
    /* Without any data yet, what is to be had from where is what the user wants to read. */
    if (folder == NULL && (asked || errno != ENOENT)) {
        failure_describe(&why, "cannot read the folder of data \"%.400s\": %s", data, strerror(errno));
        return verb_failed(why.text);
    }
    printf("Images in %s%s\n", data, folder == NULL ? ", which is not there yet" : "");
    bool sound = true;
    outcome = check_all(data, folder, &sound, &why);
    if (folder != NULL) closedir(folder);
    if (outcome != STATUS_OK) return verb_failed(why.text);
    return sound ? EXIT_DONE : EXIT_FAILED;
}
