/* test_image_layouts.c - image sets in other programs' layouts: equal content is the same set, and omitted files are
 * named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_support.h"
#include "run_support.h"

static void begin_layouts(void) {
    data_begin();
    begin_run("");
}

static void end_layouts(void) {
    end_run();
    data_end();
}

TestSuite(layouts, .init = begin_layouts, .fini = end_layouts, .timeout = 300);

/* Check that this set has this checksum and note. */
static void expect_set(const char *name, const char *sha256, const char *note) {
    image_set *set = open_set(name);
    cr_expect_str_eq(set->sha256, sha256, "%s", name);
    cr_expect_str_eq(set->note, note, "%s", name);
    image_close(&set);
}

static void checksum_of(const char *name, char sha256[65]) {
    image_set *set = open_set(name);
    memcpy(sha256, set->sha256, 65);
    image_close(&set);
}

/* --- MNIST --- */

/* Write the four files of a set with two training images and one test image of 4 x 4 into this folder; if `nested`,
 * each in a folder of its name. */
static void write_mnist(const char *in, bool nested, bool gzip) {
    static const char *const files[] = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-labels-idx1-ubyte"};
    for (size_t i = 0; i < 4; i++) {
        static const unsigned char numbers[2 * 16] = {1, 2, 3, 4, 5, 6, 7, 8};
        const uint32_t count = i % 2 == 0 ? 2 : 1;
        const size_t rank = i < 2 ? 3 : 1;
        char name[128];
        size_t size;
        unsigned char *bytes = idx_bytes(rank, (uint32_t[]){count, 4, 4}, numbers, count * (rank == 3 ? 16 : 1), &size);
        snprintf(name, sizeof name, "%s/%s%s%s%s", in, nested ? files[i] : "", nested ? "/" : "", files[i],
                 gzip ? ".gz" : "");
        data_write(name, bytes, size, gzip);
        free(bytes);
    }
}

Test(layouts, mnist_of_others) {
    char sha256[65];
    write_mnist("mnist-ours", false, false);
    checksum_of("mnist-ours", sha256);
    write_mnist("mnist-raw/raw", false, false);
    expect_set("mnist-raw", sha256, "");
    write_mnist("mnist-torch/MNIST/raw", false, false);
    expect_set("mnist-torch", sha256, "");
    write_mnist("mnist-fashion/FashionMNIST/raw", false, false);
    expect_set("mnist-fashion", sha256, "");
    write_mnist("mnist-nested", true, false);
    expect_set("mnist-nested", sha256, "");
    image_set *set = open_set("mnist-nested");
    cr_expect_eq(set->file_count, 4, "labels are found as images are");
    cr_expect_str_eq(set->files[0].name, "train-images-idx3-ubyte", "by the published name");
    image_close(&set);
}

/* With a dot instead of the first dash; compressed or not. */
static void write_dotted(const char *folder_name, const char *ending) {
    static const char *const names[] = {"train-images", "t10k-images"};
    for (size_t i = 0; i < 2; i++) {
        char from[128], to[128], name[128];
        size_t size;
        snprintf(name, sizeof name, "mnist-ours/%s-idx3-ubyte", names[i]);
        data_path(name, from);
        unsigned char *bytes = scratch_read(from, &size);
        snprintf(to, sizeof to, "%s/%s.idx3-ubyte%s", folder_name, names[i], ending);
        data_write(to, bytes, size, *ending != 0);
        free(bytes);
    }
}

Test(layouts, mnist_with_a_dot) {
    char sha256[65];
    write_mnist("mnist-ours", false, false);
    checksum_of("mnist-ours", sha256);
    write_dotted("mnist-dot", "");
    expect_set("mnist-dot", sha256, "");
    write_dotted("mnist-dotgz", ".gz");
    expect_set("mnist-dotgz", sha256, "");
    /* Two candidates: one is read, the other is listed. */
    write_dotted("mnist-ours", "");
    expect_set("mnist-ours", sha256,
               "Ignored train-images.idx3-ubyte, because train-images-idx3-ubyte exists. Ignored "
               "t10k-images.idx3-ubyte, because t10k-images-idx3-ubyte exists.");
}

Test(layouts, the_plain_name_finds_torchvisions_files) {
    write_mnist("MNIST/raw", false, true);
    cr_expect(image_exists("mnist", data_folder));
    expect_refused("mnist", STATUS_FORMAT, "/MNIST/raw/train-images-idx3-ubyte.gz\": offset 4: expected 60000", "");
    const char *data = getenv("AFFJORD_DATA");
    if (!data) cr_skip_test("needs MNIST in $AFFJORD_DATA");
    EXPECT(0, "cd %s && rm -r MNIST && mkdir -p MNIST/raw && ln -s %s/mnist/*ubyte* MNIST/raw", data_folder, data);
    expect_set("mnist", "9d52ad50eb77f4d0e1256951227637f2ff5de7f1097fa939af107f5d3572017a", "");
}

