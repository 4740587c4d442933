/* place.h - where the project and its default files are. */
#ifndef AFFJORD_RUNNER_PLACE_H
#define AFFJORD_RUNNER_PLACE_H

enum { PLACE_PATH_MAX = 4096, PLACE_ROOT_MAX = 4000 };

/* The project's folder: $AFFJORD_ROOT, which ./run sets, or the nearest one
 * above the program that has paper_figures.sh; "." if there is none. */
void place_root(char out[PLACE_PATH_MAX]);

/* The path of a file of the project, such as "paper_figures.sh". */
void place_path(const char *name, char out[PLACE_PATH_MAX]);

/* The database that is used where --db names no other. */
#define PLACE_DATABASE "results/results.db"

#endif
