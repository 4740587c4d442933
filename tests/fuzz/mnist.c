/* mnist.c - IDX files. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte", NULL};
    return fuzz_images("mnist-fuzz", names, bytes, size);
}
