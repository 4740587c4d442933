/* scratch.c - a folder under /tmp for a test that writes files. */
#include "scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

void scratch_create(char folder[64]) {
    strcpy(folder, "/tmp/affjord-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information;
    (void)kind;
    (void)place;
    return remove(path);
}

void scratch_remove(const char *folder) {
    cr_assert_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void scratch_path(const char *folder, const char *name, char path[128]) {
    cr_assert_lt(snprintf(path, 128, "%s/%s", folder, name), 128);
}

void scratch_write(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

unsigned char *scratch_read(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    cr_assert_not_null(bytes);
    cr_assert_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}
