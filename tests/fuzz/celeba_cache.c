/* celeba_cache.c - the cache file of resized pictures. */
#include "data/image_cache.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    image_set set = {0};
    error_info err = {""};
    fuzz_file("any.cache", bytes, size, path);
    fuzz_expect_reason(image_cache_read(fuzz_place(), "any.cache", NULL, &set, &err), &err);
    free(set.pixels);
    return 0;
}
