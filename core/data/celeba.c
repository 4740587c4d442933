/* celeba.c - CelebA, aligned and cropped, at 32 x 32 pixels.
 *
 * The set has 202,599 photos of 178 x 218 pixels. They are decoded and resized once, which takes about two minutes, and
 * stored in one cache file beside them. */
#include "data/image_reader.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/celeba_splits.h"
#include "data/image_cache.h"
#include "data/photo_set.h"

enum { SIDE = 32, CHANNELS = 3, PATH_SIZE = PATH_MAX };
enum { OFFICIAL_COUNT = 202599 };

static const size_t official_sizes[IMAGE_SPLITS] = {162770, 19867, 19962};
static const char cache_name[] = "images_32x32.cache";

/* path <- folder/name; return whether it exists. */
static bool locate(const char *folder, const char *name, char path[PATH_SIZE]) {
    return snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE && access(path, F_OK) == 0;
}

/* Check the names of the published set: 000001.jpg .. 202599.jpg. */
static status check_names(const photo_source *source, error_info *err) {
    for (size_t i = 0; i < OFFICIAL_COUNT; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "%06zu.jpg", i + 1);
        const char *found = i < source->count ? source->entries[i].name : "none";
        if (strcmp(found, wanted) == 0) continue;
        return error_set(
            err, STATUS_FORMAT,
            "\"%s\": expected 000001.jpg to %d.jpg, found %s in the place of %s (%zu pictures in all; another set "
            "in this layout belongs into a folder celeba-SOMETHING)",
            source->path, OFFICIAL_COUNT, found, wanted, source->count);
    }
    if (source->count == OFFICIAL_COUNT) return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "\"%s\": expected %d pictures, found %zu, the first unexpected one \"%s\"",
                     source->path, OFFICIAL_COUNT, source->count, source->entries[OFFICIAL_COUNT].name);
}

static status check_sizes(const char *folder, const size_t size[IMAGE_SPLITS], error_info *err) {
    if (memcmp(size, official_sizes, sizeof official_sizes) == 0) return STATUS_OK;
    return error_set(
        err, STATUS_FORMAT,
        "\"%s\": expected 162770 pictures for training, 19867 for validation and 19962 for test, found %zu, %zu "
        "and %zu",
        folder, size[0], size[1], size[2]);
}

/* Read the split of each photo from the partition file; without one, use the published numbers, or 80%, 10% and 10%. */
static status read_splits(const char *folder, bool official, const photo_source *source, image_split *splits,
                          error_info *err) {
    static const char *const places[] = {"list_eval_partition.txt", "Eval/list_eval_partition.txt",
                                         "list_eval_partition.csv", "Eval/list_eval_partition.csv"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (locate(folder, places[i], path)) return celeba_splits_read(path, source, splits, err);
    const size_t tenth = source->count / 10;
    const size_t tenths[IMAGE_SPLITS] = {source->count - 2 * tenth, tenth, tenth};
    celeba_splits_divide(source, official ? official_sizes : tenths, splits);
    return STATUS_OK;
}

static status read_source(const char *folder, bool official, photo_source *source, image_split *splits, image_set *set,
                          error_info *err) {
    const photo_set_spec spec = {
        .folder = folder, .cache = cache_name, .channels = CHANNELS, .height = SIDE, .width = SIDE, .also = ""};
    photo_set_note(source, set);
    if (official) TRY(check_names(source, err));
    TRY(read_splits(folder, official, source, splits, err));
    return photo_set_read(&spec, source, splits, set, err);
}

static status open_source(const char *folder, const char *path, bool official, image_set *set, error_info *err) {
    photo_source *source;
    TRY(photo_source_open(path, PHOTO_JPEG, &source, err));
    image_split *splits = calloc(source->count, sizeof *splits);
    const status outcome = splits == NULL ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", folder)
                                          : read_source(folder, official, source, splits, set, err);
    free(splits);
    photo_source_close(&source);
    return outcome;
}

/* Kaggle's archive unpacks to a folder inside a folder of the same name. */
static bool locate_pictures(const char *folder, char path[PATH_SIZE]) {
    static const char outer[] = "img_align_celeba", inner[] = "img_align_celeba/img_align_celeba";
    if (locate(folder, inner, path) && photo_source_exists(path)) {
        char own[PATH_SIZE];
        if (locate(folder, outer, own) && !photo_source_exists(own)) return true;
    }
    return locate(folder, outer, path) || locate(folder, "img_align_celeba.zip", path);
}

status celeba_read(const char *folder, bool official, image_set *set, error_info *err) {
    char path[PATH_SIZE];
    if (locate_pictures(folder, path)) {
        TRY(open_source(folder, path, official, set, err));
    } else if (locate(folder, cache_name, path)) {
        /* The photos may be deleted once the cache exists. */
        TRY(image_cache_read(folder, cache_name, NULL, set, err));
    } else {
        return error_set(err, STATUS_IO, "\"%s\": expected a folder img_align_celeba or a file img_align_celeba.zip",
                         folder);
    }
    if (set->channels != CHANNELS || set->height != SIDE || set->width != SIDE)
        return error_set(err, STATUS_FORMAT, "\"%s\": expected images of 3 x 32 x 32", path);
    return official ? check_sizes(folder, set->size, err) : STATUS_OK;
}
