/* test_celeba.c - pictures in a folder or an archive: decoding, resizing, splits, the cache. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <zip.h>

#include "data/photo.h"
#include "image_support.h"
#include "scratch.h"

TestSuite(photo, .init = data_begin, .fini = data_end);
TestSuite(celeba, .init = data_begin, .fini = data_end);

enum { SIDE = 32, NUMBERS = 3 * SIDE * SIDE, PICTURES = 11 };

static const char folder[] = "celeba-few/img_align_celeba", kept_name[] = "celeba-few/images_32x32.cache";
static const char header_start[] = "affjord images 1\nshape 11 3 32 32\nsplits 9 1 1\nsource ";

static void write_picture(const char *in, size_t number, size_t width, size_t height) {
    char name[128];
    unsigned long size = 0;
    unsigned char *bytes = jpeg_bytes(number, width, height, &size);
    snprintf(name, sizeof name, "%s/%06zu.jpg", in, number);
    data_write(name, bytes, size, false);
    free(bytes);
}

static void write_folder(void) {
    for (size_t i = 1; i <= PICTURES; i++) write_picture(folder, i, 178, 218);
}

/* The archive of the same pictures, and of other files. */
static void write_archive(const char *name, bool packed) {
    char path[128];
    data_path(name, path);
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    cr_assert_not_null(archive);
    for (size_t i = PICTURES; i >= 1; i--) {
        char entry[64];
        unsigned long size = 0;
        unsigned char *bytes = jpeg_bytes(i, 178, 218, &size);
        snprintf(entry, sizeof entry, "img_align_celeba/%06zu.jpg", i);
        const zip_int64_t at = zip_file_add(archive, entry, zip_source_buffer(archive, bytes, size, 1), 0);
        cr_assert_geq(at, 0);
        cr_assert_eq(zip_set_file_compression(archive, (zip_uint64_t)at, packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0), 0);
    }
    (void)zip_dir_add(archive, "img_align_celeba", 0);
    (void)zip_file_add(archive, "__MACOSX/._000001.jpg", zip_source_buffer(archive, "?", 1, 0), 0);
    (void)zip_file_add(archive, "img_align_celeba/readme.txt", zip_source_buffer(archive, "?", 1, 0), 0);
    cr_assert_eq(zip_close(archive), 0);
}

/* Return the number of a synthetic picture, from its green channel. */
static size_t number_of(const image_set *set, size_t image) {
    return (set->pixels[image * NUMBERS + SIDE * SIDE + 500] + 10u) / 20u;
}

static bool kept(void) {
    char path[128];
    data_path(kept_name, path);
    return access(path, F_OK) == 0;
}

static void remove_file(const char *name) {
    char path[128];
    data_path(name, path);
    cr_assert_eq(remove(path), 0);
}

static void remove_pictures(void) {
    char path[128];
    data_path(folder, path);
    scratch_remove(path);
}

static const photo_request wanted = {.height = SIDE, .width = SIDE, .channels = 3};

/* The resized picture equals Pillow's, byte for byte. */
Test(photo, thumbnail_as_pillow_makes_it) {
    size_t size, expected_size;
    unsigned char *bytes = scratch_read("tests/golden/photo.jpg", &size);
    unsigned char *expected = scratch_read("tests/golden/photo_32x32.bin", &expected_size);
    cr_assert_eq(expected_size, NUMBERS);
    photo picture = {0};
    unsigned char planes[NUMBERS];
    error_info err = {""};
    cr_assert_eq(photo_decode("photo.jpg", bytes, size, &wanted, &picture, &err), STATUS_OK, "%s", err.text);
    cr_expect(picture.width == 178 && picture.height == 218);
    cr_assert_eq(photo_resize(&picture, SIDE, SIDE, IMAGE_COVER, planes), STATUS_OK);
    cr_expect_arr_eq(planes, expected, NUMBERS);
    photo_release(&picture);
    free(bytes);
    free(expected);
}

