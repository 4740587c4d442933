/* celeba.c - CelebA's archive of pictures, and the pictures in it. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"img_align_celeba.zip", NULL};
    char cache[128];
    snprintf(cache, sizeof cache, "%s/celeba-fuzz/images_32x32.cache", fuzz_place());
    unlink(cache);
    return fuzz_images("celeba-fuzz", names, bytes, size);
}
