/* mnist.c - the MNIST database of handwritten digits: IDX files. */
#include "data/image_reader.h"

#include <stdlib.h>

#include "data/idx.h"
#include "data/image_layout.h"

enum { FILES = 4, IMAGES = 2 };

/* Images first: the set's checksum is that of the image files. Labels are checked if present, but not used. */
static const struct {
    const char *name, *sha256;
    size_t rank, shape[3];
} known[FILES] = {
    {"train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 3, {60000, 28, 28}},
    {"t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 3, {10000, 28, 28}},
    {"train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 1, {60000}},
    {"t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 1, {10000}},
};

/* Other names in use: with a dot, and each in a folder with the file's name. */
static const char *const others[FILES][4] = {
    {"train-images-idx3-ubyte", "train-images.idx3-ubyte", "train-images-idx3-ubyte/train-images-idx3-ubyte"},
    {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte", "t10k-images-idx3-ubyte/t10k-images-idx3-ubyte"},
    {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte", "train-labels-idx1-ubyte/train-labels-idx1-ubyte"},
    {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte", "t10k-labels-idx1-ubyte/t10k-labels-idx1-ubyte"},
};
static const char *const folders[] = {"", "raw", "MNIST/raw", "FashionMNIST/raw", NULL};

static bool find_file(size_t which, const char *folder, image_set *set, char place[LAYOUT_NAME_MAX]) {
    const image_layout layout = {folders, others[which]};
    return image_layout_find(&layout, folder, set, place);
}

/* bytes <- the content of file `which`. */
static status read_file(size_t which, bool official, idx *array, unsigned char *bytes, image_set *set,
                        error_info *err) {
    char sha256[65] = "";
    TRY(idx_read(array, bytes, sha256, err));
    return image_add_file(set, gzip_reader_path(array->file), known[which].name, sha256, known[which].sha256, official,
                          err);
}

static status read_images(const char *folder, bool official, idx arrays[IMAGES], image_set *set, error_info *err) {
    const idx *training = &arrays[0], *test = &arrays[1];
    if (training->shape[1] != test->shape[1] || training->shape[2] != test->shape[2]) {
        return error_set(err, STATUS_FORMAT,
                         "\"%s\": offset 8: expected images of %zu x %zu, as in \"%s\", found %zu x %zu",
                         gzip_reader_path(test->file), training->shape[1], training->shape[2],
                         gzip_reader_path(training->file), test->shape[1], test->shape[2]);
    }
    const size_t size[IMAGE_SPLITS] = {training->shape[0], 0, test->shape[0]};
    TRY(image_allocate(set, folder, size, 1, training->shape[1], training->shape[2], err));
    for (size_t i = 0; i < IMAGES; i++) {
        TRY(read_file(i, official, &arrays[i], set->pixels + (i == 0 ? 0 : training->size), set, err));
    }
    image_hash_files(set, IMAGES);
    return STATUS_OK;
}

/* Check that there is one label for each image, if there are labels. */
static status check_labels(const char *folder, size_t which, const char *place, size_t images, bool official,
                           image_set *set, error_info *err) {
    idx array;
    TRY(idx_open(folder, place, known[which].rank, &images, &array, err));
    unsigned char *labels = malloc(array.size);
    status outcome = labels == NULL
                         ? error_set(err, STATUS_MEMORY, "no memory for \"%s\"", gzip_reader_path(array.file))
                         : read_file(which, official, &array, labels, set, err);
    free(labels);
    idx_close(&array);
    return outcome;
}

status mnist_read(const char *folder, bool official, image_set *set, error_info *err) {
    static const size_t any[3] = {0, 0, 0};
    idx arrays[IMAGES] = {{0}, {0}};
    char place[LAYOUT_NAME_MAX];
    status outcome = STATUS_OK;
    for (size_t i = 0; i < IMAGES && outcome == STATUS_OK; i++) {
        (void)find_file(i, folder, set, place); /* if not found, opening the file reports it */
        outcome = idx_open(folder, place, known[i].rank, official ? known[i].shape : any, &arrays[i], err);
    }
    if (outcome == STATUS_OK) outcome = read_images(folder, official, arrays, set, err);
    for (size_t i = 0; i < IMAGES; i++) idx_close(&arrays[i]);
    TRY(outcome);
    for (size_t i = IMAGES; i < FILES; i++) {
        const size_t images = set->size[i == IMAGES ? IMAGE_TRAINING : IMAGE_TEST];
        if (find_file(i, folder, set, place)) TRY(check_labels(folder, i, place, images, official, set, err));
    }
    return STATUS_OK;
}
