/* image.c - sets of training images, by name. */
#include "data/image.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sha256.h>

#include "base/edit_distance.h"
#include "data/image_reader.h"

enum { KINDS = 3, FOLDERS_MAX = 3, PATH_SIZE = PATH_MAX };

struct image_kind {
    const char *name;
    size_t shape[3]; /* channels, height, width */
    const char *folders[FOLDERS_MAX]; /* folders that the published set may be in; the first must be its name */
    image_reader *read;
    const char *source;
};

static const image_kind kinds[KINDS] = {
    {"mnist",
     {1, 28, 28},
     {"mnist", "MNIST"},
     mnist_read,
     "From the MNIST database page of Yann LeCun, the files train-images-idx3-ubyte.gz and t10k-images-idx3-ubyte.gz "
     "(the two with labels are not used), packed or unpacked, into the folder mnist. torchvision's MNIST/raw is read "
     "too, "
     "and names with a dot, as train-images.idx3-ubyte."},
    {"cifar10",
     {3, 32, 32},
     {"cifar10", "cifar-10-batches-bin", "cifar-10-batches-py"},
     cifar_read,
     "From the CIFAR-10 page of Alex Krizhevsky, the binary version, cifar-10-binary.tar.gz (that page gives its MD5 "
     "as c32a1d4ab5d03f1284b67883e8d87530); unpacked, it is the folder cifar-10-batches-bin, which may also be called "
     "cifar10, with data_batch_1.bin to data_batch_5.bin and test_batch.bin. The Python version, cifar-10-batches-py, "
     "is "
     "read too."},
    {"celeba",
     {3, 32, 32},
     {"celeba"},
     celeba_read,
     "From the CelebA page of MMLAB, CUHK, \"Align&Cropped Images\": img_align_celeba.zip (1.4 GB, MD5 "
     "00d2c5bc6d35e252742224ab0c1e8fcb), or the folder img_align_celeba that it unpacks to, and from its Eval folder "
     "list_eval_partition.txt, both into the folder celeba. Kaggle's list_eval_partition.csv and its folder "
     "img_align_celeba/img_align_celeba are read too."},
};

size_t image_kind_count(void) {
    return KINDS;
}

const image_kind *image_kind_at(size_t index) {
    assert(index < KINDS);
    return &kinds[index];
}

const char *image_kind_name(const image_kind *kind) {
    return kind->name;
}

void image_kind_shape(const image_kind *kind, size_t shape[3]) {
    memcpy(shape, kind->shape, sizeof kind->shape);
}

const char *image_kind_source(const image_kind *kind) {
    return kind->source;
}

const image_kind *image_kind_of(const char *name) {
    for (size_t i = 0; i < KINDS; i++) {
        const size_t length = strlen(kinds[i].name);
        if (strncmp(name, kinds[i].name, length) != 0) continue;
        if (name[length] == 0) return &kinds[i];
        if (name[length] == '-' && name[length + 1] != 0 && strchr(name, '/') == NULL) return &kinds[i];
    }
    return NULL;
}

static bool is_folder(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISDIR(information.st_mode);
}

/* folder <- the folder of the set. If there is none or its path is too long, return false and set folder to the
 * expected one. */
static bool find_folder(const image_kind *kind, const char *name, const char *data, char folder[PATH_SIZE]) {
    const bool official = strcmp(name, kind->name) == 0;
    for (size_t i = 0; official && i < FOLDERS_MAX && kind->folders[i] != NULL; i++) {
        if (snprintf(folder, PATH_SIZE, "%s/%s", data, kind->folders[i]) < PATH_SIZE && is_folder(folder)) return true;
    }
    return snprintf(folder, PATH_SIZE, "%s/%s", data, name) < PATH_SIZE && is_folder(folder);
}

bool image_exists(const char *name, const char *data) {
    char folder[PATH_SIZE];
    const image_kind *kind = image_kind_of(name);
    return kind != NULL && find_folder(kind, name, data, folder);
}

static status fail_unknown(const char *name, error_info *err) {
    const char *names[KINDS];
    for (size_t i = 0; i < KINDS; i++) names[i] = kinds[i].name;
    return error_set(err, STATUS_INVALID, "image set \"%s\": unknown; did you mean \"%s\"?", name,
                     suggest_name(name, KINDS, names));
}

/* Return the origin. image_add_file has already checked the published checksums of an official set. */
static image_origin origin_of(const image_set *set, bool official) {
    if (!official) return IMAGE_OTHER;
    for (size_t i = 0; i < set->file_count; i++)
        if (!set->files[i].official) return IMAGE_UNVERIFIED;
    return set->file_count > 0 ? IMAGE_OFFICIAL : IMAGE_UNVERIFIED;
}

status image_open(const char *name, const char *data, image_set **out, error_info *err) {
    char folder[PATH_SIZE];
    const image_kind *kind = image_kind_of(name);
    if (kind == NULL) return fail_unknown(name, err);
    if (!find_folder(kind, name, data, folder)) {
        return error_set(err, STATUS_IO, "\"%.400s\": no folder with the images of %.100s. %s", folder, name,
                         kind->source);
    }
    image_set *set = calloc(1, sizeof *set);
    char *copy = strdup(name);
    if (set == NULL || copy == NULL) {
        free(set);
        free(copy);
        return error_set(err, STATUS_MEMORY, "no memory for the images of %.100s", name);
    }
    set->name = copy;
    const bool official = strcmp(name, kind->name) == 0;
    status outcome = kind->read(folder, official, set, err);
    if (outcome != STATUS_OK) {
        image_close(&set);
        return outcome;
    }
    set->origin = origin_of(set, official);
    *out = set;
    return STATUS_OK;
}

