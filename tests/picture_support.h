/* picture_support.h - read PNG files and compare them. */
#ifndef AFFJORD_TESTS_PICTURE_SUPPORT_H
#define AFFJORD_TESTS_PICTURE_SUPPORT_H

#include <criterion/criterion.h>
#include <png.h>
#include <stdlib.h>

typedef struct picture {
    int width, height;
    unsigned char *rgb; /* (height, width, 3), from the top */
} picture;

static inline picture picture_read(const char *path) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    cr_assert(png_image_begin_read_from_file(&image, path), "%s: %s", path, image.message);
    image.format = PNG_FORMAT_RGB;
    unsigned char *rgb = malloc(PNG_IMAGE_SIZE(image));
    cr_assert_not_null(rgb);
    const png_color white = {255, 255, 255};
    cr_assert(png_image_finish_read(&image, &white, rgb, 0, NULL), "%s: %s", path, image.message);
    return (picture){(int)image.width, (int)image.height, rgb};
}

/* The mean over all colours of all pixels of |a - b|, of 255; both have the same size. */
static inline double picture_difference(const char *path_a, const char *path_b) {
    const picture a = picture_read(path_a), b = picture_read(path_b);
    cr_assert(a.width == b.width && a.height == b.height, "%s: %d x %d, %s: %d x %d", path_a, a.width, a.height, path_b,
              b.width, b.height);
    const size_t count = 3 * (size_t)a.width * (size_t)a.height;
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += abs(a.rgb[i] - b.rgb[i]);
    free(a.rgb);
    free(b.rgb);
    return sum / (double)count;
}

#endif
