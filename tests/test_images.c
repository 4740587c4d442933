/* test_images.c - MNIST's and CIFAR-10's files, valid and invalid. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "image_support.h"
#include "scratch.h"

TestSuite(mnist, .init = data_begin, .fini = data_end);
TestSuite(cifar, .init = data_begin, .fini = data_end);
TestSuite(images, .init = data_begin, .fini = data_end);

enum { TRAINING = 3, TEST = 2, HEIGHT = 4, WIDTH = 5, IMAGE = HEIGHT * WIDTH };

static const char training_name[] = "mnist-tiny/train-images-idx3-ubyte",
                  test_name[] = "mnist-tiny/t10k-images-idx3-ubyte";
static const char *const gz[2] = {"", ".gz"};

/* Byte i of the tiny set. */
static unsigned char tiny(size_t i) {
    return (unsigned char)(37 * i + i / 7);
}

/* The bytes of its file of training images (first = 0) or test images. */
static unsigned char *tiny_bytes(size_t first, size_t images, size_t *size) {
    unsigned char numbers[TRAINING * IMAGE];
    for (size_t i = 0; i < images * IMAGE; i++) numbers[i] = tiny(first * IMAGE + i);
    return idx_bytes(3, (uint32_t[]){(uint32_t)images, HEIGHT, WIDTH}, numbers, images * IMAGE, size);
}

static void write_tiny(bool gzip) {
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        size_t size;
        unsigned char *bytes = tiny_bytes(i == 0 ? 0 : TRAINING, i == 0 ? TRAINING : TEST, &size);
        snprintf(name, sizeof name, "%s%s", i == 0 ? training_name : test_name, gz[gzip]);
        data_write(name, bytes, size, gzip);
        free(bytes);
    }
}

/* Write only the tiny set, compressed or not. */
static void write_only_tiny(bool gzip) {
    data_end();
    data_begin();
    write_tiny(gzip);
}

static void expect_tiny(image_set *set) {
    cr_expect_str_eq(set->name, "mnist-tiny");
    cr_expect_eq(set->count, TRAINING + TEST);
    cr_expect(set->channels == 1 && set->height == HEIGHT && set->width == WIDTH);
    cr_expect(set->first[IMAGE_TRAINING] == 0 && set->size[IMAGE_TRAINING] == TRAINING);
    cr_expect(set->size[IMAGE_VALIDATION] == 0);
    cr_expect(set->first[IMAGE_TEST] == TRAINING && set->size[IMAGE_TEST] == TEST);
    for (size_t i = 0; i < set->count * IMAGE; i++) cr_expect_eq(set->pixels[i], tiny(i), "%zu", i);
    cr_expect_eq(set->origin, IMAGE_OTHER);
    /* of the two lines that sha256sum prints of the unpacked files */
    cr_expect_str_eq(set->sha256, "1c5a28c3b5f909b98196c25d725e70e82b63d3e8cbcfcd2aa612c510350fb606");
    image_close(&set);
    cr_expect_null(set);
}

Test(mnist, packed_and_unpacked) {
    write_tiny(true);
    expect_tiny(open_set("mnist-tiny"));
    write_tiny(false); /* beside the packed ones, and before them */
    char path[128];
    data_path("mnist-tiny/train-images-idx3-ubyte.gz", path);
    scratch_write(path, "broken", 6);
    expect_tiny(open_set("mnist-tiny"));
}

Test(mnist, a_packed_file_by_a_plain_name) {
    char from[128], to[128];
    write_tiny(true);
    data_path("mnist-tiny/train-images-idx3-ubyte.gz", from);
    data_path(training_name, to);
    cr_assert_eq(rename(from, to), 0);
    expect_tiny(open_set("mnist-tiny"));
}

Test(mnist, labels_are_checked_where_they_are) {
    size_t size;
    write_tiny(false);
    unsigned char *bytes = idx_bytes(1, (uint32_t[]){TRAINING}, (unsigned char[]){1, 2, 3}, TRAINING, &size);
    data_write("mnist-tiny/train-labels-idx1-ubyte", bytes, size, false);
    image_set *set = open_set("mnist-tiny");
    cr_expect_eq(set->file_count, 3);
    cr_expect_str_eq(set->files[2].name, "train-labels-idx1-ubyte");
    expect_tiny(set);
    data_write("mnist-tiny/t10k-labels-idx1-ubyte.gz", bytes, size, true);
    expect_refused("mnist-tiny", STATUS_FORMAT, "t10k-labels-idx1-ubyte.gz\": offset 4",
                   "expected 2 as the size of dimension 1, found 3");
    free(bytes);
}

