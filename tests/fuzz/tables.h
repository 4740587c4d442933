/* tables.h - shared by the fuzz targets of tables of points. */
#ifndef AFFJORD_TESTS_FUZZ_TABLES_H
#define AFFJORD_TESTS_FUZZ_TABLES_H

#include "data/table.h"
#include "fuzz.h"

/* The bytes as a table of this name, which is then read. */
static inline int fuzz_table(const char *name, const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    table *points = NULL;
    error_info err = {""};
    fuzz_file(name, bytes, size, path);
    fuzz_expect_reason(table_read(path, &points, &err), &err);
    table_destroy(&points);
    return 0;
}

#endif
