/* csv.c - tables of points in a .csv file. */
#include "tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    return fuzz_table("points.csv", bytes, size);
}
