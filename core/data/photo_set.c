/* photo_set.c - the pictures of a folder or archive as images of one size, with a cache. */
#include "data/photo_set.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "base/file.h"
#include "data/image_cache.h"
#include "data/image_layout.h"
#include "data/image_reader.h"
#include "data/photo.h"

enum { PATH_SIZE = PATH_MAX };

/* Hash the inputs of the cache: names, sizes, marks and splits of all photos. */
static void hash_source(const photo_source *source, const image_split *splits, const char *also, char sha256[65]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, (const unsigned char *)also, strlen(also));
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

static status decode_one(const photo_set_spec *spec, photo_source *source, size_t index, photo *picture,
                         unsigned char *out, error_info *err) {
    const photo_request wanted = {.height = spec->height, .width = spec->width, .channels = spec->channels};
    char path[PATH_SIZE];
    unsigned char *bytes;
    size_t size;
    TRY(photo_source_read(source, index, &bytes, &size, err));
    snprintf(path, sizeof path, "%s/%s", source->path, source->entries[index].file);
    status outcome = photo_decode(path, bytes, size, &wanted, picture, err);
    free(bytes);
    if (outcome == STATUS_OK && photo_resize(picture, spec->height, spec->width, spec->fit, out) != STATUS_OK)
        outcome = error_set(err, STATUS_MEMORY, "no memory to resize \"%s\"", path);
    return outcome;
}

/* Decode all photos, each split in the order of names. */
static status decode_all(const photo_set_spec *spec, photo_source *source, const image_split *splits, image_set *set,
                         error_info *err) {
    const size_t numbers = spec->channels * spec->height * spec->width;
    size_t next[IMAGE_SPLITS], size[IMAGE_SPLITS] = {0, 0, 0};
    for (size_t i = 0; i < source->count; i++) size[splits[i]]++;
    TRY(image_allocate(set, source->path, size, spec->channels, spec->height, spec->width, err));
    memcpy(next, set->first, sizeof next);
    photo picture = {0};
    status outcome = STATUS_OK;
    for (size_t i = 0; i < source->count && outcome == STATUS_OK; i++)
        outcome = decode_one(spec, source, i, &picture, set->pixels + next[splits[i]]++ * numbers, err);
    photo_release(&picture);
    if (outcome == STATUS_OK) image_cache_hash(set);
    return outcome;
}

/* --- Sizes --- */

static status describe_one(photo_source *source, size_t index, photo *out, error_info *err) {
    char path[PATH_SIZE];
    unsigned char *bytes;
    size_t size;
    TRY(photo_source_read(source, index, &bytes, &size, err));
    snprintf(path, sizeof path, "%s/%s", source->path, source->entries[index].file);
    const status outcome = photo_describe(path, bytes, size, out, err);
    free(bytes);
    return outcome;
}

/* Fill the channels and the size that the spec lacks from the headers of all pictures. */
static status complete(photo_source *source, photo_set_spec *spec, error_info *err) {
    const bool any_size = spec->height == 0, any_channels = spec->channels == 0;
    for (size_t i = 0; i < source->count && (any_size || any_channels); i++) {
        photo one = {0};
        TRY(describe_one(source, i, &one, err));
        if (any_channels && one.channels > spec->channels) spec->channels = one.channels;
        if (!any_size) continue;
        if (i > 0 && (one.height != spec->height || one.width != spec->width))
            return error_set(
                err, STATUS_FORMAT,
                "\"%s\": \"%s\" has %zu x %zu pixels (height x width) and \"%s\" %zu x %zu; expected one size, "
                "or set image.size = HEIGHTxWIDTH",
                source->path, source->entries[0].file, spec->height, spec->width, source->entries[i].file, one.height,
                one.width);
        spec->height = one.height;
        spec->width = one.width;
    }
    return STATUS_OK;
}

/* --- The cache --- */

/* Decode the photos and write the cache. If the cache cannot be written, the next run decodes again. */
static status make_cache(const photo_set_spec *spec, photo_source *source, const image_split *splits,
                         const char *sha256, image_set *set, error_info *err) {
    char path[PATH_SIZE];
    file_replacement file;
    error_info reason = {""};
    const bool fits = snprintf(path, PATH_SIZE, "%s/%s", spec->folder, spec->cache) < PATH_SIZE;
    const bool writing = fits && file_replace_begin(path, &file, &reason) == STATUS_OK;
    /* file_replace_begin waits for another process that writes the same cache; the cache may now exist. */
    if (writing && image_cache_read(spec->folder, spec->cache, sha256, set, NULL) == STATUS_OK) {
        file_replace_cancel(&file);
        return STATUS_OK;
    }
    const status outcome = decode_all(spec, source, splits, set, err);
    status kept = writing && outcome == STATUS_OK ? image_cache_write(&file, sha256, set, &reason) : STATUS_IO;
    if (writing) kept = file_replace_end(&file, kept, &reason);
    if (kept != STATUS_OK)
        image_note(set, "The cache cannot be written, so every start decodes all pictures: %.200s", reason.text);
    return outcome;
}

status photo_set_read(const photo_set_spec *spec, photo_source *source, const image_split *splits, image_set *set,
                      error_info *err) {
    char sha256[65];
    hash_source(source, splits, spec->also, sha256);
    if (image_cache_read(spec->folder, spec->cache, sha256, set, NULL) == STATUS_OK) return STATUS_OK;
    photo_set_spec whole = *spec;
    TRY(complete(source, &whole, err));
    return make_cache(&whole, source, splits, sha256, set, err);
}

void photo_set_note(const photo_source *source, image_set *set) {
    if (source->others == 0) return;
    image_note(set, "Ignored %zu picture%s (\"%.100s\"%s): only %s read, from files ending in .jpg%s or .jpeg.",
               source->others, source->others == 1 ? "" : "s", source->other, source->others == 1 ? "" : ", ...",
               source->formats == PHOTO_JPEG ? "JPEG is" : "JPEG and PNG are",
               source->formats == PHOTO_JPEG ? "" : ", .png");
}
