/* paths.c - paths of the project's files, in a checkout or installed. */
#include "system/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char INSTALLED[] = "/share/affjord";

/* Cut the path at its last slash; return false if there is none. */
static bool cut_last(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash) return false;
    *slash = '\0';
    return true;
}

static bool is_project(const char *folder, const char *below) {
    char mark[PATH_MAX];
    snprintf(mark, sizeof mark, "%.*s%s/paper_figures.sh", INSTALL_ROOT_MAX, folder, below);
    return access(mark, F_OK) == 0;
}

void install_root(char out[PATH_MAX]) {
    const char *variable = getenv("AFFJORD_ROOT");
    if (variable && *variable && strlen(variable) < INSTALL_ROOT_MAX) {
        snprintf(out, PATH_MAX, "%s", variable);
        return;
    }
    const ssize_t length = readlink("/proc/self/exe", out, INSTALL_ROOT_MAX);
    out[length > 0 ? length : 0] = '\0';
    while (cut_last(out)) {
        if (is_project(out, "")) return;
        if (!is_project(out, INSTALLED)) continue;
        snprintf(out + strlen(out), sizeof INSTALLED, "%s", INSTALLED); /* INSTALL_ROOT_MAX leaves room for it */
        return;
    }
    snprintf(out, PATH_MAX, ".");
}

bool install_root_fits(void) {
    const char *variable = getenv("AFFJORD_ROOT");
    return !variable || strlen(variable) < INSTALL_ROOT_MAX;
}

static bool ends_as_installed(const char *root) {
    const size_t length = strlen(root), ending = strlen(INSTALLED);
    return length >= ending && strcmp(root + length - ending, INSTALLED) == 0;
}

bool is_installed(void) {
    char root[PATH_MAX];
    install_root(root);
    return ends_as_installed(root);
}

const char *command_name(void) {
    return is_installed() ? "affjord" : "./run";
}

void install_path(const char *name, char out[PATH_MAX]) {
    char root[PATH_MAX];
    install_root(root);
    if (ends_as_installed(root) && strncmp(name, "results/", 8) == 0) snprintf(out, PATH_MAX, "%s", name);
    else snprintf(out, PATH_MAX, "%.*s/%s", INSTALL_ROOT_MAX, root, name);
}

void double_program_path(char out[PATH_MAX]) {
    if (!is_installed()) {
        install_path("build/double/affjord", out);
        return;
    }
    char root[PATH_MAX];
    install_root(root);
    snprintf(out, PATH_MAX, "%.*s/libexec/affjord/affjord-double", (int)(strlen(root) - strlen(INSTALLED)), root);
}

bool shipped_path(const char *folder, const char *request, char out[PATH_MAX]) {
    char root[PATH_MAX];
    const size_t length = strlen(folder);
    if (strncmp(request, "../", 3) == 0) request += 3;
    if (strncmp(request, folder, length) == 0 && request[length] == '/') request += length + 1;
    install_root(root);
    if (!*request || strchr(request, '/')) return false;
    const int written = snprintf(out, PATH_MAX, "%.*s/%s/%s", INSTALL_ROOT_MAX, root, folder, request);
    return written < PATH_MAX && access(out, F_OK) == 0;
}
