/* image_files.c - a user's own images: arrays of bytes, folders and archives of pictures. */
#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/array_file.h"
#include "data/data_name.h"
#include "data/image_cache.h"
#include "data/image_layout.h"
#include "data/image_reader.h"
#include "data/npy_header.h"
#include "data/photo.h"
#include "data/photo_set.h"

enum { PATH_SIZE = PATH_MAX, TRAINING = 0, VALIDATION, TEST, PARTS };

static bool is_folder(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISDIR(information.st_mode);
}

static bool is_archive(const char *path) {
    return array_file_ends(path, strlen(path), ".zip");
}

bool image_is_files(const char *path) {
    return is_archive(path) || is_folder(path) || array_file_rank(path) > 2;
}

/* --- Arrays --- */

/* An array of images: its shape, and the distance in bytes between neighbours of each dimension. */
typedef struct image_array {
    const char *path;
    const unsigned char *pixels;
    size_t count, height, width, channels;
    size_t stride[4];
} image_array;

static status fail_shape(const char *path, const npy_header *header, error_info *err) {
    char shape[128] = "";
    for (size_t i = 0, used = 0; i < header->rank && used < sizeof shape; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%llu", i > 0 ? ", " : "",
                                 (unsigned long long)header->shape[i]);
    return error_set(
        err, STATUS_FORMAT,
        "\"%s\": expected images of the shape (N, H, W), (N, H, W, 1) or (N, H, W, 3), with sides up to %d, found "
        "(%s)",
        path, PHOTO_SIDE_MAX, shape);
}

static status describe_array(const char *path, const unsigned char *bytes, size_t size, image_array *out,
                             error_info *err) {
    npy_header header;
    TRY(npy_header_read(path, bytes, size, &header, err));
    if (header.rank < 4) header.shape[3] = 1;
    const uint64_t *shape = header.shape, available = size - header.start;
    if (header.rank < 3 || header.rank > 4 || shape[0] == 0 || shape[0] > UINT32_MAX || shape[1] == 0 ||
        shape[1] > PHOTO_SIDE_MAX || shape[2] == 0 || shape[2] > PHOTO_SIDE_MAX || (shape[3] != 1 && shape[3] != 3))
        return fail_shape(path, &header, err);
    if (header.kind.letter != 'u' || header.kind.bytes != 1)
        return error_set(
            err, STATUS_FORMAT,
            "\"%s\": expected bytes ('|u1', uint8) from 0 to 255, found '%s'; numbers from 0 to 1 become bytes by "
            "numpy.rint(255 * x).astype(numpy.uint8)",
            path, header.descr);
    if (shape[0] * shape[1] * shape[2] * shape[3] != available)
        return error_set(
            err, STATUS_FORMAT, "\"%s\": expected %llu bytes after the header, as its shape states, found %llu", path,
            (unsigned long long)(shape[0] * shape[1] * shape[2] * shape[3]), (unsigned long long)available);
    *out = (image_array){.path = path,
                         .pixels = bytes + header.start,
                         .count = (size_t)shape[0],
                         .height = (size_t)shape[1],
                         .width = (size_t)shape[2],
                         .channels = (size_t)shape[3]};
    size_t stride = 1;
    for (size_t i = 0; i < 4; i++) {
        const size_t dimension = header.fortran_order ? i : 3 - i;
        out->stride[dimension] = stride;
        stride *= (size_t)shape[dimension];
    }
    return STATUS_OK;
}

/* picture <- image `index`. */
static void read_picture(const image_array *array, size_t index, photo *picture) {
    unsigned char *out = picture->pixels;
    for (size_t y = 0; y < array->height; y++)
        for (size_t x = 0; x < array->width; x++)
            for (size_t c = 0; c < array->channels; c++)
                *out++ = array->pixels[index * array->stride[0] + y * array->stride[1] + x * array->stride[2] +
                                       c * array->stride[3]];
}