void image_close(image_set **set) {
    if (*set == NULL) return;
    free((*set)->pixels);
    free((*set)->name);
    free(*set);
    *set = NULL;
}

status image_allocate(image_set *set, const char *folder, const size_t size[IMAGE_SPLITS], size_t channels,
                      size_t height, size_t width, error_info *err) {
    const size_t bytes = channels * height * width;
    size_t count = 0;
    for (size_t s = 0; s < IMAGE_SPLITS; s++) count += size[s];
    unsigned char *pixels = count <= UINT32_MAX && count <= SIZE_MAX / bytes ? malloc(count * bytes) : NULL;
    if (pixels == NULL) {
        return error_set(err, STATUS_MEMORY, "no memory for the %zu images of %zu x %zu x %zu bytes in \"%s\"", count,
                         channels, height, width, folder);
    }
    free(set->pixels);
    set->pixels = pixels;
    set->count = count;
    set->channels = channels;
    set->height = height;
    set->width = width;
    image_shrink(set, size);
    return STATUS_OK;
}

void image_shrink(image_set *set, const size_t size[IMAGE_SPLITS]) {
    size_t count = 0;
    for (size_t s = 0; s < IMAGE_SPLITS; s++) {
        set->first[s] = count;
        set->size[s] = size[s];
        count += size[s];
    }
    assert(count <= set->count);
    if (count == set->count) return;
    unsigned char *pixels = realloc(set->pixels, count * set->channels * set->height * set->width);
    if (pixels != NULL) set->pixels = pixels;
    set->count = count;
}

status image_add_file(image_set *set, const char *path, const char *name, const char *sha256, const char *published,
                      bool official, error_info *err) {
    const bool same = published != NULL && strcmp(sha256, published) == 0;
    if (official && published != NULL && !same) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": not the published file: expected SHA-256 %s unpacked, found %s (another set in this "
                         "layout belongs into a folder %s-SOMETHING)",
                         path, published, sha256, set->name);
    }
    assert(set->file_count < IMAGE_FILES_MAX);
    image_file *file = &set->files[set->file_count++];
    file->official = same;
    snprintf(file->name, sizeof file->name, "%s", name);
    snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
    return STATUS_OK;
}

void image_hash_files(image_set *set, size_t count) {
    SHA256_CTX context;
    SHA256_Init(&context);
    for (size_t i = 0; i < count; i++) {
        char line[128];
        const int length = snprintf(line, sizeof line, "%s  %s\n", set->files[i].sha256, set->files[i].name);
        SHA256_Update(&context, (const unsigned char *)line, (size_t)length);
    }
    SHA256_End(&context, set->sha256);
}

/* Replace the set's checksum by a hash of it, of the operation on the images, and of a number. */
static void rehash(image_set *set, const char *done, size_t number) {
    char text[128];
    const int length = snprintf(text, sizeof text, "%s %s %zu\n", set->sha256, done, number);
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, (const unsigned char *)text, (size_t)length);
    SHA256_End(&context, set->sha256);
}

status image_hold_out(image_set *set, size_t count, error_info *err) {
    size_t *size = set->size;
    if (size[IMAGE_VALIDATION] > 0)
        return error_set(err, STATUS_INVALID, "%s has validation images of its own", set->name);
    if (count < 1 || count >= size[IMAGE_TRAINING])
        return error_set(err, STATUS_INVALID, "%zu of the %zu training images of %s: expected fewer, and at least 1",
                         count, size[IMAGE_TRAINING], set->name);
    size[IMAGE_TRAINING] -= count;
    size[IMAGE_VALIDATION] = count;
    set->first[IMAGE_VALIDATION] = set->first[IMAGE_TRAINING] + size[IMAGE_TRAINING];
    rehash(set, "validation", count);
    return STATUS_OK;
}

/* Return the mean of factor x factor bytes in rows of `width`, rounded to nearest, halves up. */
static unsigned char mean_of(const unsigned char *corner, size_t width, size_t factor) {
    size_t sum = 0;
    for (size_t y = 0; y < factor; y++)
        for (size_t x = 0; x < factor; x++) sum += corner[y * width + x];
    const size_t area = factor * factor;
    return (unsigned char)((2 * sum + area) / (2 * area));
}

status image_average(image_set *set, size_t factor, error_info *err) {
    if (factor == 0 || set->height % factor != 0 || set->width % factor != 0) {
        return error_set(err, STATUS_INVALID, "images of %s: %zu x %zu pixels cannot be averaged over squares of %zu",
                         set->name, set->height, set->width, factor);
    }
    if (factor == 1) return STATUS_OK;
    const size_t height = set->height / factor, width = set->width / factor;
    /* In place: every write lies before the next read. */
    unsigned char *out = set->pixels;
    for (size_t plane = 0; plane < set->count * set->channels; plane++) {
        const unsigned char *in = set->pixels + plane * set->height * set->width;
        for (size_t y = 0; y < height; y++)
            for (size_t x = 0; x < width; x++) *out++ = mean_of(in + factor * (y * set->width + x), set->width, factor);
    }
    set->height = height;
    set->width = width;
    unsigned char *pixels = realloc(set->pixels, set->count * set->channels * height * width);
    if (pixels != NULL) set->pixels = pixels;
    rehash(set, "averaged", factor);
    return STATUS_OK;
}