/* Resize by the definition, in one pass with real numbers; the library rounds to bytes twice. */
static double expected_pixel(const photo *picture, size_t new_width, size_t new_height, size_t x, size_t y, size_t c) {
    const double sx = (double)picture->width / (double)new_width, sy = (double)picture->height / (double)new_height;
    double sum = 0, weights = 0;
    for (size_t j = 0; j < picture->height; j++) {
        for (size_t i = 0; i < picture->width; i++) {
            const double dx = fabs((double)i + 0.5 - ((double)x + 0.5) * sx) / sx;
            const double dy = fabs((double)j + 0.5 - ((double)y + 0.5) * sy) / sy;
            const double weight = fmax(0, 1 - dx) * fmax(0, 1 - dy);
            weights += weight;
            sum += weight * picture->pixels[3 * (picture->width * j + i) + c];
        }
    }
    return sum / weights;
}

Test(photo, thumbnails_of_other_shapes) {
    /* size, size after resizing to 5, and where the 5 x 5 begin */
    const size_t cases[][6] = {{9, 12, 5, 6, 0, 1},   {12, 9, 6, 5, 1, 0},  {5, 5, 5, 5, 0, 0}, {5, 9, 5, 9, 0, 2},
                               {33, 5, 33, 5, 14, 0}, {50, 51, 5, 5, 0, 0}, {7, 11, 5, 7, 0, 1}};
    enum { SMALL = 5 };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const size_t width = cases[k][0], height = cases[k][1];
        unsigned char rgb[3 * 51 * 51], planes[3 * SMALL * SMALL];
        for (size_t i = 0; i < 3 * width * height; i++) rgb[i] = (unsigned char)((i * i * 31 + i * 7) % 251);
        const photo picture = {.width = width, .height = height, .channels = 3, .pixels = rgb};
        cr_assert_eq(photo_resize(&picture, SMALL, SMALL, IMAGE_COVER, planes), STATUS_OK);
        for (size_t i = 0; i < 3 * SMALL * SMALL; i++) {
            const size_t x = i % SMALL + cases[k][4], y = i / SMALL % SMALL + cases[k][5];
            const double expected = expected_pixel(&picture, cases[k][2], cases[k][3], x, y, i / (SMALL * SMALL));
            cr_expect_lt(fabs(planes[i] - expected), 1.01, "case %zu, number %zu: %u, %g", k, i, planes[i], expected);
        }
    }
}

Test(photo, every_truncation_is_refused) {
    unsigned long size = 0;
    unsigned char *bytes = jpeg_bytes(3, 70, 50, &size);
    photo picture = {0};
    error_info err = {""};
    cr_assert_eq(photo_decode("a.jpg", bytes, size, &wanted, &picture, &err), STATUS_OK, "%s", err.text);
    for (size_t length = 0; length < size; length++) {
        unsigned char *part = malloc(length + 1); /* a separate block, so that a sanitizer detects reads beyond it */
        memcpy(part, bytes, length);
        cr_expect_eq(photo_decode("a.jpg", part, length, &wanted, &picture, &err), STATUS_FORMAT, "%zu of %lu", length,
                     size);
        cr_expect_not_null(strstr(err.text, "\"a.jpg\": offset "), "%s", err.text);
        free(part);
    }
    photo_release(&picture);
    free(bytes);
}

Test(photo, other_files_are_rejected_with_the_place) {
    photo picture = {0};
    error_info err = {""};
    const unsigned char text[] = "GIF89a, which is something else";
    cr_expect_eq(photo_decode("a.jpg", text, sizeof text, &wanted, &picture, &err), STATUS_FORMAT);
    cr_expect_not_null(strstr(err.text, "\"a.jpg\": offset 0: expected a valid JPEG file; libjpeg: Not a JPEG"), "%s",
                       err.text);
    unsigned long size = 0;
    unsigned char *bytes = jpeg_bytes(3, 31, 40, &size);
    cr_expect_eq(photo_decode("a.jpg", bytes, size, &wanted, &picture, &err), STATUS_FORMAT);
    cr_expect_not_null(
        strstr(err.text, "expected a picture of 32 x 32 to 4096 x 4096 pixels (height x width), found 40 x 31"), "%s",
        err.text);
    /* The frame's header says height and width in its bytes 5 to 8. */
    size_t at = 0;
    while (at + 9 < size && !(bytes[at] == 0xff && bytes[at + 1] == 0xc0)) at++;
    cr_assert_lt(at + 9, size);
    memcpy(bytes + at + 5, (unsigned char[]){0xff, 0xdc, 0xff, 0xdc}, 4);
    double least = 1;
    for (int attempt = 0; attempt < 5; attempt++) {
        const clock_t start = clock();
        cr_expect_eq(photo_decode("a.jpg", bytes, size, &wanted, &picture, &err), STATUS_FORMAT);
        least = fmin(least, (double)(clock() - start) / CLOCKS_PER_SEC);
    }
    cr_expect_not_null(strstr(err.text, "found 65500 x 65500"), "%s", err.text);
    cr_expect_lt(least, 0.02);
    cr_expect_null(picture.pixels);
    free(bytes);
}

