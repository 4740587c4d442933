/* file_support.c - write small files in the formats of other programs. */
#include "file_support.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <png.h>
#include <zip.h>

unsigned char *array_bytes(const char *descr, bool fortran, const char *shape, const void *numbers, size_t size,
                           size_t *all) {
    static const unsigned char start[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
    char text[118];
    const int used = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr,
                              fortran ? "True" : "False", shape);
    cr_assert_lt(used, 117);
    memset(text + used, ' ', 117 - (size_t)used);
    text[117] = '\n';
    unsigned char *bytes = malloc(128 + size);
    memcpy(bytes, start, sizeof start);
    memcpy(bytes + 10, text, 118);
    memcpy(bytes + 128, numbers, size);
    *all = 128 + size;
    return bytes;
}

void zip_write(const char *path, const zip_content *files, size_t count, bool deflated) {
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    cr_assert_not_null(archive);
    for (size_t i = 0; i < count; i++) {
        const zip_int64_t at =
            zip_file_add(archive, files[i].name, zip_source_buffer(archive, files[i].bytes, files[i].size, 0), 0);
        cr_assert_geq(at, 0);
        cr_assert_eq(zip_set_file_compression(archive, (zip_uint64_t)at, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0),
                     0);
    }
    cr_assert_eq(zip_close(archive), 0);
}

unsigned char *png_bytes(const png_spec *spec, size_t *size) {
    static const int colours[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                  PNG_COLOR_TYPE_RGB_ALPHA};
    char *bytes = NULL;
    FILE *stream = open_memstream(&bytes, size);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    cr_assert(stream && png && info);
    cr_assert_eq(setjmp(png_jmpbuf(png)), 0);
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)spec->width, (png_uint_32)spec->height, (int)spec->bits,
                 spec->palette ? PNG_COLOR_TYPE_PALETTE : colours[spec->channels],
                 spec->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    static const png_color palette[] = {{10, 20, 30}, {200, 100, 50}};
    if (spec->palette) png_set_PLTE(png, info, palette, 2);
    png_write_info(png, info);
    const int passes = png_set_interlace_handling(png);
    const size_t row = spec->width * spec->channels * spec->bits / 8;
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < spec->height; y++) png_write_row(png, spec->pixels + y * row);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    cr_assert_eq(fclose(stream), 0);
    return (unsigned char *)bytes;
}
