/* test_own_images.c - a user's own images: arrays of bytes, folders and archives of JPEG and PNG pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "file_support.h"
#include "data/photo.h"
#include "image_support.h"
#include "scratch.h"

TestSuite(own_images, .init = data_begin, .fini = data_end);
TestSuite(png, .init = data_begin, .fini = data_end);

/* Return the path data_folder/name, valid for eight calls. */
static const char *at(const char *name) {
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    data_path(name, path);
    return path;
}

static image_set *open_files(image_files spec) {
    image_set *set = NULL;
    error_info err = {""};
    cr_assert_eq(image_open_files(&spec, &set, &err), STATUS_OK, "%s", err.text);
    return set;
}

static void expect_no(image_files spec, status expected, const char *words, const char *more) {
    image_set *set = NULL;
    error_info err = {""};
    cr_assert_eq(image_open_files(&spec, &set, &err), expected, "%s: %s", spec.path, err.text);
    cr_expect_null(set);
    cr_expect_not_null(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
    cr_expect_not_null(strstr(err.text, more), "no \"%s\" in: %s", more, err.text);
}

/* --- Arrays --- */

enum { COUNT = 20, HEIGHT = 4, WIDTH = 6, CHANNELS = 3, NUMBERS = HEIGHT * WIDTH * CHANNELS };

static unsigned char pixel_at(size_t n, size_t y, size_t x, size_t c) {
    return (unsigned char)(n + 20 * y + 3 * x + 80 * c);
}

static void write_array(const char *name, bool fortran, size_t channels) {
    unsigned char pixels[COUNT * NUMBERS];
    const size_t row[4] = {COUNT, HEIGHT, WIDTH, channels};
    for (size_t i = 0; i < COUNT * HEIGHT * WIDTH * channels; i++) {
        size_t index[4], rest = i;
        for (size_t k = 0; k < 4; k++) {
            const size_t dimension = fortran ? k : 3 - k;
            index[dimension] = rest % row[dimension];
            rest /= row[dimension];
        }
        pixels[i] = pixel_at(index[0], index[1], index[2], index[3]);
    }
    size_t size;
    unsigned char *bytes = array_bytes("|u1", fortran, channels == 1 ? "(20, 4, 6)" : "(20, 4, 6, 3)", pixels,
                                       COUNT * HEIGHT * WIDTH * channels, &size);
    data_write(name, bytes, size, false);
    free(bytes);
}

Test(own_images, arrays_in_either_order) {
    char sha256[2][65];
    for (int fortran = 0; fortran < 2; fortran++) {
        write_array("a.npy", fortran, CHANNELS);
        cr_assert(image_is_files(at("a.npy")));
        image_set *set = open_files((image_files){.path = at("a.npy")});
        cr_expect_str_eq(set->name, "a");
        cr_assert(set->count == COUNT && set->channels == 3 && set->height == HEIGHT && set->width == WIDTH);
        cr_expect(set->size[IMAGE_TRAINING] == 18 && set->size[IMAGE_VALIDATION] == 2 && set->size[IMAGE_TEST] == 0);
        bool seen[COUNT] = {false};
        for (size_t i = 0; i < COUNT; i++) {
            const unsigned char *image = set->pixels + i * NUMBERS;
            const size_t n = image[0];
            cr_assert_lt(n, COUNT);
            cr_expect_not(seen[n]);
            seen[n] = true;
            for (size_t k = 0; k < NUMBERS; k++)
                cr_expect_eq(image[k], pixel_at(n, k / WIDTH % HEIGHT, k % WIDTH, k / (WIDTH * HEIGHT)));
        }
        memcpy(sha256[fortran], set->sha256, 65);
        image_close(&set);
    }
    cr_expect_str_eq(sha256[0], sha256[1]);
}

Test(own_images, grey_arrays_and_those_of_archives) {
    write_array("g.npy", false, 1);
    size_t size;
    unsigned char *bytes = scratch_read(at("g.npy"), &size);
    const zip_content files[] = {{"faces.npy", bytes, size}, {"labels.npy", "?", 1}};
    zip_write(at("all.npz"), files, 2, true);
    data_write("packed.npy.gz", bytes, size, true);
    free(bytes);
    image_set *plain = open_files((image_files){.path = at("g.npy")});
    image_set *member = open_files((image_files){.path = at("all.npz:faces")});
    image_set *packed = open_files((image_files){.path = at("packed.npy.gz")});
    cr_expect_eq(plain->channels, 1);
    cr_expect_str_eq(member->name, "all_faces");
    cr_expect_str_eq(member->sha256, plain->sha256);
    cr_expect_str_eq(packed->sha256, plain->sha256);
    image_close(&plain);
    image_close(&member);
    image_close(&packed);
}

Test(own_images, other_arrays_are_refused) {
    const struct {
        const char *descr, *shape, *words, *more;
        size_t bytes;
    } cases[] = {
        {"<f4", "(2, 4, 4)", "expected bytes ('|u1', uint8)", "found '<f4'", 128},
        {"|i1", "(2, 4, 4)", "expected bytes ('|u1', uint8)", "found '|i1'", 32},
        {"<u2", "(2, 4, 4)", "expected bytes ('|u1', uint8)", "found '<u2'", 64},
        {"|u1", "(2, 4, 4, 2)", "expected images of the shape (N, H, W)", "found (2, 4, 4, 2)", 64},
        {"|u1", "(2, 3, 4, 4)", "expected images of the shape (N, H, W)", "found (2, 3, 4, 4)", 96},
        {"|u1", "(0, 4, 4)", "expected images of the shape (N, H, W)", "found (0, 4, 4)", 0},
        {"|u1", "(2, 4, 5000)", "with sides up to 4096", "found (2, 4, 5000)", 40000},
        {"|u1", "(2, 4, 4)", "expected 32 bytes after the header", "found 31", 31},
        {"|u1", "(1, 2, 2, 2, 2)", "expected images of the shape", "found (1, 2, 2, 2, 2)", 16},
    };
    unsigned char *zeros = calloc(1, 40000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        unsigned char *bytes = array_bytes(cases[i].descr, false, cases[i].shape, zeros, cases[i].bytes, &size);
        data_write("bad.npy", bytes, size, false);
        free(bytes);
        expect_no((image_files){.path = at("bad.npy")}, STATUS_FORMAT, cases[i].words, cases[i].more);
    }
    free(zeros);
}

Test(own_images, parts_are_numbers_fractions_and_files) {
    write_array("a.npy", false, 1);
    image_set *set = open_files((image_files){.path = at("a.npy"), .validation = {.share = 5}, .test = {.share = 0.2}});
    cr_expect(set->size[IMAGE_TRAINING] == 11 && set->size[IMAGE_VALIDATION] == 5 && set->size[IMAGE_TEST] == 4);
    bool seen[COUNT] = {false};
    for (size_t i = 0; i < COUNT; i++) seen[set->pixels[i * HEIGHT * WIDTH]] = true;
    for (size_t i = 0; i < COUNT; i++) cr_expect(seen[i], "%zu", i);
    image_close(&set);
    unsigned char other[2 * HEIGHT * WIDTH];
    size_t size;
    memset(other, 250, sizeof other);
    unsigned char *bytes = array_bytes("|u1", false, "(2, 4, 6)", other, sizeof other, &size);
    data_write("b.npy", bytes, size, false);
    free(bytes);
    set = open_files((image_files){.path = at("a.npy"), .validation = {.path = at("b.npy")}, .test = {.share = 1}});
    cr_expect(set->size[IMAGE_TRAINING] == 19 && set->size[IMAGE_VALIDATION] == 2 && set->size[IMAGE_TEST] == 1);
    cr_expect_eq(set->pixels[set->first[IMAGE_VALIDATION] * HEIGHT * WIDTH], 250);
    cr_expect_lt(set->pixels[set->first[IMAGE_TEST] * HEIGHT * WIDTH], 250);
    image_close(&set);
    set = open_files((image_files){.path = at("a.npy"), .whole = true});
    cr_expect(set->size[IMAGE_TEST] == COUNT && set->count == COUNT);
    for (size_t i = 0; i < COUNT; i++) cr_expect_eq(set->pixels[i * HEIGHT * WIDTH], i, "in the order of the file");
    image_close(&set);
    write_array("rgb.npy", false, 3);
    expect_no((image_files){.path = at("a.npy"), .test = {.path = at("rgb.npy")}}, STATUS_FORMAT,
              "data.test: ", "expected 1 x 4 x 6, as ");
    expect_no((image_files){.path = at("a.npy"), .test = {.share = 20}}, STATUS_INVALID, "data.test: ", "has 20 rows");
}

/* --- Pictures --- */

static void write_png(const char *name, png_spec spec) {
    size_t size;
    unsigned char *bytes = png_bytes(&spec, &size);
    data_write(name, bytes, size, false);
    free(bytes);
}

/* A picture in one colour. */
static void write_flat(const char *name, size_t height, size_t width, size_t channels, unsigned char value) {
    unsigned char pixels[64 * 64 * 4];
    memset(pixels, value, sizeof pixels);
    write_png(name, (png_spec){.width = width, .height = height, .channels = channels, .bits = 8, .pixels = pixels});
}

static void write_grey_folder(void) {
    for (size_t i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof name, "grey/%zu.png", i);
        write_flat(name, 8, 12, 1, (unsigned char)(20 * i));
    }
}

