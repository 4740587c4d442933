/* image_array.c - a user's own images as an array of bytes. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    image_set *images = NULL;
    error_info err = {""};
    fuzz_file("images.npy", bytes, size, path);
    (void)image_is_files(path);
    fuzz_expect_reason(image_open_files(&(image_files){.path = path}, &images, &err), &err);
    image_close(&images);
    return 0;
}