Test(celeba, a_folder_and_archives_are_the_same_set) {
    write_folder();
    image_set *set = open_set("celeba-few");
    cr_expect_eq(set->count, PICTURES);
    cr_expect(set->channels == 3 && set->height == SIDE && set->width == SIDE);
    /* eight tenths, one and one, in the order of names */
    cr_expect(set->size[IMAGE_TRAINING] == 9 && set->size[IMAGE_VALIDATION] == 1 && set->size[IMAGE_TEST] == 1);
    for (size_t i = 0; i < PICTURES; i++) cr_expect_eq(number_of(set, i), i + 1, "%zu", i);
    cr_expect_eq(set->origin, IMAGE_OTHER);
    cr_expect_str_eq(set->note, "");
    for (size_t packed = 0; packed < 2; packed++) {
        write_archive("celeba-zip/img_align_celeba.zip", packed);
        image_set *other = open_set("celeba-zip");
        cr_assert_eq(other->count, PICTURES);
        cr_expect_arr_eq(other->pixels, set->pixels, PICTURES * NUMBERS);
        cr_expect_str_eq(other->sha256, set->sha256);
        image_close(&other);
        remove_file("celeba-zip/images_32x32.cache");
    }
    image_close(&set);
}

Test(celeba, truncated_archives_are_refused) {
    char path[128];
    size_t size;
    write_archive("celeba-zip/img_align_celeba.zip", true);
    data_path("celeba-zip/img_align_celeba.zip", path);
    unsigned char *bytes = scratch_read(path, &size);
    for (size_t length = 0; length < size; length += length + 200 < size ? 41 : 1) {
        scratch_write(path, bytes, length);
        expect_refused("celeba-zip", STATUS_FORMAT, path, "offset ");
    }
    free(bytes);
}

Test(celeba, a_damaged_picture_in_an_archive_is_refused) {
    char path[128];
    size_t size;
    write_archive("celeba-zip/img_align_celeba.zip", false);
    data_path("celeba-zip/img_align_celeba.zip", path);
    unsigned char *bytes = scratch_read(path, &size);
    bytes[600] ^= 1; /* within the first picture, the last by name */
    scratch_write(path, bytes, size);
    expect_refused("celeba-zip", STATUS_FORMAT, path, "000011.jpg\": offset ");
    free(bytes);
}

Test(celeba, bad_pictures_are_refused_by_name) {
    write_folder();
    unsigned long size = 0;
    unsigned char *bytes = jpeg_bytes(5, 178, 218, &size);
    data_write("celeba-few/img_align_celeba/000005.jpg", bytes, size - 100, false);
    expect_refused("celeba-few", STATUS_FORMAT, "img_align_celeba/000005.jpg\": offset ", "libjpeg: ");
    cr_expect_not(kept());
    free(bytes);
    bytes = calloc(PHOTO_FILE_MAX + 1, 1);
    data_write("celeba-few/img_align_celeba/000005.jpg", bytes, PHOTO_FILE_MAX + 1, false);
    expect_refused("celeba-few", STATUS_FORMAT, "\"000005.jpg\"", "at most 16777216 bytes, found 16777217");
    free(bytes);
    remove_pictures();
    data_write("celeba-few/img_align_celeba/notes.txt", "", 0, false);
    expect_refused("celeba-few", STATUS_FORMAT, folder, "expected files ending in .jpg");
    remove_pictures();
    expect_refused("celeba-few", STATUS_IO, "/celeba-few\"", "img_align_celeba.zip");
}