Test(own_images, a_folder_of_grey_pictures) {
    write_grey_folder();
    cr_assert(image_is_files(at("grey")));
    image_set *set = open_files((image_files){.path = at("grey/"), .test = {.share = 3}});
    cr_expect_str_eq(set->name, "grey");
    cr_assert(set->channels == 1 && set->height == 8 && set->width == 12);
    cr_expect(set->size[IMAGE_TRAINING] == 6 && set->size[IMAGE_VALIDATION] == 1 && set->size[IMAGE_TEST] == 3);
    size_t sum = 0;
    for (size_t i = 0; i < 10; i++) sum += set->pixels[96 * i];
    cr_expect_eq(sum, 900);
    image_close(&set);
}

/* The cache is used for the same pictures and any parts; if a picture changes, all are read again. */
Test(own_images, a_cache_is_kept_while_nothing_changes) {
    write_grey_folder();
    image_set *first = open_files((image_files){.path = at("grey")});
    cr_assert_eq(access(at("grey/images.cache"), F_OK), 0);
    size_t size;
    unsigned char *bytes = scratch_read(at("grey/3.png"), &size), *junk = calloc(size, 1);
    image_set *second = open_files((image_files){.path = at("grey"), .validation = {.share = 4}});
    cr_expect_eq(second->size[IMAGE_VALIDATION], 4);
    image_close(&second);
    scratch_write(at("grey/3.png"), junk, size); /* another modification time */
    expect_no((image_files){.path = at("grey")}, STATUS_FORMAT, "grey/3.png\": offset 0: ", "expected");
    scratch_write(at("grey/3.png"), bytes, size);
    second = open_files((image_files){.path = at("grey")});
    cr_expect_str_eq(first->sha256, second->sha256);
    image_close(&first);
    image_close(&second);
    image_set *small = open_files((image_files){.path = at("grey"), .height = 4, .width = 6});
    cr_expect_eq(access(at("grey/images_4x6_cover.cache"), F_OK), 0);
    cr_expect(small->height == 4 && small->width == 6);
    image_close(&small);
    free(bytes);
    free(junk);
}