Test(mnist, every_truncation_is_refused) {
    for (size_t packed = 0; packed < 2; packed++) {
        char path[128], name[64];
        size_t size;
        write_only_tiny(packed);
        snprintf(name, sizeof name, "%s%s", test_name, gz[packed]);
        data_path(name, path);
        unsigned char *bytes = scratch_read(path, &size);
        for (size_t kept = 0; kept < size; kept++) {
            scratch_write(path, bytes, kept);
            expect_refused("mnist-tiny", STATUS_FORMAT, path, "offset ");
        }
        scratch_write(path, bytes, size);
        image_set *set = open_set("mnist-tiny");
        expect_tiny(set);
        free(bytes);
    }
}

Test(mnist, a_truncation_has_its_place) {
    const struct {
        size_t kept;
        const char *message;
    } cases[] = {
        {0, "\": offset 0: expected the 4 bytes that begin an IDX file, but the file ends here"},
        {3, "\": offset 0: expected the 4 bytes that begin an IDX file, but the file ends after 3 of its 4 bytes"},
        {8, "\": offset 8: expected the size of a dimension (4 bytes), but the file ends here"},
        {30, "\": offset 30: expected 76 bytes in all (3 x 4 x 5 after a header of 16), but the file ends here"},
    };
    write_tiny(false);
    size_t size;
    unsigned char *bytes = tiny_bytes(0, TRAINING, &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        data_write(training_name, bytes, cases[i].kept, false);
        expect_refused("mnist-tiny", STATUS_FORMAT, cases[i].message, training_name);
    }
    free(bytes);
}

/* Every damaged byte of a compressed file is detected, except header bytes without effect on the content. */
Test(mnist, every_damaged_byte_of_a_packed_file_is_found) {
    char path[128];
    size_t size, found = 0;
    write_tiny(true);
    data_path("mnist-tiny/t10k-images-idx3-ubyte.gz", path);
    unsigned char *bytes = scratch_read(path, &size);
    for (size_t i = 0; i < size; i++) {
        image_set *set = NULL;
        error_info err = {""};
        bytes[i] ^= 0x55;
        scratch_write(path, bytes, size);
        bytes[i] ^= 0x55;
        if (image_open("mnist-tiny", data_folder, &set, &err) == STATUS_OK) {
            expect_tiny(set);
            continue;
        }
        found++;
        cr_expect_not_null(strstr(err.text, path), "%zu: %s", i, err.text);
    }
    cr_expect_geq(found, size - 6, "%zu of %zu", found, size); /* 4 bytes of time, one of method, one of system */
    free(bytes);
}

Test(mnist, more_bytes_than_in_the_header_are_rejected) {
    for (size_t packed = 0; packed < 2; packed++) {
        size_t size;
        unsigned char *bytes = tiny_bytes(0, TRAINING, &size);
        unsigned char *longer = calloc(size + 2, 1);
        memcpy(longer, bytes, size);
        char name[64];
        write_only_tiny(packed);
        snprintf(name, sizeof name, "%s%s", training_name, gz[packed]);
        data_write(name, longer, size + 2, packed);
        expect_refused("mnist-tiny", STATUS_FORMAT, name,
                       packed
                           ? "offset 76: expected the end of the file, found more bytes"
                           : "offset 76: expected the end of the file (3 x 4 x 5 after a header of 16), found 2 more");
        free(bytes);
        free(longer);
    }
}