#ifndef AFFJORD_DOUBLE /* trainings are of the float build */

Test(layouts, omitted_files_are_listed_when_a_run_starts) {
    write_mnist("mnist-ours", false, false);
    write_dotted("mnist-ours", "");
    char path[128];
    static const char experiment[] = "[experiment]\nname = x\ndata = mnist-ours\nmodels = m\n[model m]\n";
    scratch_path(folder, "small.ini", path);
    scratch_write(path, experiment, sizeof experiment - 1);
    setenv("AFFJORD_DATA", data_folder, 1);
    (void)shell("$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --dry-run");
    EXPECT_SAYS("Note: mnist-ours: Ignored train-images.idx3-ubyte, because train-images-idx3-ubyte exists.");
    EXPECT(0, "$AFFJORD data check");
    EXPECT_SAYS("t10k-images.idx3-ubyte, because");
}

#endif

/* --- CIFAR-10 --- */

enum { PIXELS = 3072, RECORD = 1 + PIXELS };

typedef struct writer {
    unsigned char bytes[40000];
    size_t size;
} writer;

static void put(writer *to, const void *bytes, size_t size) {
    cr_assert_leq(to->size + size, sizeof to->bytes);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

#define PUT(to, text) put(to, text, sizeof(text) - 1)

/* `count` records of labels i + 3 and pixels that depend on i, as the binary version has them. */
static void make_records(size_t count, unsigned char *records) {
    for (size_t i = 0; i < count; i++) {
        records[i * RECORD] = (unsigned char)((i + 3) % 10);
        for (size_t k = 0; k < PIXELS; k++) records[i * RECORD + 1 + k] = (unsigned char)(31 * i + k * k % 251);
    }
}

/* The same as a pickle, instruction by instruction as in the published files, which Python 2 wrote. */
static void make_pickle(size_t count, writer *to) {
    unsigned char records[10 * RECORD];
    const unsigned char number = (unsigned char)count;
    const uint32_t size = (uint32_t)(count * PIXELS);
    cr_assert_leq(count, 10);
    make_records(count, records);
    to->size = 0;
    PUT(to, "\x80\x02}q\x01(U\x0b"
            "batch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(");
    for (size_t i = 0; i < count; i++) {
        PUT(to, "K");
        put(to, records + i * RECORD, 1);
    }
    PUT(to, "eU\x04"
            "dataq\x06"
            "cnumpy.core.multiarray\n_reconstruct\nq\x07"
            "cnumpy\nndarray\nq\x08K\x00\x85U\x01"
            "b\x87Rq\x09(K\x01K");
    put(to, &number, 1);
    PUT(to,
        "M\x00\x0c\x86"
        "cnumpy\ndtype\nq\x0aU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T");
    put(to, &size, sizeof size);
    for (size_t i = 0; i < count; i++) put(to, records + i * RECORD + 1, PIXELS);
    PUT(to, "tbU\x09"
            "filenamesq\x0c]q\x0d(");
    for (size_t i = 0; i < count; i++)
        PUT(to, "U\x04"
                "data");
    PUT(to, "eu.");
}

static writer text;

static void write_pickles(const char *in) {
    char name[128];
    make_pickle(2, &text);
    snprintf(name, sizeof name, "%s/data_batch_1", in);
    data_write(name, text.bytes, text.size, false);
    make_pickle(1, &text);
    snprintf(name, sizeof name, "%s/test_batch", in);
    data_write(name, text.bytes, text.size, false);
}

static void write_binary(const char *in) {
    char name[128];
    unsigned char records[2 * RECORD];
    make_records(2, records);
    snprintf(name, sizeof name, "%s/data_batch_1.bin", in);
    data_write(name, records, 2 * RECORD, false);
    snprintf(name, sizeof name, "%s/test_batch.bin", in);
    data_write(name, records, RECORD, false);
}

Test(layouts, cifar_of_python_is_the_same_set) {
    char sha256[65];
    write_binary("cifar10-bin");
    checksum_of("cifar10-bin", sha256);
    write_pickles("cifar10-py");
    expect_set("cifar10-py", sha256, "");
    write_pickles("cifar10-torch/cifar-10-batches-py");
    expect_set("cifar10-torch", sha256, "");
    write_binary("cifar10-below/cifar-10-batches-bin");
    expect_set("cifar10-below", sha256, "");
    image_set *ours = open_set("cifar10-bin"), *theirs = open_set("cifar10-py");
    cr_assert_eq(theirs->count, 3);
    cr_expect_arr_eq(theirs->pixels, ours->pixels, 3 * PIXELS);
    cr_expect_str_eq(theirs->files[0].name, "data_batch_1.bin");
    cr_expect_str_eq(theirs->files[0].sha256, ours->files[0].sha256);
    image_close(&ours);
    image_close(&theirs);
    write_binary("cifar10-py");
    expect_set("cifar10-py", sha256,
               "Ignored data_batch_1, because data_batch_1.bin exists. Ignored test_batch, because test_batch.bin "
               "exists.");
}

Test(layouts, cifar_of_python_by_the_plain_name) {
    write_pickles("cifar-10-batches-py");
    cr_expect(image_exists("cifar10", data_folder));
    expect_refused("cifar10", STATUS_IO, "data_batch_2.bin", "or the same without .bin of the Python version");
    for (int i = 2; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "cifar-10-batches-py/data_batch_%d", i);
        data_write(name, text.bytes, text.size, false);
    }
    expect_refused("cifar10", STATUS_FORMAT, "cifar-10-batches-py/data_batch_1\": expected 10000 images, found 2", "");
}