Test(own_images, an_archive_has_the_images_of_the_folder) {
    write_grey_folder();
    zip_content files[10];
    char names[10][32];
    unsigned char *bytes[10];
    for (size_t i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof name, "grey/%zu.png", i);
        snprintf(names[i], sizeof names[i], "inside/%zu.PNG", i);
        files[i].name = names[i];
        files[i].bytes = bytes[i] = scratch_read(at(name), &files[i].size);
    }
    zip_write(at("grey.zip"), files, 10, true);
    for (size_t i = 0; i < 10; i++) free(bytes[i]);
    image_set *folder = open_files((image_files){.path = at("grey")});
    image_set *archive = open_files((image_files){.path = at("grey.zip")});
    cr_expect_str_eq(archive->name, "grey");
    cr_expect_str_eq(archive->sha256, folder->sha256);
    cr_expect_eq(access(at("grey.zip.images.cache"), F_OK), 0);
    image_close(&folder);
    image_close(&archive);
    size_t size;
    unsigned char *damaged = scratch_read(at("grey.zip"), &size);
    damaged[60] ^= 0x55;
    scratch_write(at("grey.zip"), damaged, size);
    cr_assert_eq(remove(at("grey.zip.images.cache")), 0);
    expect_no((image_files){.path = at("grey.zip")}, STATUS_FORMAT, "grey.zip\": \"inside/0.PNG\": offset ",
              "expected");
    scratch_write(at("grey.zip"), damaged, size / 2);
    expect_no((image_files){.path = at("grey.zip")}, STATUS_FORMAT, "grey.zip", "the directory of a zip archive");
    free(damaged);
}