static status fit_array(const image_array *array, const image_files *spec, image_set *set, error_info *err) {
    const photo_request wanted = {.height = spec->height, .width = spec->width, .channels = array->channels};
    const size_t height = spec->height ? spec->height : array->height, width = spec->width ? spec->width : array->width;
    const size_t numbers = array->channels * height * width, size[IMAGE_SPLITS] = {array->count, 0, 0};
    photo picture = {.height = array->height, .width = array->width, .channels = array->channels};
    TRY(image_allocate(set, array->path, size, array->channels, height, width, err));
    status outcome = photo_make_room(array->path, 0, &wanted, &picture, err);
    for (size_t i = 0; i < array->count && outcome == STATUS_OK; i++) {
        read_picture(array, i, &picture);
        outcome = photo_resize(&picture, height, width, spec->fit, set->pixels + i * numbers);
        if (outcome != STATUS_OK) outcome = error_set(err, outcome, "no memory to resize \"%s\"", array->path);
    }
    photo_release(&picture);
    return outcome;
}

static status read_array(const char *path, const image_files *spec, image_set *set, error_info *err) {
    unsigned char *bytes;
    size_t size;
    char sha256[65];
    image_array array = {.count = 0};
    TRY(array_file_read(path, &bytes, &size, sha256, err));
    status outcome = describe_array(path, bytes, size, &array, err);
    if (outcome == STATUS_OK) outcome = fit_array(&array, spec, set, err);
    free(bytes);
    const char *slash = strrchr(path, '/');
    return outcome == STATUS_OK ? image_add_file(set, path, slash ? slash + 1 : path, sha256, NULL, false, err)
                                : outcome;
}

/* --- Pictures --- */

/* Make the path of the cache: images.cache in a folder, NAME.zip.images.cache beside an archive, with the size and the
 * fit if the spec has them. */
static status make_cache_path(const char *path, const image_files *spec, char folder[PATH_SIZE], char name[PATH_SIZE],
                              char also[64], error_info *err) {
    static const char *const fits[] = {IMAGE_FITS(CHOICE_TEXT)};
    const char *slash = strrchr(path, '/'), *dot = slash ? slash + 1 : path;
    const bool archive = is_archive(path) && !is_folder(path);
    const int above = slash ? (int)(slash - path) : 1;
    snprintf(also, 64, "size %zu %zu %s\n", spec->height, spec->width, fits[spec->fit]);
    int length = snprintf(name, PATH_SIZE, "%s%simages", archive ? dot : "", archive ? "." : "");
    if (spec->height > 0 && length < PATH_SIZE)
        length += snprintf(name + length, PATH_SIZE - (size_t)length, "_%zux%zu_%s", spec->height, spec->width,
                           fits[spec->fit]);
    if (length < PATH_SIZE) length += snprintf(name + length, PATH_SIZE - (size_t)length, ".cache");
    if (archive && slash == path) snprintf(folder, PATH_SIZE, "/");
    else if (archive) snprintf(folder, PATH_SIZE, "%.*s", above, slash ? path : ".");
    else length += snprintf(folder, PATH_SIZE, "%s", path);
    return length < PATH_SIZE ? STATUS_OK : error_set(err, STATUS_INVALID, "\"%.400s...\": the path is too long", path);
}

static status read_pictures(const char *path, const image_files *spec, image_set *set, error_info *err) {
    char folder[PATH_SIZE], name[PATH_SIZE], also[64];
    photo_source *source;
    TRY(make_cache_path(path, spec, folder, name, also, err));
    const photo_set_spec wanted = {
        .folder = folder, .cache = name, .height = spec->height, .width = spec->width, .fit = spec->fit, .also = also};
    TRY(photo_source_open(path, PHOTO_JPEG_PNG, &source, err));
    photo_set_note(source, set);
    image_split *splits = calloc(source->count, sizeof *splits); /* parts are made later, from any cache */
    const status outcome = splits == NULL ? error_set(err, STATUS_MEMORY, "no memory to read \"%s\"", path)
                                          : photo_set_read(&wanted, source, splits, set, err);
    free(splits);
    photo_source_close(&source);
    return outcome;
}

/* --- Parts --- */