Test(mnist, wrong_headers_are_refused) {
    const struct {
        size_t at;
        unsigned char byte;
        const char *message;
    } cases[] = {
        {0, 1, "offset 0: expected the bytes 00 00 08 03 (IDX, unsigned bytes, dimensions: 3), found 01 00 08 03"},
        {1, 9, "found 00 09 08 03"},
        {2, 13, "found 00 00 0d 03"}, /* float */
        {3, 1, "found 00 00 08 01"}, /* labels */
        {7, 0, "offset 4: expected at least 1 as the size of dimension 1, found 0"},
        {11, 0, "offset 8: expected at least 1 as the size of dimension 2, found 0"},
        {15, 0, "offset 12: expected at least 1 as the size of dimension 3, found 0"},
        {15, 4, "offset 64: expected the end of the file (3 x 4 x 4 after a header of 16), found 12 more bytes"},
        {11, 5, "offset 76: expected 91 bytes in all (3 x 5 x 5 after a header of 16), but the file ends here"},
    };
    size_t size;
    write_tiny(false);
    unsigned char *bytes = tiny_bytes(0, TRAINING, &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unsigned char before = bytes[cases[i].at];
        bytes[cases[i].at] = cases[i].byte;
        data_write(training_name, bytes, size, false);
        bytes[cases[i].at] = before;
        expect_refused("mnist-tiny", STATUS_FORMAT, training_name, cases[i].message);
    }
    free(bytes);
    bytes = idx_bytes(3, (uint32_t[]){1, 5, 4}, (unsigned char[IMAGE]){0}, IMAGE, &size);
    write_tiny(false);
    data_write(test_name, bytes, size, false);
    expect_refused("mnist-tiny", STATUS_FORMAT, "t10k-images-idx3-ubyte\": offset 8",
                   "expected images of 4 x 5, as in");
    free(bytes);
}

/* Impossible sizes are rejected by the header alone. */
Test(mnist, impossible_sizes_are_refused_at_once) {
    const struct {
        uint32_t shape[3];
        const char *place; /* place of the error in a plain file; in a compressed file, always the header */
    } cases[] = {
        {{UINT32_C(1) << 31, 28, 28}, "offset 36: expected 1683627180048 bytes in all"},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX}, "offset 4: 4294967295 x 4294967295 x 4294967295 bytes are more than"},
        {{UINT32_C(1) << 31, 1, 1}, "offset 36: expected 2147483664 bytes in all"},
        {{1 << 22, 1 << 21, 1 << 21}, "offset 4: 4194304 x 2097152 x 2097152 bytes are more than"}, /* 2^64 */
        {{1, UINT32_MAX, UINT32_MAX}, "offset 4: 1 x 4294967295 x 4294967295 bytes are more than"},
        {{60000, 28, 28}, "offset 36: expected 47040016 bytes in all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t packed = 0; packed < 2; packed++) {
            char name[64];
            size_t size;
            write_only_tiny(packed);
            unsigned char *bytes = idx_bytes(3, cases[i].shape, (unsigned char[IMAGE]){0}, IMAGE, &size);
            snprintf(name, sizeof name, "%s%s", training_name, gz[packed]);
            data_write(name, bytes, size, packed);
            free(bytes);
            double least = 1;
            for (int attempt = 0; attempt < 5; attempt++) {
                const clock_t start = clock();
                expect_refused("mnist-tiny", STATUS_FORMAT, name, packed ? "offset 4: " : cases[i].place);
                least = fmin(least, (double)(clock() - start) / CLOCKS_PER_SEC);
            }
            cr_expect_lt(least, 0.02, "%zu", i);
        }
    }
}

Test(mnist, the_plain_name_is_for_the_published_files) {
    size_t size;
    unsigned char *bytes = tiny_bytes(0, TRAINING, &size);
    data_write("mnist/train-images-idx3-ubyte", bytes, size, false);
    expect_refused("mnist", STATUS_FORMAT, "mnist/train-images-idx3-ubyte",
                   "offset 4: expected 60000 as the size of dimension 1, found 3");
    free(bytes);
    /* All black, but of the right size. */
    enum { PLANE = 28 * 28 };
    const char *const names[2] = {"mnist/train-images-idx3-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz"};
    char path[128];
    data_path("mnist/train-images-idx3-ubyte", path);
    remove(path);
    for (size_t i = 0; i < 2; i++) {
        const uint32_t images = i == 0 ? 60000 : 10000;
        unsigned char *black = calloc(images, PLANE);
        bytes = idx_bytes(3, (uint32_t[]){images, 28, 28}, black, (size_t)images * PLANE, &size);
        data_write(names[i], bytes, size, true);
        free(bytes);
        free(black);
    }
    expect_refused("mnist", STATUS_FORMAT, "not the published file: expected SHA-256 ba891046e650",
                   "belongs into a folder mnist-SOMETHING");
}

enum { RECORD = 3073 };

