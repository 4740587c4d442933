/* paths.h - where the project's files are: in a checkout, or installed. */
#ifndef AFFJORD_RUNNER_PATHS_H
#define AFFJORD_RUNNER_PATHS_H

#include <limits.h>
#include <stdbool.h>

/* The folder of the project leaves room for the names of its files. */
enum { INSTALL_ROOT_MAX = PATH_MAX - 96 };

/* The project's folder: $AFFJORD_ROOT, which ./run sets, or what is nearest
 * above the program of a folder with paper_figures.sh (a checkout) and a
 * share/affjord with it (installed); "." if there is neither. Nothing is fixed
 * when the program is built, so an installed tree may be moved as a whole. */
void install_root(char out[PATH_MAX]);

/* Whether AFFJORD_ROOT, where it is set, is a path that the names above have room in. */
bool install_root_fits(void);

/* Whether that is share/affjord of an installed program. */
bool is_installed(void);

/* What a user types to start the program: "./run", or "affjord" where it is installed. */
const char *command_name(void);

/* The path of a file of the project, such as "paper_figures.sh". What runs
 * write, "results/...", is under the current folder where the project is
 * installed: share/affjord is not theirs. */
void install_path(const char *name, char out[PATH_MAX]);

/* The program that computes in double: build/double/affjord, or libexec/affjord/affjord-double beside share. */
void double_program_path(char out[PATH_MAX]);

/* The file that `request` names of the project's folder "experiments" or "configs", for one that is not there as it is
 * asked for: NAME, FOLDER/NAME or ../FOLDER/NAME. False if the project has no such file, or the path is any other: it
 * was meant as it is. */
bool shipped_path(const char *folder, const char *request, char out[PATH_MAX]);

/* The database that is used where --db names no other. */
#define DEFAULT_DATABASE "results/results.db"

#endif