/* A truncated or changed pickle is rejected, or is a valid batch if only pixels or labels changed. */
Test(layouts, damaged_pickles_do_no_harm) {
    char path[128];
    write_pickles("cifar10-bad");
    data_path("cifar10-bad/data_batch_1", path);
    make_pickle(2, &text);
    for (size_t kept = 0; kept < text.size; kept += kept < 300 || kept + 300 > text.size ? 1 : 97) {
        scratch_write(path, text.bytes, kept);
        expect_refused("cifar10-bad", STATUS_FORMAT, path, "offset ");
    }
    size_t refused = 0;
    for (size_t i = 0; i < 280; i++) {
        for (size_t bit = i % 3; bit < 8; bit += 3) {
            image_set *set = NULL;
            text.bytes[i] ^= (unsigned char)(1 << bit);
            scratch_write(path, text.bytes, text.size);
            text.bytes[i] ^= (unsigned char)(1 << bit);
            const status outcome = image_open("cifar10-bad", data_folder, &set, NULL);
            cr_assert(outcome == STATUS_OK || outcome == STATUS_FORMAT, "byte %zu", i);
            refused += outcome == STATUS_FORMAT;
            image_close(&set);
        }
    }
    cr_expect_gt(refused, 100);
}

/* Replace the first occurrence of these bytes, and read the file. */
static void expect_change_refused(const char *from, const char *to, size_t size, const char *words) {
    make_pickle(2, &text);
    unsigned char *at = memmem(text.bytes, text.size, from, size);
    cr_assert_not_null(at, "%s", words);
    memcpy(at, to, size);
    data_write("cifar10-bad/data_batch_1", text.bytes, text.size, false);
    expect_refused("cifar10-bad", STATUS_FORMAT, "cifar10-bad/data_batch_1\": offset ", words);
}

Test(layouts, pickles_of_something_else_are_refused) {
    write_pickles("cifar10-bad");
    expect_change_refused("K\x03K\x04"
                          "e",
                          "K\x03K\x0a"
                          "e",
                          5, "expected a label from 0 to 9, found 10");
    expect_change_refused("K\x03K\x04"
                          "e",
                          "K\x03"
                          "00"
                          "e",
                          5, "found the instruction 30; the binary version");
    expect_change_refused("labels", "babels", 6, "expected a label for each of the 2 images, found 0");
    expect_change_refused("dataq", "bataq", 5, "expected an array of 1 to 10000 x 3072 bytes");
    expect_change_refused("u1", "i1", 2, "of another type or order");
    expect_change_refused("tb\x89T", "tb\x88T", 4, "of another type or order");
    expect_change_refused("M\x00\x0c\x86", "M\x00\x0d\x86", 4, "described as 2 x 3328");
    expect_change_refused("K\x02M", "K\x03M", 3, "described as 3 x 3072");
    expect_change_refused("T\x00\x18", "T\x01\x18", 3, "found 6145 bytes described as 2 x 3072");
    expect_change_refused("tb\x89T\x00\x18\x00\x00", "tb\x89T\x00\x18\x00\xff", 8, "expected a string of ");
}

/* --- CelebA --- */

enum { PICTURES = 11 };