static status read_parts(const image_files *spec, image_set parts[PARTS], error_info *err) {
    const char *const paths[PARTS] = {spec->path, spec->whole ? NULL : spec->validation.path,
                                      spec->whole ? NULL : spec->test.path};
    for (size_t i = 0; i < PARTS; i++) {
        image_set *part = &parts[i];
        if (paths[i] == NULL) continue;
        TRY((is_archive(paths[i]) || is_folder(paths[i]) ? read_pictures : read_array)(paths[i], spec, part, err));
        if (part->channels != parts[0].channels || part->height != parts[0].height || part->width != parts[0].width)
            return error_set(
                err, STATUS_FORMAT,
                "data.%s: \"%.300s\" has images of %zu x %zu x %zu (channels, height, width); expected %zu x %zu "
                "x %zu, as \"%.300s\" has",
                i == TEST ? "test" : "validation", paths[i], part->channels, part->height, part->width,
                parts[0].channels, parts[0].height, parts[0].width, paths[0]);
    }
    return STATUS_OK;
}

/* set <- the images of all files, in the order of the splits. `order` has the indices of validation, test and training
 * images. */
static void join(const image_set parts[PARTS], const size_t *order, image_set *set) {
    const size_t bytes = set->channels * set->height * set->width, training = set->size[IMAGE_TRAINING];
    const size_t held_out = set->count - training;
    for (size_t i = 0; i < set->count; i++) {
        size_t row = order[i], part = 0;
        for (; part + 1 < PARTS && row >= parts[part].count; part++) row -= parts[part].count;
        assert(parts[part].pixels != NULL);
        const size_t place = i < held_out ? training + i : i - held_out;
        memcpy(set->pixels + place * bytes, parts[part].pixels + row * bytes, bytes);
    }
}

static status combine(const image_files *spec, const image_set parts[PARTS], image_set *set, error_info *err) {
    const size_t files[2] = {parts[VALIDATION].count, parts[TEST].count}, total = parts[0].count;
    const image_set *first = &parts[0];
    size_t held_out[2] = {0, 0};
    if (!spec->whole) TRY(data_part_sizes(spec->path, total, &spec->validation, &spec->test, held_out, err));
    const size_t validation = held_out[0] + files[0], test = held_out[1] + files[1],
                 training = total - held_out[0] - held_out[1];
    const size_t size[IMAGE_SPLITS] = {training, validation, test}, whole[IMAGE_SPLITS] = {0, 0, total};
    size_t *order = calloc(training + validation + test, sizeof *order);
    status outcome = order != NULL && data_part_order(total, held_out, files, order) == STATUS_OK
                         ? image_allocate(set, spec->path, spec->whole ? whole : size, first->channels, first->height,
                                          first->width, err)
                         : error_set(err, STATUS_MEMORY, "no memory for the images of \"%s\"", spec->path);
    for (size_t i = 0; i < total && spec->whole && outcome == STATUS_OK; i++) order[i] = i;
    if (outcome == STATUS_OK) {
        join(parts, order, set);
        image_cache_hash(set);
    }
    free(order);
    return outcome;
}

status image_open_files(const image_files *spec, image_set **out, error_info *err) {
    image_set parts[PARTS] = {{.count = 0}, {.count = 0}, {.count = 0}};
    image_set *set = calloc(1, sizeof *set);
    status outcome = STATUS_OK;
    char name[DATA_NAME_MAX];
    data_name(spec->path, name);
    if (set != NULL) set->name = strdup(name);
    if (set == NULL || set->name == NULL) outcome = error_set(err, STATUS_MEMORY, "no memory for \"%s\"", spec->path);
    if (outcome == STATUS_OK) outcome = read_parts(spec, parts, err);
    if (outcome == STATUS_OK) outcome = combine(spec, parts, set, err);
    for (size_t i = 0; i < PARTS; i++) {
        if (outcome == STATUS_OK && *parts[i].note) image_note(set, "%s", parts[i].note);
        for (size_t f = 0; f < parts[i].file_count && outcome == STATUS_OK; f++)
            set->files[set->file_count++] = parts[i].files[f];
        free(parts[i].pixels);
    }
    if (outcome == STATUS_OK) {
        set->origin = IMAGE_OTHER;
        *out = set;
    } else {
        image_close(&set);
    }
    return outcome;
}