Test(celeba, the_partition_decides_the_splits) {
    write_folder();
    static const char partition[] =
        "000003.jpg 2\n000001.jpg 1\r\n000002.jpg 0 \n000004.jpg\t0\n000005.jpg 0\n"
        "000006.jpg 2\n000007.jpg 1\n000008.jpg 0\n000009.jpg 0\n000010.jpg 0\n000011.jpg 1";
    const size_t order[PICTURES] = {2, 4, 5, 8, 9, 10, 1, 7, 11, 3, 6};
    data_write("celeba-few/list_eval_partition.txt", partition, sizeof partition - 1, false);
    image_set *set = open_set("celeba-few");
    cr_expect(set->size[IMAGE_TRAINING] == 6 && set->size[IMAGE_VALIDATION] == 3 && set->size[IMAGE_TEST] == 2);
    for (size_t i = 0; i < PICTURES; i++) cr_expect_eq(number_of(set, i), order[i], "%zu", i);
    image_close(&set);
    /* The cache is for these splits and not used for others. */
    remove_file("celeba-few/list_eval_partition.txt");
    set = open_set("celeba-few");
    cr_expect_eq(number_of(set, 0), 1);
    image_close(&set);
    data_write("celeba-few/Eval/list_eval_partition.txt", partition, sizeof partition - 1, false);
    set = open_set("celeba-few");
    cr_expect_eq(number_of(set, 0), 2);
    image_close(&set);
}

Test(celeba, bad_partitions_are_refused_with_the_line) {
    const struct {
        const char *text, *message;
    } cases[] = {
        {"000001.jpg 0\n000002.jpg 3\n", "list_eval_partition.txt:2: expected a name, a blank and 0, 1 or 2, found "
                                         "'000002.jpg 3'"},
        {"000001.jpg\n", "txt:1: expected a name, a blank and 0, 1 or 2, found '000001.jpg'"},
        {"000001.jpg 0 1\n", "txt:1: expected a name, a blank and 0, 1 or 2, found '000001.jpg 0 1'"},
        {"000001.jpg 01\n", "txt:1: expected a name"},
        {"\n", "txt:1: expected a name, a blank and 0, 1 or 2, found ''"},
        {"000001.jpg 0\n000012.jpg 0\n", "txt:2: expected a picture of "},
        {"000001.jpg 0\n000002.jpg 0\n000001.jpg 1\n", "txt:3: expected each picture once, found '000001.jpg' again"},
        {"000001.jpg 0\n", "txt:2: expected a line for '000002.jpg'"},
        {"", "txt:1: expected a line for '000001.jpg'"},
    };
    write_folder();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        data_write("celeba-few/list_eval_partition.txt", cases[i].text, strlen(cases[i].text), false);
        expect_refused("celeba-few", STATUS_FORMAT, cases[i].message, data_folder);
    }
}