/* A batch of `count` records: all bytes of image i are `first` + i, except its label and its first three bytes. */
static void write_batch(const char *name, size_t count, unsigned char first, bool gzip) {
    unsigned char *bytes = malloc(count * RECORD);
    for (size_t i = 0; i < count; i++) {
        memset(bytes + i * RECORD, (int)(first + i), RECORD);
        memcpy(bytes + i * RECORD, (unsigned char[]){(unsigned char)(i % 10), 1, 2, 3}, 4);
    }
    data_write(name, bytes, count * RECORD, gzip);
    free(bytes);
}

Test(cifar, some_batches) {
    write_batch("cifar10-some/data_batch_2.bin", 3, 20, false);
    write_batch("cifar10-some/data_batch_5.bin.gz", 2, 50, true);
    write_batch("cifar10-some/test_batch.bin", 1, 90, false);
    image_set *set = open_set("cifar10-some");
    const unsigned char expected[] = {20, 21, 22, 50, 51, 90};
    cr_assert_eq(set->count, 6);
    cr_expect(set->channels == 3 && set->height == 32 && set->width == 32);
    cr_expect(set->size[IMAGE_TRAINING] == 5 && set->size[IMAGE_VALIDATION] == 0 && set->size[IMAGE_TEST] == 1);
    cr_expect(set->first[IMAGE_TEST] == 5);
    for (size_t i = 0; i < 6; i++) {
        const unsigned char *pixels = set->pixels + i * (RECORD - 1);
        cr_expect(pixels[0] == 1 && pixels[1] == 2 && pixels[2] == 3, "%zu", i);
        cr_expect(pixels[3] == expected[i] && pixels[RECORD - 2] == expected[i], "%zu", i);
    }
    cr_expect_eq(set->origin, IMAGE_OTHER);
    cr_expect_eq(set->file_count, 3);
    cr_expect_str_eq(set->files[1].name, "data_batch_5.bin");
    cr_expect_str_eq(set->sha256, "833604b0e20e12b7ab711960bf272385d078376587c28477bcc88be15e82e7e6");
    image_close(&set);
}

Test(cifar, every_kind_of_truncation) {
    for (size_t packed = 0; packed < 2; packed++) {
        char path[128], name[64];
        size_t size;
        write_batch("cifar10-cut/data_batch_1.bin", 1, 0, false);
        snprintf(name, sizeof name, "cifar10-cut/test_batch.bin%s", gz[packed]);
        write_batch(name, 2, 0, packed);
        data_path(name, path);
        unsigned char *bytes = scratch_read(path, &size);
        for (size_t kept = 0; kept < size; kept += packed ? 1 : 97) {
            scratch_write(path, bytes, kept);
            expect_refused("cifar10-cut", STATUS_FORMAT, path, "offset ");
        }
        free(bytes);
        remove(path);
    }
}

Test(cifar, bad_records_are_refused_with_the_place) {
    char path[128];
    size_t size;
    write_batch("cifar10-bad/data_batch_1.bin", 2, 0, false);
    write_batch("cifar10-bad/test_batch.bin", 2, 0, false);
    data_path("cifar10-bad/data_batch_1.bin", path);
    unsigned char *bytes = scratch_read(path, &size);
    bytes[RECORD] = 10;
    scratch_write(path, bytes, size);
    expect_refused("cifar10-bad", STATUS_FORMAT, path, "offset 3073: expected a label from 0 to 9, found 10");
    bytes[RECORD] = 9;
    scratch_write(path, bytes, size - 1);
    expect_refused(
        "cifar10-bad", STATUS_FORMAT, path,
        "offset 3073: expected a record of a label and 3072 pixels, but the file ends after 3072 of its 3073");
    free(bytes);
    scratch_write(path, "", 0);
    expect_refused("cifar10-bad", STATUS_FORMAT, path, "offset 0: expected at least one record of 3073 bytes");
    write_batch("cifar10-bad/data_batch_1.bin", 10001, 0, false);
    expect_refused("cifar10-bad", STATUS_FORMAT, path, "offset 30730000: expected the end of the file");
}

