/* temporary.c - a folder for what is only needed for a while. */
#include "system/temporary.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTORS = 8 };

status temporary_create(char folder[TEMPORARY_PATH_MAX], failure *why) {
    const char *told = getenv("TMPDIR");
    const char *parent = told && *told ? told : "/tmp";
    if (snprintf(folder, TEMPORARY_PATH_MAX, "%s/affjord-XXXXXX", parent) >= TEMPORARY_PATH_MAX)
        return fail(why, STATUS_IO, "the path of TMPDIR is too long: \"%.200s...\"", parent);
    if (mkdtemp(folder)) return STATUS_OK;
    return fail(why, STATUS_IO, "cannot make a folder in \"%s\": %s", parent, strerror(errno));
}

static int remove_entry(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

void temporary_remove(const char *folder) {
    nftw(folder, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