/* Pictures in this folder, by names of this ending. */
static void write_pictures(const char *in, const char *ending) {
    for (size_t i = 1; i <= PICTURES; i++) {
        char name[128];
        unsigned long size = 0;
        unsigned char *bytes = jpeg_bytes(i, 60, 70, &size);
        snprintf(name, sizeof name, "%s/%06zu%s", in, i, ending);
        data_write(name, bytes, size, false);
        free(bytes);
    }
}

Test(layouts, celeba_by_other_endings_and_folders) {
    static const char *const endings[] = {".JPG", ".jpeg", ".Jpeg"};
    char sha256[65], name[64];
    write_pictures("celeba-ours/img_align_celeba", ".jpg");
    checksum_of("celeba-ours", sha256);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "celeba-%zu/img_align_celeba", i);
        write_pictures(name, endings[i]);
        snprintf(name, sizeof name, "celeba-%zu", i);
        expect_set(name, sha256, "");
        expect_set(name, sha256, ""); /* from the cache */
    }
    write_pictures("celeba-kaggle/img_align_celeba/img_align_celeba", ".jpg");
    expect_set("celeba-kaggle", sha256, "");
    write_pictures("celeba-0/img_align_celeba", ".jpg");
    expect_refused("celeba-0", STATUS_FORMAT, "expected each picture once, found \"000001.", "");
}

Test(layouts, other_pictures_are_omitted_with_a_note) {
    char sha256[65];
    write_pictures("celeba-ours/img_align_celeba", ".jpg");
    checksum_of("celeba-ours", sha256);
    data_write("celeba-ours/img_align_celeba/000012.png", "x", 1, false);
    data_write("celeba-ours/img_align_celeba/._000013.png", "x", 1, false);
    data_write("celeba-ours/img_align_celeba/notes.txt", "x", 1, false);
    expect_set("celeba-ours", sha256,
               "Ignored 1 picture (\"000012.png\"): only JPEG is read, from files ending in .jpg or .jpeg.");
    data_write("celeba-ours/img_align_celeba/000013.PNG", "x", 1, false);
    image_set *set = open_set("celeba-ours");
    cr_expect_not_null(strstr(set->note, "Ignored 2 pictures (\"0000"), "%s", set->note);
    image_close(&set);
    write_pictures("celeba-png/img_align_celeba", ".png");
    expect_refused("celeba-png", STATUS_FORMAT, "expected files ending in .jpg or .jpeg, found none, but \"0000",
                   "(11 pictures in formats that are not read; convert them to JPEG)");
}

/* Write the lines of a partition, with this separator. */
static void write_partition(const char *name, const char *head, const char *ending, const char *between) {
    static const char splits[PICTURES + 1] = "10200210001";
    char lines[1024];
    size_t used = (size_t)snprintf(lines, sizeof lines, "%s", head);
    for (size_t i = 0; i < PICTURES; i++)
        used += (size_t)snprintf(lines + used, sizeof lines - used, "%06zu%s%s%c\n", i + 1, ending, between, splits[i]);
    data_write(name, lines, used, false);
}

Test(layouts, partitions_of_kaggle) {
    char sha256[65];
    write_pictures("celeba-ours/img_align_celeba", ".jpg");
    write_partition("celeba-ours/list_eval_partition.txt", "", ".jpg", " ");
    checksum_of("celeba-ours", sha256);
    write_pictures("celeba-kaggle/img_align_celeba/img_align_celeba", ".jpg");
    write_partition("celeba-kaggle/list_eval_partition.csv", "image_id,partition\n", ".jpg", ",");
    expect_set("celeba-kaggle", sha256, "");
    write_partition("celeba-kaggle/list_eval_partition.csv", "image_id,partition\r\n", ".jpg", ",");
    expect_set("celeba-kaggle", sha256, "");
    write_partition("celeba-kaggle/list_eval_partition.csv", "", ".jpg", ",");
    expect_set("celeba-kaggle", sha256, "");
    /* The list names .jpg, and the files are .JPG. */
    write_pictures("celeba-large/img_align_celeba", ".JPG");
    write_partition("celeba-large/Eval/list_eval_partition.csv", "image_id,partition\n", ".jpg", ",");
    expect_set("celeba-large", sha256, "");
    write_partition("celeba-kaggle/list_eval_partition.csv", "image,part\n", ".jpg", ",");
    expect_refused("celeba-kaggle", STATUS_FORMAT,
                   "list_eval_partition.csv:1: expected a name, a comma and 0, 1 or 2, found 'image,part'", "");
    write_partition("celeba-kaggle/list_eval_partition.csv", "image_id,partition\n", ".jpg", " ");
    expect_refused("celeba-kaggle", STATUS_FORMAT, "csv:2: expected a name, a comma and 0, 1 or 2", "");
}
