/* cifar.c - the binary files of CIFAR-10. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"data_batch_1.bin", "test_batch.bin", NULL};
    return fuzz_images("cifar10-fuzz", names, bytes, size);
}
