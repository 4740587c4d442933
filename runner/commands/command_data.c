/* command_data.c - ./run data check: checks the image data sets, or one file of points or images. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "data/image.h"
#include "data/table.h"
#include "settings/source.h"
#include "settings/table_report.h"
#include "system/wrap.h"

enum { INDENT = 4 };

static void write_wrapped(const char *text) {
    wrap_write(stdout, text, INDENT, 0);
}

static const char *origin_text(const image_set *set) {
    if (image_kind_of(set->name) == NULL) return "your own images";
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

/* Check a set that exists. Return whether it is sound. */
static bool check_present(const char *name, const char *data) {
    const image_kind *kind = image_kind_of(name);
    image_set *set = NULL;
    error_info err = {""};
    fflush(stdout);
    if (strcmp(image_kind_name(kind), "celeba") == 0)
        fprintf(stderr, "Reading %s; decoding all of CelebA takes about two minutes, once\n", name);
    if (image_open(name, data, &set, &err) != STATUS_OK) {
        printf("%s: NOT SOUND\n", name);
        write_wrapped(err.text);
        if (strcmp(image_kind_name(kind), name) == 0) write_wrapped(image_kind_source(kind));
        return false;
    }
    write_set(set);
    image_close(&set);
    return true;
}

static void write_absent(const image_kind *kind) {
    printf("%s: not found\n", image_kind_name(kind));
    write_wrapped(image_kind_source(kind));
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* List folders of sets with other names. The caller frees *names and each of its *count items. */
static status list_others(const char *data, DIR *folder, char ***names, size_t *count, error_info *err) {
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const image_kind *kind = image_kind_of(entry->d_name);
        if (kind == NULL || strcmp(image_kind_name(kind), entry->d_name) == 0 || !image_exists(entry->d_name, data))
            continue;
        char **more = realloc(*names, (*count + 1) * sizeof *more);
        if (more != NULL) *names = more;
        char *copy = more == NULL ? NULL : strdup(entry->d_name);
        if (copy == NULL) return error_set(err, STATUS_MEMORY, "out of memory for the list of %s", data);
        (*names)[(*count)++] = copy;
    }
    if (*count > 0) qsort(*names, *count, sizeof **names, compare_texts);
    return STATUS_OK;
}