Test(own_images, grey_among_colours_becomes_three_channels) {
    unsigned long length;
    unsigned char *jpeg = jpeg_bytes(3, 12, 8, &length);
    data_write("mixed/a.jpg", jpeg, length, false);
    free(jpeg);
    write_flat("mixed/b.png", 8, 12, 1, 77);
    image_set *set = open_files((image_files){.path = at("mixed")});
    cr_assert_eq(set->channels, 3);
    size_t flat = 0;
    for (size_t i = 0; i < set->count * 3 * 96; i++) flat += set->pixels[i] == 77;
    cr_expect_geq(flat, 3 * 96);
    image_close(&set);
}

Test(own_images, several_sizes_need_one) {
    write_flat("sizes/a.png", 8, 12, 1, 1);
    write_flat("sizes/b.png", 8, 12, 1, 2);
    write_flat("sizes/c.png", 10, 12, 1, 3);
    expect_no((image_files){.path = at("sizes")}, STATUS_FORMAT,
              "\"a.png\" has 8 x 12 pixels (height x width) and \"c.png\" 10 x 12", "image.size = HEIGHTxWIDTH");
    image_set *set = open_files((image_files){.path = at("sizes"), .height = 8, .width = 10});
    cr_expect(set->height == 8 && set->width == 10);
    image_close(&set);
    expect_no((image_files){.path = at("sizes"), .height = 9, .width = 9}, STATUS_FORMAT, "sizes/a.png",
              "expected a picture of 9 x 9 to 4096 x 4096 pixels (height x width), found 8 x 12");
}

/* A ramp along the rows shows whether all of it or its middle remains. */
Test(own_images, sizes_by_the_three_ways) {
    unsigned char ramp[4 * 16];
    for (size_t i = 0; i < sizeof ramp; i++) ramp[i] = (unsigned char)(16 * (i % 16));
    for (size_t i = 0; i < 2; i++) {
        const png_spec spec = {.width = 16, .height = 4, .channels = 1, .bits = 8, .pixels = ramp};
        write_png(i ? "ramp/b.png" : "ramp/a.png", spec);
    }
    const unsigned char middle[] = {96, 112, 128, 144};
    image_set *crop = open_files((image_files){.path = at("ramp"), .height = 4, .width = 4, .fit = IMAGE_CROP});
    image_set *cover = open_files((image_files){.path = at("ramp"), .height = 4, .width = 4, .fit = IMAGE_COVER});
    image_set *stretch = open_files((image_files){.path = at("ramp"), .height = 4, .width = 4, .fit = IMAGE_STRETCH});
    cr_expect_arr_eq(crop->pixels, middle, 4);
    cr_expect_arr_eq(cover->pixels, middle, 4);
    for (size_t x = 0; x < 4; x++) /* the mean of each quarter, as the ramp's ends are near */
        cr_expect(abs((int)stretch->pixels[x] - (int)(24 + 64 * x)) <= 8, "%d", stretch->pixels[x]);
    image_set *half = open_files((image_files){.path = at("ramp"), .height = 2, .width = 4, .fit = IMAGE_COVER});
    cr_expect(half->pixels[0] > 48 && half->pixels[3] < 192, "resized to 2 x 8, then the middle");
    image_set *all[] = {crop, cover, stretch, half};
    for (size_t i = 0; i < 4; i++) image_close(&all[i]);
}

Test(own_images, folders_without_pictures_are_refused) {
    data_write("nothing/readme.txt", "?", 1, false);
    expect_no((image_files){.path = at("nothing")}, STATUS_FORMAT, "expected files ending in .jpg, .png or .jpeg", "");
    data_write("others/a.webp", "?", 1, false);
    expect_no((image_files){.path = at("others")}, STATUS_FORMAT, "but \"a.webp\"", "convert them to JPEG or PNG");
    expect_no((image_files){.path = at("absent.zip")}, STATUS_IO, "absent.zip", "");
    write_flat("one/a.png", 8, 8, 1, 1);
    expect_no((image_files){.path = at("one")}, STATUS_INVALID, "data.validation: ", "has 1 rows");
}

