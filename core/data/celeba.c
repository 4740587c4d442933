/* celeba.c - CelebA, aligned and cropped, at 32 x 32 pixels.
 *
 * The set has 202,599 photos of 178 x 218 pixels. They are decoded and resized once, which takes about two minutes, and
 * stored in one cache file beside them. */
#include "data/image_reader.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sha256.h>

#include "base/file.h"
#include "data/celeba_splits.h"
#include "data/image_cache.h"
#include "data/image_layout.h"
#include "data/jpeg.h"
#include "data/photo_source.h"

enum { SIDE = 32, CHANNELS = 3, IMAGE = CHANNELS * SIDE * SIDE, PATH_SIZE = PATH_MAX };
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

/* Hash what the cache depends on: names, sizes, marks and splits of all photos. */
static void hash_source(const photo_source *source, const image_split *splits, char sha256[65]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    for (size_t i = 0; i < source->count; i++) {
        const photo_entry *entry = &source->entries[i];
        char line[80];
        const int length =
            snprintf(line, sizeof line, " %" PRIu64 " %" PRIu64 " %d\n", entry->size, entry->mark, splits[i]);
        SHA256_Update(&context, (const unsigned char *)entry->name, strlen(entry->name));
        SHA256_Update(&context, (const unsigned char *)line, (size_t)length);
    }
    SHA256_End(&context, sha256);
}

static status decode_one(photo_source *source, size_t index, photo *picture, unsigned char *out, error_info *err) {
    char path[PATH_SIZE];
    unsigned char *bytes;
    size_t size;
    TRY(photo_source_read(source, index, &bytes, &size, err));
    snprintf(path, sizeof path, "%s/%s", source->path, source->entries[index].file);
    status outcome = jpeg_decode(path, bytes, size, SIDE, picture, err);
    free(bytes);
    if (outcome == STATUS_OK && resize_photo(picture, SIDE, out) != STATUS_OK)
        outcome = error_set(err, STATUS_MEMORY, "no memory to resize \"%s\"", path);
    return outcome;
}

/* Decode all photos, each split in the order of names. */
static status decode_all(photo_source *source, const image_split *splits, image_set *set, error_info *err) {
    size_t next[IMAGE_SPLITS], size[IMAGE_SPLITS] = {0, 0, 0};
    for (size_t i = 0; i < source->count; i++) size[splits[i]]++;
    TRY(image_allocate(set, source->path, size, CHANNELS, SIDE, SIDE, err));
    memcpy(next, set->first, sizeof next);
    photo picture = {0};
    status outcome = STATUS_OK;
    for (size_t i = 0; i < source->count && outcome == STATUS_OK; i++)
        outcome = decode_one(source, i, &picture, set->pixels + next[splits[i]]++ * IMAGE, err);
    jpeg_release(&picture);
    if (outcome == STATUS_OK) image_cache_hash(set);
    return outcome;
}

/* Decode the photos and write the cache. If the cache cannot be written, the next run decodes again. */
static status make_cache(const char *folder, photo_source *source, const image_split *splits, const char *sha256,
                         image_set *set, error_info *err) {
    char path[PATH_SIZE];
    file_replacement file;
    error_info reason = {""};
    (void)locate(folder, cache_name, path);
    const bool writing = file_replace_begin(path, &file, &reason) == STATUS_OK;
    /* file_replace_begin waits for another process that writes the same cache; the cache may now exist. */
    if (writing && image_cache_read(folder, cache_name, sha256, set, NULL) == STATUS_OK) {
        file_replace_cancel(&file);
        return STATUS_OK;
    }
    const status outcome = decode_all(source, splits, set, err);
    status kept = writing && outcome == STATUS_OK ? image_cache_write(&file, sha256, set, &reason) : STATUS_IO;
    if (writing) kept = file_replace_end(&file, kept, &reason);
    if (kept != STATUS_OK)
        image_note(set, "The cache cannot be written, so every start decodes all pictures: %.200s", reason.text);
    return outcome;
}

static status read_source(const char *folder, bool official, photo_source *source, image_split *splits, image_set *set,
                          error_info *err) {
    char sha256[65];
    if (source->others > 0)
        image_note(set, "Ignored %zu picture%s (\"%.100s\"%s): only JPEG is read, from files ending in .jpg or .jpeg.",
                   source->others, source->others == 1 ? "" : "s", source->other, source->others == 1 ? "" : ", ...");
    if (official) TRY(check_names(source, err));
    TRY(read_splits(folder, official, source, splits, err));
    hash_source(source, splits, sha256);
    if (image_cache_read(folder, cache_name, sha256, set, NULL) == STATUS_OK) return STATUS_OK;
    return make_cache(folder, source, splits, sha256, set, err);
}

static status open_source(const char *folder, const char *path, bool official, image_set *set, error_info *err) {
    photo_source *source;
    TRY(photo_source_open(path, &source, err));
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
