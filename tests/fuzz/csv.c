/* csv.c - tables of points in a .csv file. */
#include "data/table.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[256];
    table *points = NULL;
    failure why = {""};
    fuzz_file("points.csv", bytes, size, path);
    const status outcome = table_read(path, &points, &why);
    fuzz_expect_reason(outcome, &why);
    table_destroy(&points);
    return 0;
}