/* --- PNG --- */

static status decode(const png_spec *spec, size_t channels, photo *out, error_info *err) {
    size_t size;
    unsigned char *bytes = png_bytes(spec, &size);
    const photo_request wanted = {.height = 1, .width = 1, .channels = channels};
    const status outcome = photo_decode("a.png", bytes, size, &wanted, out, err);
    free(bytes);
    return outcome;
}

Test(png, kinds_become_bytes) {
    const unsigned char grey[] = {0, 50, 100, 255}, deep[] = {0, 0, 0x32, 0x32, 0x64, 0x65, 0xff, 0xff};
    const unsigned char rgb[] = {0, 50, 100, 255, 1, 2, 3, 4, 5, 6, 7, 8}, places[] = {0, 1, 1, 0};
    const unsigned char opaque[] = {0, 255, 50, 255, 100, 255, 255, 255};
    const unsigned char colours[] = {10, 20, 30, 200, 100, 50, 200, 100, 50, 10, 20, 30};
    const struct {
        png_spec spec;
        size_t channels;
        const unsigned char *expected;
    } cases[] = {
        {{2, 2, 1, 8, false, false, grey}, 1, grey},     {{2, 2, 1, 8, true, false, grey}, 1, grey},
        {{2, 2, 1, 16, false, false, deep}, 1, grey},    {{2, 2, 2, 8, false, false, opaque}, 1, grey},
        {{2, 2, 3, 8, false, false, rgb}, 3, rgb},       {{2, 2, 3, 8, true, false, rgb}, 3, rgb},
        {{2, 2, 1, 8, false, true, places}, 3, colours},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        photo picture = {0};
        error_info err = {""};
        cr_assert_eq(decode(&cases[i].spec, cases[i].channels, &picture, &err), STATUS_OK, "%zu: %s", i, err.text);
        cr_expect(picture.width == 2 && picture.height == 2 && picture.channels == cases[i].channels);
        cr_expect_arr_eq(picture.pixels, cases[i].expected, 4 * cases[i].channels, "%zu", i);
        photo_release(&picture);
    }
    photo picture = {0};
    cr_assert_eq(decode(&cases[0].spec, 3, &picture, NULL), STATUS_OK);
    for (size_t i = 0; i < 12; i++) cr_expect_eq(picture.pixels[i], grey[i / 3]);
    photo_release(&picture);
}

Test(png, transparent_pixels_are_refused_with_their_place) {
    const unsigned char pixels[] = {0, 255, 50, 255, 100, 254, 255, 255};
    const png_spec spec = {2, 2, 2, 8, false, false, pixels};
    photo picture = {0};
    error_info err = {""};
    cr_assert_eq(decode(&spec, 1, &picture, &err), STATUS_FORMAT);
    cr_expect_not_null(
        strstr(err.text, "\"a.png\": row 2, column 1 (both from 1): expected an opaque pixel, found alpha 254"), "%s",
        err.text);
    photo_release(&picture);
}

Test(png, every_truncation_and_damage_is_refused) {
    unsigned char pixels[3 * 20 * 10];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * i % 251);
    const png_spec spec = {20, 10, 3, 8, false, false, pixels};
    const photo_request wanted = {.height = 1, .width = 1, .channels = 3};
    size_t size;
    unsigned char *bytes = png_bytes(&spec, &size);
    photo picture = {0};
    error_info err = {""};
    for (size_t length = 0; length < size; length++) {
        unsigned char *part = malloc(length + 1); /* a separate block, so that a sanitizer detects reads beyond it */
        memcpy(part, bytes, length);
        cr_expect_eq(photo_decode("a.png", part, length, &wanted, &picture, &err), STATUS_FORMAT, "%zu of %zu", length,
                     size);
        cr_expect_not_null(strstr(err.text, "\"a.png\": offset "), "%s", err.text);
        free(part);
    }
    bytes[size / 2] ^= 0x10; /* in the pixels, which a checksum covers */
    cr_expect_eq(photo_decode("a.png", bytes, size, &wanted, &picture, &err), STATUS_FORMAT);
    photo_release(&picture);
    free(bytes);
}
