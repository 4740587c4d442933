/* npz.c - a table of points as an array in an archive. */
#include "tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return fuzz_table("points.npz", bytes, size);
}
