/* cifar.c - CIFAR-10, in the binary version or in the Python version.
 *
 * A file of the binary version is a sequence of records: one byte, the label from 0 to 9, then 3072 bytes, an image of
 * 32 x 32 pixels as three planes (red, green, blue), row by row. */
#include "data/image_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sha256.h>

#include "data/cifar_pickle.h"
#include "data/gzip_reader.h"
#include "data/image_layout.h"

enum { SIDE = 32, CHANNELS = 3, IMAGE = CHANNELS * SIDE * SIDE, RECORD = 1 + IMAGE, RECORDS_MAX = 10000, LABELS = 10 };
enum { BATCHES = 6, TEST = 5 };

/* The file names of a batch: binary version, Python version. */
static const char *const names[BATCHES][3] = {
    {"data_batch_1.bin", "data_batch_1"}, {"data_batch_2.bin", "data_batch_2"}, {"data_batch_3.bin", "data_batch_3"},
    {"data_batch_4.bin", "data_batch_4"}, {"data_batch_5.bin", "data_batch_5"}, {"test_batch.bin", "test_batch"}};
static const char *const folders[] = {"", "cifar-10-batches-bin", "cifar-10-batches-py", NULL};

/* images (RECORDS_MAX, IMAGE) <- the images of a file; *count <- their number. */
static status read_records(gzip_reader *file, unsigned char *images, size_t *count, error_info *err) {
    for (*count = 0; *count < RECORDS_MAX; ++*count) {
        unsigned char record[RECORD];
        bool got;
        TRY(gzip_reader_read_next(file, record, RECORD, "a record of a label and 3072 pixels", &got, err));
        if (!got) break;
        if (record[0] >= LABELS) {
            return error_set(err, STATUS_FORMAT, "\"%s\": offset %zu: expected a label from 0 to 9, found %u",
                             gzip_reader_path(file), *count * RECORD, record[0]);
        }
        memcpy(images + *count * IMAGE, record + 1, IMAGE);
    }
    return STATUS_OK;
}

/* Check the number of records: 10,000 in a published file, 1 to 10,000 in others. */
static status check_count(const gzip_reader *file, size_t count, bool official, error_info *err) {
    if (count == RECORDS_MAX || (!official && count > 0)) return STATUS_OK;
    return error_set(
        err, STATUS_FORMAT, "\"%s\": offset %zu: expected %s of %d bytes, but the file ends here after %zu",
        gzip_reader_path(file), count * RECORD, official ? "10000 records" : "at least one record", RECORD, count);
}

static status read_open_batch(gzip_reader *file, bool official, unsigned char *images, size_t *count, char sha256[65],
                              error_info *err) {
    if (official) TRY(gzip_reader_expect(file, 0, (uint64_t)RECORDS_MAX * RECORD, "10000 records of 3073", err));
    TRY(read_records(file, images, count, err));
    TRY(check_count(file, *count, official, err));
    return gzip_reader_end(file, sha256, err);
}

/* Read a batch of the Python version; sha256 <- that of the binary file with the same records. */
static status read_pickle(const char *path, bool official, unsigned char *images, size_t *count, char sha256[65],
                          error_info *err) {
    unsigned char *records;
    SHA256_CTX hash;
    TRY(cifar_pickle_read(path, RECORDS_MAX, &records, count, err));
    for (size_t i = 0; i < *count; i++) memcpy(images + i * IMAGE, records + i * RECORD + 1, IMAGE);
    SHA256_Init(&hash);
    SHA256_Update(&hash, records, *count * RECORD);
    SHA256_End(&hash, sha256);
    free(records);
    if (!official || *count == RECORDS_MAX) return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "\"%s\": expected 10000 images, found %zu", path, *count);
}

static bool is_binary(const char *place) {
    const size_t length = strlen(place);
    return length > 4 && strcmp(place + length - 4, ".bin") == 0;
}

/* The location of a batch, in either version. */
typedef struct batch {
    bool exists;
    char place[LAYOUT_NAME_MAX];
} batch;

static status read_batch(const char *folder, const batch *from, const char *name, bool official, unsigned char *images,
                         size_t *count, image_set *set, error_info *err) {
    enum { PATH_SIZE = 4096 };
    gzip_reader *file;
    char sha256[65] = "", path[PATH_SIZE];
    if (!is_binary(from->place)) {
        if (snprintf(path, sizeof path, "%s/%s", folder, from->place) >= PATH_SIZE)
            return error_set(err, STATUS_IO, "\"%.200s...\": path too long", folder);
        TRY(read_pickle(path, official, images, count, sha256, err));
        return image_add_file(set, path, name, sha256, NULL, official, err);
    }
    TRY(gzip_reader_open(folder, from->place, &file, err));
    status outcome = read_open_batch(file, official, images, count, sha256, err);
    if (outcome == STATUS_OK) outcome = image_add_file(set, gzip_reader_path(file), name, sha256, NULL, official, err);
    gzip_reader_close(&file);
    return outcome;
}

/* Choose the batches: all of the published set, otherwise the existing ones. */
static status choose_batches(const char *folder, bool official, image_set *set, batch chosen[BATCHES], size_t *count,
                             error_info *err) {
    *count = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        const image_layout layout = {folders, names[i]};
        chosen[i].exists = image_layout_find(&layout, folder, set, chosen[i].place);
        if (official && !chosen[i].exists) {
            return error_set(
                err, STATUS_IO,
                "\"%s/%s\": not found, and no \"%s/%s.gz\"; cifar10 needs data_batch_1.bin to "
                "data_batch_5.bin and test_batch.bin, or the same without .bin of the Python version (a part "
                "of them can be used in a folder cifar10-SOMETHING)",
                folder, names[i][0], folder, names[i][0]);
        }
        *count += chosen[i].exists;
    }
    if (!chosen[TEST].exists || *count < 2) {
        return error_set(err, STATUS_IO,
                         "\"%s\": expected test_batch.bin and at least one of data_batch_1.bin to "
                         "data_batch_5.bin, each as it is or with .gz, or the same without .bin of the Python version",
                         folder);
    }
    return STATUS_OK;
}

status cifar_read(const char *folder, bool official, image_set *set, error_info *err) {
    batch chosen[BATCHES];
    size_t files, size[IMAGE_SPLITS] = {0, 0, 0};
    TRY(choose_batches(folder, official, set, chosen, &files, err));
    /* Allocate for full files; image_shrink releases the rest. */
    const size_t room[IMAGE_SPLITS] = {(files - 1) * RECORDS_MAX, 0, RECORDS_MAX};
    TRY(image_allocate(set, folder, room, CHANNELS, SIDE, SIDE, err));
    for (size_t i = 0; i < BATCHES; i++) {
        size_t count = 0;
        if (!chosen[i].exists) continue;
        TRY(read_batch(folder, &chosen[i], names[i][0], official, set->pixels + (size[0] + size[2]) * IMAGE, &count,
                       set, err));
        size[i == TEST ? IMAGE_TEST : IMAGE_TRAINING] += count;
    }
    image_shrink(set, size);
    image_hash_files(set, set->file_count);
    return STATUS_OK;
}
