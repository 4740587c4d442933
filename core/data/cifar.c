/* cifar.c - CIFAR-10, binary version.
 *
 * A file is a row of records: one byte, the label from 0 to 9, then 3072 bytes,
 * an image of 32 x 32 pixels as three planes, red, green, blue, row by row. */
#include "data/image_reader.h"

#include <stdlib.h>
#include <string.h>

#include "data/packed.h"

enum { SIDE = 32, CHANNELS = 3, IMAGE = CHANNELS * SIDE * SIDE, RECORD = 1 + IMAGE, RECORDS_MAX = 10000, LABELS = 10 };
enum { BATCHES = 6, TEST = 5 };

static const char *const names[BATCHES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

/* images (RECORDS_MAX, IMAGE) <- a file's images, *count of them. */
static status read_records(packed *file, unsigned char *images, size_t *count, failure *why) {
    for (*count = 0; *count < RECORDS_MAX; ++*count) {
        unsigned char record[RECORD];
        bool got;
        TRY(packed_read_next(file, record, RECORD, "a record of a label and 3072 pixels", &got, why));
        if (!got) break;
        if (record[0] >= LABELS) {
            return fail(why, STATUS_FORMAT, "\"%s\": offset %zu: expected a label from 0 to 9, found %u",
                        packed_path(file), *count * RECORD, record[0]);
        }
        memcpy(images + *count * IMAGE, record + 1, IMAGE);
    }
    return STATUS_OK;
}

/* The published files have 10,000 records each, others from 1 to as many. */
static status check_count(const packed *file, size_t count, bool official, failure *why) {
    if (count == RECORDS_MAX || (!official && count > 0)) return STATUS_OK;
    return fail(why, STATUS_FORMAT, "\"%s\": offset %zu: expected %s of %d bytes, but the file ends here after %zu",
                packed_path(file), count * RECORD, official ? "10000 records" : "at least one record", RECORD, count);
}

static status read_open_batch(packed *file, bool official, unsigned char *images, size_t *count, char sha256[65],
                              failure *why) {
    if (official) TRY(packed_expect(file, 0, (uint64_t)RECORDS_MAX * RECORD, "10000 records of 3073", why));
    TRY(read_records(file, images, count, why));
    TRY(check_count(file, *count, official, why));
    return packed_end(file, sha256, why);
}

static status read_batch(const char *folder, const char *name, bool official, unsigned char *images, size_t *count,
                         image_set *set, failure *why) {
    packed *file;
    char sha256[65] = "";
    TRY(packed_open(folder, name, &file, why));
    status outcome = read_open_batch(file, official, images, count, sha256, why);
    if (outcome == STATUS_OK) outcome = image_add_file(set, packed_path(file), name, sha256, NULL, official, why);
    packed_close(&file);
    return outcome;
}

/* Which batches are read: all of them by the plain name, else those that are there. */
static status choose_batches(const char *folder, bool official, bool chosen[BATCHES], size_t *count, failure *why) {
    *count = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        chosen[i] = packed_exists(folder, names[i]);
        if (official && !chosen[i]) {
            return fail(
                why, STATUS_IO,
                "there is neither \"%s/%s\" nor \"%s/%s.gz\"; cifar10 needs data_batch_1.bin to "
                "data_batch_5.bin and test_batch.bin (a part of them can be used in a folder cifar10-SOMETHING)",
                folder, names[i], folder, names[i]);
        }
        *count += chosen[i];
    }
    if (!chosen[TEST] || *count < 2) {
        return fail(why, STATUS_IO,
                    "\"%s\": expected test_batch.bin and at least one of data_batch_1.bin to "
                    "data_batch_5.bin, each as it is or with .gz",
                    folder);
    }
    return STATUS_OK;
}

status cifar_read(const char *folder, bool official, image_set *set, failure *why) {
    bool chosen[BATCHES];
    size_t files, size[IMAGE_SPLITS] = {0, 0, 0};
    TRY(choose_batches(folder, official, chosen, &files, why));
    /* Room for full files; what is not needed is given back. */
    const size_t room[IMAGE_SPLITS] = {(files - 1) * RECORDS_MAX, 0, RECORDS_MAX};
    TRY(image_allocate(set, folder, room, CHANNELS, SIDE, SIDE, why));
    for (size_t i = 0; i < BATCHES; i++) {
        size_t count = 0;
        if (!chosen[i]) continue;
        TRY(read_batch(folder, names[i], official, set->pixels + (size[0] + size[2]) * IMAGE, &count, set, why));
        size[i == TEST ? IMAGE_TEST : IMAGE_TRAINING] += count;
    }
    image_shrink(set, size);
    image_hash_files(set, set->file_count);
    return STATUS_OK;
}
