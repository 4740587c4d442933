/* npy.c - tables of points in a .npy file. */
#include "tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return fuzz_table("points.npy", bytes, size);
}
