/* mnist_gz.c - IDX files compressed by gzip, as published. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz", NULL};
    return fuzz_images("mnist-packed", names, bytes, size);
}
