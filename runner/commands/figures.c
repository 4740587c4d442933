/* figures.c - pictures of an experiment, drawn by paper_figures.sh. */
#include "commands/figures.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/paths.h"

enum { ITEMS_MAX = 32, FIXED_ARGUMENTS = 8 };

static void find_folder(const char *database, const char *experiment, char out[FIGURES_FOLDER_MAX]) {
    const char *slash = strrchr(database, '/');
    snprintf(out, FIGURES_FOLDER_MAX, "%.*sfigures/%s", slash ? (int)(slash + 1 - database) : 0, database, experiment);
}

/* An item's file is ITEM.png. Items with several files, or with other formats, have ITEM_PART.png, ITEM.md,
 * ITEM_PART.gif. */
static bool item_exists(const char *folder, const char *item) {
    static const char *const endings[] = {".png", ".md", ".gif"};
    const size_t length = strlen(item);
    bool found = false;
    DIR *listing = opendir(folder);
    for (const struct dirent *entry; listing && !found && (entry = readdir(listing));) {
        const char *ending = strrchr(entry->d_name, '.');
        if (!ending || strncmp(entry->d_name, item, length) != 0 || !strchr("._", entry->d_name[length])) continue;
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) found |= strcmp(ending, endings[i]) == 0;
    }
    if (listing) closedir(listing);
    return found;
}

bool figures_exist(const char *database, const char *experiment, const char *items) {
    char folder[FIGURES_FOLDER_MAX], item[SETTINGS_TEXT_MAX];
    find_folder(database, experiment, folder);
    while (settings_list_next(&items, item))
        if (!item_exists(folder, item)) return false;
    return true;
}

status figures_each(const char *database, const char *experiment, char folder[FIGURES_FOLDER_MAX],
                    status (*visit)(void *argument, const char *path, error_info *err), void *argument,
                    error_info *err) {
    static const char *const endings[] = {".pdf", ".png", ".txt", ".tex", ".md", ".gif"};
    status outcome = STATUS_OK;
    find_folder(database, experiment, folder);
    DIR *listing = opendir(folder);
    for (const struct dirent *entry; listing && outcome == STATUS_OK && (entry = readdir(listing));) {
        char path[FIGURES_FOLDER_MAX + sizeof entry->d_name];
        const char *ending = strrchr(entry->d_name, '.');
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        for (size_t i = 0; ending && outcome == STATUS_OK && i < sizeof endings / sizeof *endings; i++)
            if (strcmp(ending, endings[i]) == 0) outcome = visit(argument, path, err);
    }
    if (listing) closedir(listing);
    return outcome;
}

_Noreturn static void become_script(char **arguments, bool quiet) {
    const int null = quiet ? open("/dev/null", O_WRONLY) : -1;
    if (null >= 0) dup2(null, STDOUT_FILENO);
    execv(arguments[0], arguments);
    fprintf(stderr, "cannot run %s: %s\n", arguments[0], strerror(errno));
    _exit(127);
}

static bool run_script(char **arguments, bool quiet) {
    int outcome = 0;
    fflush(NULL);
    const pid_t process = fork();
    if (process == 0) become_script(arguments, quiet);
    if (process < 0) return false;
    while (waitpid(process, &outcome, 0) < 0)
        if (errno != EINTR) return false;
    return WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0;
}

bool figures_draw(const char *database, const char *experiment, const char *items, bool quiet) {
    char script[PATH_MAX], folder[FIGURES_FOLDER_MAX], names[ITEMS_MAX][SETTINGS_TEXT_MAX];
    install_path("paper_figures.sh", script);
    find_folder(database, experiment, folder);
    const char *arguments[FIXED_ARGUMENTS + ITEMS_MAX] = {script, "--db",         database,  "--out",
                                                          folder, "--experiment", experiment};
    size_t count = 7;
    for (size_t i = 0; i < ITEMS_MAX && settings_list_next(&items, names[i]); i++) arguments[count++] = names[i];
    if (run_script((char **)arguments, quiet)) return true;
    fprintf(stderr,
            "figures: not all could be drawn; the reasons are above. All numbers are recorded in %s. Remove the cause, "
            "then "
            "run\n    %s --db %s --out %s --experiment %s\n",
            database, is_installed() ? script : "./paper_figures.sh", database, folder, experiment);
    return false;
}
