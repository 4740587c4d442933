/* temporary.c - temporary folders. */
#include "system/temporary.h"

#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTORS = 8 };

static status create(const char *parent, const char *name, char folder[PATH_MAX], error_info *err) {
    if (snprintf(folder, PATH_MAX, "%s/%s-XXXXXX", parent, name) >= PATH_MAX)
        return error_set(err, STATUS_IO, "the path of a folder for temporary files is too long, in \"%s\"", parent);
    if (mkdtemp(folder)) return STATUS_OK;
    return error_set(err, STATUS_IO, "cannot make a folder in \"%s\": %s", parent, strerror(errno));
}

status temporary_create(char folder[PATH_MAX], error_info *err) {
    const char *variable = getenv("TMPDIR");
    return create(variable && *variable ? variable : "/tmp", "affjord", folder, err);
}

status temporary_create_beside(const char *path, char folder[PATH_MAX], error_info *err) {
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return error_set(err, STATUS_IO, "the path is too long: \"%s\"", path);
    return create(dirname(copy), ".affjord", folder, err);
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
