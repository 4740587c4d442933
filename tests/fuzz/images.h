/* images.h - shared by the fuzz targets of image sets. */
#ifndef AFFJORD_TESTS_FUZZ_IMAGES_H
#define AFFJORD_TESTS_FUZZ_IMAGES_H

#include "data/image.h"
#include "fuzz.h"

/* The bytes as the files `names` (NULL at the end) of the set, which is then read. */
static inline int fuzz_images(const char *set, const char *const *names, const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    image_set *images = NULL;
    error_info err = {""};
    snprintf(path, sizeof path, "%s/%s", fuzz_place(), set);
    mkdir(path, 0700);
    for (; *names; names++) {
        char name[128];
        snprintf(name, sizeof name, "%s/%s", set, *names);
        fuzz_file(name, bytes, size, path);
    }
    fuzz_expect_reason(image_open(set, fuzz_place(), &images, &err), &err);
    image_close(&images);
    return 0;
}

#endif