Test(celeba, decoded_pictures_are_cached) {
    char path[128];
    size_t size;
    write_folder();
    image_set *set = open_set("celeba-few");
    char sum[65];
    memcpy(sum, set->sha256, sizeof sum);
    image_close(&set);
    data_path(kept_name, path);
    unsigned char *bytes = scratch_read(path, &size);
    cr_expect_eq(size, 512 + PICTURES * NUMBERS);
    cr_expect_eq(memcmp(bytes, header_start, sizeof header_start - 1), 0);
    /* The cache is read, not written again. */
    struct stat before, after;
    cr_assert_eq(stat(path, &before), 0);
    set = open_set("celeba-few");
    cr_expect_str_eq(set->sha256, sum);
    image_close(&set);
    cr_assert_eq(stat(path, &after), 0);
    cr_expect(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    /* A damaged cache is written again. */
    bytes[512 + 4000] ^= 1;
    scratch_write(path, bytes, size);
    set = open_set("celeba-few");
    cr_expect_str_eq(set->sha256, sum);
    image_close(&set);
    cr_assert_eq(stat(path, &after), 0);
    cr_expect_neq(before.st_ino, after.st_ino);
    /* A cache of other pictures, too. */
    write_picture(folder, 4, 90, 90);
    set = open_set("celeba-few");
    cr_expect_str_neq(set->sha256, sum);
    image_close(&set);
    free(bytes);
}

Test(celeba, the_cache_is_sufficient) {
    char path[128];
    size_t size;
    write_folder();
    image_set *set = open_set("celeba-few");
    remove_pictures();
    image_set *again = open_set("celeba-few");
    cr_expect_arr_eq(again->pixels, set->pixels, PICTURES * NUMBERS);
    cr_expect_arr_eq(again->size, set->size, sizeof set->size);
    cr_expect_str_eq(again->sha256, set->sha256);
    image_close(&again);
    image_close(&set);

    data_path(kept_name, path);
    unsigned char *bytes = scratch_read(path, &size);
    for (size_t length = 0; length < size; length += length < 600 ? 13 : 997) {
        scratch_write(path, bytes, length);
        expect_refused("celeba-few", STATUS_FORMAT, path, "offset ");
    }
    bytes[600] ^= 4;
    scratch_write(path, bytes, size);
    expect_refused("celeba-few", STATUS_FORMAT, path, "damaged: offset 512: expected pixels with SHA-256");
    bytes[600] ^= 4;
    for (size_t i = 0; i < 512; i++) {
        image_set *opened = NULL;
        bytes[i] ^= 1;
        scratch_write(path, bytes, size);
        bytes[i] ^= 1;
        /* In the source's checksum, a hexadecimal digit may change to another one. */
        const bool source = i >= sizeof header_start - 1 && i < sizeof header_start - 1 + 64;
        const status outcome = image_open("celeba-few", data_folder, &opened, NULL);
        cr_expect(outcome == STATUS_FORMAT || (source && outcome == STATUS_OK), "%zu", i);
        image_close(&opened);
    }
    /* Sizes that no file has. */
    static const char *const shapes[] = {"shape 4294967295 4 4096 4096\nsplits 4294967295 0 0\n",
                                         "shape 18446744073709551615 3 32 32\nsplits 18446744073709551615 0 0\n"};
    for (size_t i = 0; i < 2; i++) {
        char header[513];
        const int used =
            snprintf(header, sizeof header, "affjord images 1\n%ssource %064d\npixels %064d\n", shapes[i], 0, 0);
        memset(header + used, ' ', 511 - (size_t)used);
        header[511] = '\n';
        scratch_write(path, header, 512);
        expect_refused("celeba-few", STATUS_FORMAT, path,
                       i == 0 ? "offset 512: expected 288230376084603392 bytes in all"
                              : "offset 0: expected the header");
    }
    free(bytes);
}

Test(celeba, without_a_writable_cache_a_set_is_readable) {
    char path[128];
    write_folder();
    data_path("celeba-few/images_32x32.cache.affjord.tmp", path);
    cr_assert_eq(mkdir(path, 0777), 0); /* a folder with the cache's name, which root cannot replace either */
    image_set *set = open_set("celeba-few");
    cr_expect_eq(number_of(set, 10), 11);
    cr_expect_not_null(strstr(set->note, "decodes all pictures: cannot write"), "%s", set->note);
    cr_expect_not(kept());
    image_close(&set);
}

Test(celeba, the_plain_name_is_for_the_published_pictures) {
    write_picture("celeba/img_align_celeba", 1, 178, 218);
    expect_refused("celeba", STATUS_FORMAT, "found none in the place of 000002.jpg (1 pictures in all",
                   "celeba-SOMETHING");
    write_picture("celeba/img_align_celeba", 3, 178, 218);
    expect_refused("celeba", STATUS_FORMAT,
                   "expected 000001.jpg to 202599.jpg, found 000003.jpg in the place of 000002", data_folder);
    /* A cache of another set is rejected too. */
    write_folder();
    image_set *set = open_set("celeba-few");
    image_close(&set);
    char from[128], to[128];
    data_path(kept_name, from);
    data_path("celeba/img_align_celeba", to);
    scratch_remove(to);
    data_path("celeba/images_32x32.cache", to);
    cr_assert_eq(rename(from, to), 0);
    expect_refused("celeba", STATUS_FORMAT, "expected 162770 pictures for training, 19867 for validation and 19962",
                   "found 9, 1 and 1");
}
