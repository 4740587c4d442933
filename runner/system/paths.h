/* paths.h - paths of the project's files, in a checkout or installed. */
#ifndef AFFJORD_RUNNER_PATHS_H
#define AFFJORD_RUNNER_PATHS_H

#include <limits.h>
#include <stdbool.h>

/* The folder of the project leaves room for the names of its files. */
enum { INSTALL_ROOT_MAX = PATH_MAX - 96 };

/* Return the project's folder: $AFFJORD_ROOT, which ./run sets; or the nearest folder above the program with
 * paper_figures.sh (a checkout) or with share/affjord (installed), which then is meant; "." if there is neither. The
 * build fixes no path, so an installed tree can be moved. */
void install_root(char out[PATH_MAX]);

/* Return whether AFFJORD_ROOT, if set, is short enough for the names above. */
bool install_root_fits(void);

/* Return whether that is share/affjord of an installed program. */
bool is_installed(void);

/* Return how a user starts the program: "./run", or "affjord" if it is installed. */
const char *command_name(void);

/* Set the path of a file of the project, such as "paper_figures.sh". If the program is installed, the output of runs,
 * "results/...", is below the current folder, not in share/affjord. */
void install_path(const char *name, char out[PATH_MAX]);

/* Set the path of the program that computes in double: build/double/affjord, or libexec/affjord/affjord-double beside
 * share. */
void double_program_path(char out[PATH_MAX]);

/* Find the file `request` in the project's folder "experiments" or "configs" if it does not exist as given: NAME,
 * FOLDER/NAME or ../FOLDER/NAME. Return false if the project has no such file, or for any other path. */
bool shipped_path(const char *folder, const char *request, char out[PATH_MAX]);

/* Set the path of the default database. */
#define DEFAULT_DATABASE "results/results.db"

#endif
