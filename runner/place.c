/* place.c - where the project and its default files are. */
#include "place.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Cut the path at its last slash; false if there is none. */
static bool cut_last(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash) return false;
    *slash = '\0';
    return true;
}

void place_root(char out[PLACE_PATH_MAX]) {
    const char *told = getenv("AFFJORD_ROOT");
    if (told && *told && strlen(told) < PLACE_ROOT_MAX) {
        snprintf(out, PLACE_PATH_MAX, "%s", told);
        return;
    }
    const ssize_t length = readlink("/proc/self/exe", out, PLACE_ROOT_MAX);
    out[length > 0 ? length : 0] = '\0';
    while (cut_last(out)) {
        char mark[PLACE_PATH_MAX];
        snprintf(mark, sizeof mark, "%.*s/paper_figures.sh", PLACE_ROOT_MAX, out);
        if (access(mark, F_OK) == 0) return;
    }
    snprintf(out, PLACE_PATH_MAX, ".");
}

void place_path(const char *name, char out[PLACE_PATH_MAX]) {
    char root[PLACE_PATH_MAX];
    place_root(root);
    snprintf(out, PLACE_PATH_MAX, "%.*s/%s", PLACE_ROOT_MAX, root, name);
}
