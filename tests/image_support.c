/* image_support.c - write small sets of images in the published formats. */
#include "image_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>
#include <jpeglib.h>
#include <zlib.h>

#include "data/image_reader.h"
#include "scratch.h"

char data_folder[64];

void data_begin(void) {
    scratch_create(data_folder);
}

void data_end(void) {
    scratch_remove(data_folder);
}

void data_path(const char *name, char path[128]) {
    scratch_path(data_folder, name, path);
    for (char *slash = path + strlen(data_folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = 0;
        (void)mkdir(path, 0777);
        *slash = '/';
    }
}

void data_write(const char *name, const void *bytes, size_t size, bool gzip) {
    char path[128];
    data_path(name, path);
    if (!gzip) {
        scratch_write(path, bytes, size);
        return;
    }
    gzFile file = gzopen(path, "wb6");
    cr_assert_not_null(file);
    cr_assert_eq(gzwrite(file, bytes, (unsigned)size), (int)size);
    cr_assert_eq(gzclose(file), Z_OK);
}

unsigned char *idx_bytes(size_t rank, const uint32_t *shape, const unsigned char *numbers, size_t count, size_t *size) {
    *size = 4 + 4 * rank + count;
    unsigned char *bytes = malloc(*size);
    cr_assert_not_null(bytes);
    memcpy(bytes, (unsigned char[]){0, 0, 8, (unsigned char)rank}, 4);
    for (size_t d = 0; d < rank; d++)
        for (size_t i = 0; i < 4; i++) bytes[4 + 4 * d + i] = (unsigned char)(shape[d] >> (24 - 8 * i));
    if (count > 0) memcpy(bytes + 4 + 4 * rank, numbers, count);
    return bytes;
}

unsigned char *jpeg_bytes(size_t number, size_t width, size_t height, unsigned long *size) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL, *row = malloc(3 * width);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, size);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            row[3 * x] = (unsigned char)(200 * x / width);
            row[3 * x + 1] = (unsigned char)(20 * number);
            row[3 * x + 2] = (unsigned char)(200 * y / height);
        }
        JSAMPROW rows = row;
        (void)jpeg_write_scanlines(&jpeg, &rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return bytes;
}

image_set *open_set(const char *name) {
    image_set *set = NULL;
    error_info err = {""};
    cr_assert_eq(image_open(name, data_folder, &set, &err), STATUS_OK, "%s", err.text);
    cr_assert_not_null(set);
    return set;
}

void expect_refused(const char *name, status expected, const char *words, const char *more_words) {
    image_set *set = NULL;
    error_info err = {""};
    cr_expect_eq(image_open(name, data_folder, &set, &err), expected, "%s: %s", name, err.text);
    cr_expect_null(set);
    cr_expect_not_null(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
    cr_expect_not_null(strstr(err.text, more_words), "no \"%s\" in: %s", more_words, err.text);
}

image_set *make_set(const size_t size[IMAGE_SPLITS], size_t channels, size_t height, size_t width,
                    const unsigned char *pixels) {
    image_set *set = calloc(1, sizeof *set);
    cr_assert_not_null(set);
    set->name = strdup("made");
    cr_assert_eq(image_allocate(set, "memory", size, channels, height, width, NULL), STATUS_OK);
    memcpy(set->pixels, pixels, set->count * channels * height * width);
    memset(set->sha256, '0', 64);
    return set;
}