Test(cifar, the_plain_name_needs_all_batches) {
    char name[64];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "cifar-10-batches-bin/data_batch_%d.bin", i);
        if (i != 4) write_batch(name, 1, 0, false);
    }
    write_batch("cifar-10-batches-bin/test_batch.bin", 1, 0, false);
    expect_refused("cifar10", STATUS_IO, "cifar-10-batches-bin/data_batch_4.bin.gz\"", "cifar10-SOMETHING");
    write_batch("cifar-10-batches-bin/data_batch_4.bin", 1, 0, false);
    expect_refused("cifar10", STATUS_FORMAT, "data_batch_1.bin\": offset 3073",
                   "expected 30730000 bytes in all (10000 records of 3073), but the file ends here");
    write_batch("cifar-10-batches-bin/data_batch_1.bin", 10001, 0, false);
    expect_refused("cifar10", STATUS_FORMAT, "data_batch_1.bin\": offset 30730000",
                   "expected the end of the file (10000 records of 3073), found 3073 more bytes");
    /* The folder cifar10 takes precedence over the other. */
    write_batch("cifar10/test_batch.bin", 1, 0, false);
    expect_refused("cifar10", STATUS_IO, "/cifar10/data_batch_1.bin\"", "not found, and no");
    write_batch("cifar10-none/test_batch.bin", 1, 0, false);
    expect_refused("cifar10-none", STATUS_IO, "/cifar10-none\"", "at least one of data_batch_1.bin to");
}

Test(cifar, a_whole_set_by_the_plain_name) {
    char name[64];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "cifar10/data_batch_%d.bin.gz", i);
        write_batch(name, 10000, (unsigned char)i, true);
    }
    write_batch("cifar10/test_batch.bin.gz", 10000, 100, true);
    image_set *set = open_set("cifar10");
    cr_expect(set->size[IMAGE_TRAINING] == 50000 && set->size[IMAGE_TEST] == 10000);
    cr_expect_eq(set->origin, IMAGE_UNVERIFIED);
    cr_expect_eq(set->pixels[(RECORD - 1) * 50000 - 1], (unsigned char)(5 + 9999));
    cr_expect_eq(set->pixels[(RECORD - 1) * 60000 - 1], (unsigned char)(100 + 9999));
    image_close(&set);
}

Test(images, names) {
    cr_expect_str_eq(image_kind_name(image_kind_of("mnist")), "mnist");
    cr_expect_str_eq(image_kind_name(image_kind_of("cifar10-jpeg")), "cifar10");
    cr_expect_str_eq(image_kind_name(image_kind_of("celeba-a-b")), "celeba");
    const char *const others[] = {"", "mnis", "mnist-", "mnist2", "mnist-a/b", "mnist/", "ty", "points.npy", "Celeba"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_null(image_kind_of(others[i]), "%s", others[i]);
    expect_refused("cifar100", STATUS_INVALID, "image set \"cifar100\": unknown", "did you mean \"cifar10\"?");
    for (size_t i = 0; i < image_kind_count(); i++) {
        const char *name = image_kind_name(image_kind_at(i));
        cr_expect_not(image_exists(name, data_folder));
        expect_refused(name, STATUS_IO, data_folder, image_kind_source(image_kind_at(i)));
    }
    data_write("mnist/train-images-idx3-ubyte", "", 0, false);
    cr_expect(image_exists("mnist", data_folder));
    expect_refused("mnist", STATUS_FORMAT, "train-images-idx3-ubyte", "offset 0");
    data_write("celeba", "a file, no folder", 3, false);
    cr_expect_not(image_exists("celeba", data_folder));
}

/* Only if $AFFJORD_DATA has the published files. */
Test(images, real_mnist) {
    const char *data = getenv("AFFJORD_DATA");
    if (data == NULL || !image_exists("mnist", data)) cr_skip_test("needs MNIST in $AFFJORD_DATA");
    image_set *set = NULL;
    error_info err = {""};
    cr_assert_eq(image_open("mnist", data, &set, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(set->origin, IMAGE_OFFICIAL);
    cr_expect(set->size[IMAGE_TRAINING] == 60000 && set->size[IMAGE_TEST] == 10000 && set->count == 70000);
    cr_expect(set->channels == 1 && set->height == 28 && set->width == 28);
    cr_expect_str_eq(set->sha256, "9d52ad50eb77f4d0e1256951227637f2ff5de7f1097fa939af107f5d3572017a");
    /* The mean that others report of the training images, 0.1307 of white. */
    double sum = 0;
    for (size_t i = 0; i < 60000 * 28 * 28; i++) sum += set->pixels[i];
    cr_expect_float_eq(sum / (60000 * 28 * 28) / 255, 0.1307, 5e-5);
    image_close(&set);
}
