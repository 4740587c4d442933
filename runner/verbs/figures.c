/* figures.c - pictures of an experiment, drawn by paper_figures.sh. */
#include "verbs/figures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/place.h"

enum { ITEMS_MAX = 32, FIXED_ARGUMENTS = 8 };

void figures_folder(const char *database, char out[PATH_MAX]) {
    const char *slash = strrchr(database, '/');
    snprintf(out, PATH_MAX, "%.*sfigures", slash ? (int)(slash + 1 - database) : 0, database);
}

static bool item_exists(const char *folder, const char *item) {
    static const char *const endings[] = {"png", "md"};
    char path[PATH_MAX + SETTINGS_TEXT_MAX + 16];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(path, sizeof path, "%s/%s.%s", folder, item, endings[i]);
        if (access(path, F_OK) == 0) return true;
    }
    return false;
}

/* A picture's caption, where it has one, says which experiment it shows. */
static bool item_shows(const char *folder, const char *item, const char *experiment) {
    char path[PATH_MAX + SETTINGS_TEXT_MAX + 16], caption[8192], words[SETTINGS_TEXT_MAX + 32];
    snprintf(path, sizeof path, "%s/%s.txt", folder, item);
    FILE *file = fopen(path, "r");
    if (!file) return true;
    const size_t had = fread(caption, 1, sizeof caption - 1, file);
    caption[had] = '\0';
    fclose(file);
    snprintf(words, sizeof words, "Experiment %s.", experiment);
    return strstr(caption, words) != NULL;
}

bool figures_exist(const char *database, const char *experiment, const char *items) {
    char folder[PATH_MAX], item[SETTINGS_TEXT_MAX];
    figures_folder(database, folder);
    while (settings_list_next(&items, item))
        if (!item_exists(folder, item) || !item_shows(folder, item, experiment)) return false;
    return true;
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
    char script[PLACE_PATH_MAX], folder[PATH_MAX], names[ITEMS_MAX][SETTINGS_TEXT_MAX];
    place_path("paper_figures.sh", script);
    figures_folder(database, folder);
    const char *arguments[FIXED_ARGUMENTS + ITEMS_MAX] = {script, "--db",         database,  "--out",
                                                          folder, "--experiment", experiment};
    size_t count = 7;
    for (size_t i = 0; i < ITEMS_MAX && settings_list_next(&items, names[i]); i++) arguments[count++] = names[i];
    if (run_script((char **)arguments, quiet)) return true;
    fprintf(stderr,
            "Warning: not all pictures could be drawn. The numbers are safe in %s; try again with\n"
            "    %s --db %s --out %s --experiment %s\n",
            database, place_is_installed() ? script : "./paper_figures.sh", database, folder, experiment);
    return false;
}