/* Check all sets under `data`; *sound <- whether all that exist are sound. */
static status check_all(const char *data, DIR *folder, bool *sound, error_info *err) {
    char **others = NULL;
    size_t count = 0;
    status outcome = folder == NULL ? STATUS_OK : list_others(data, folder, &others, &count, err);
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

/* --- One file --- */

static int fail_check(const char *path, const error_info *err) {
    printf("%s: NOT SOUND\n", path);
    write_wrapped(err->text);
    return EXIT_FAILED;
}

/* Print the size of a table and all its columns. */
static int write_table(const dataset *points) {
    char *report;
    error_info err = {""};
    if (table_report(points, false, SIZE_MAX, &report, &err) != STATUS_OK) return command_failed(err.text);
    fputs(report, stdout);
    free(report);
    if (dataset_dimension(points) > CNF_DIMENSION_MAX)
        printf("%s: warning: too many columns for a flow; expected 1 to %d\n", dataset_name(points), CNF_DIMENSION_MAX);
    return EXIT_DONE;
}

/* Print the number and size of the images, and whether a flow supports the size. */
static int write_images(const source *data) {
    const specification_shape shape = source_shape(data);
    settings usual;
    error_info err = {""};
    write_set(data->images);
    settings_default(&usual);
    usual.model_context = 0;
    if (specification_check(&usual, &shape, &err) != STATUS_OK)
        printf("%s: warning: %s; set image.size\n", data->images->name, err.text);
    return EXIT_DONE;
}

static int check_file(const char *path, const settings *values) {
    source data;
    error_info err = {""};
    if (source_open(path, values, &data, &err) != STATUS_OK) return fail_check(path, &err);
    const int code = data.images ? write_images(&data) : write_table(data.points);
    source_close(&data);
    return code;
}

/* --- The command line --- */

typedef struct request {
    const char *folder;
    argument_texts set;
} request;

static const argument_option options[] = {
    OPTION_TEXT(request, folder, "--dir", "DIR", "folder of the image data sets ($AFFJORD_DATA, else ./data)"),
    OPTION_TEXTS(request, set, "--set", "SECTION.KEY=VALUE",
                 "with FILE: a setting of [data] or [image], as data.ignore=label; may be repeated")};

/* values <- the defaults with the settings of --set. Errors: STATUS_INVALID. */
static status read_settings(const argument_texts *set, settings *values, error_info *err) {
    settings_default(values);
    for (size_t i = 0; i < set->count; i++) {
        const bool image = strncmp(set->items[i], "image.", strlen("image.")) == 0;
        TRY(settings_change(set->items[i], image ? "image" : "data", values, err));
    }
    return STATUS_OK;
}

/* *path <- the file to check; NULL for all sets of images. Errors: STATUS_INVALID. */
static status read_words(int count, char **words, request *args, const char **path, settings *values, error_info *err) {
    const char *others[2] = {"check", NULL};
    size_t others_count;
    TRY(command_read(&command_data, count, words, args, 2, others, &others_count, err));
    if (strcmp(others[0], "check") != 0)
        return error_set(err, STATUS_INVALID, "data %.100s: unknown action; expected data check", others[0]);
    *path = others[1];
    if (*path && !table_is_path(*path) && !source_is_files(*path))
        return error_set(
            err, STATUS_INVALID,
            "%.100s: no table or images; expected a path that ends in .npy, .npz, .csv, .tsv or .zip, or a folder",
            *path);
    if (*path && args->folder) return error_set(err, STATUS_INVALID, "--dir: expected without a file");
    if (!*path && args->set.count > 0)
        return error_set(err, STATUS_INVALID, "--set: expected a file to check beside it");
    return read_settings(&args->set, values, err);
}

/* Check all sets in the requested folder, or in the default one. */
static int check_folder(const char *data) {
    error_info err = {""};
    if (data == NULL) data = getenv("AFFJORD_DATA");
    const bool given = data != NULL && data[0] != 0;
    if (!given) data = "./data";
    DIR *folder = opendir(data);
    /* Without a folder, list where to get the data. */
    if (folder == NULL && (given || errno != ENOENT)) {
        error_describe(&err, "%.400s: cannot read the folder of the data: %s", data, strerror(errno));
        return command_failed(err.text);
    }
    printf("Images in %s%s\n", data, folder == NULL ? ", which does not exist" : "");
    bool sound = true;
    const status outcome = check_all(data, folder, &sound, &err);
    if (folder != NULL) closedir(folder);
    if (outcome != STATUS_OK) return command_failed(err.text);
    return sound ? EXIT_DONE : EXIT_FAILED;
}

static int run_data(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    const char *path = NULL;
    settings values;
    error_info err = {""};
    request args = {.set = {.items = calloc((size_t)count + 1, sizeof *args.set.items)}};
    if (args.set.items == NULL) return command_failed("out of memory");
    const status outcome = read_words(count, words, &args, &path, &values, &err);
    const int code = outcome != STATUS_OK ? usage_error(&command_data, err.text)
                     : path != NULL       ? check_file(path, &values)
                                          : check_folder(args.folder);
    free(args.set.items);
    return code;
}

const command command_data = {
    .name = "data",
    .summary = "check the image data sets, or a table of points or images of your own",
    .forms = (const char *const[]){"check [--dir DIR]", "check FILE [--set SECTION.KEY=VALUE]...", NULL},
    .words = "check",
    .text =
        "Lists the image data sets (MNIST, CIFAR-10, CelebA) that it finds, with their checksums; for missing sets, "
        "which files to download from where. It downloads nothing.\n\n"
        "For FILE, a table of points (.csv, .tsv, .npy or FILE.npz:NAME): prints the number of rows, how many are held "
        "out, and the range and deviation of each column, and warns of columns that have no density.\n\n"
        "For FILE with images (an array of bytes in .npy or .npz, a folder or a .zip of JPEG and PNG pictures): prints "
        "their number, parts and size, and whether a flow can take the size.",
    OPTIONS(options),
    .run = run_data};
