/* cifar_pickle.c - the files of CIFAR-10's Python version. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"data_batch_1", "test_batch", NULL};
    return fuzz_images("cifar10-fuzz_pickle", names, bytes, size);
}
