/* csv_columns.c - tables of points as text, with an ignored column of words. */
#include "tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    table *points = NULL;
    error_info err = {""};
    const table_columns columns = {.ignore = (const char *const[]){"2"}, .ignore_count = 1};
    fuzz_file("points.csv", bytes, size, path);
    fuzz_expect_reason(table_read_columns(path, &columns, &points, &err), &err);
    table_destroy(&points);
    return 0;
}
