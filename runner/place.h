/* place.h - where the project and its default files are. */
#ifndef AFFJORD_RUNNER_PLACE_H
#define AFFJORD_RUNNER_PLACE_H

enum { PLACE_PATH_MAX = 4096 };

/* The project's folder: $AFFJORD_ROOT, which ./run sets, or the nearest one
 * above the program that has paper_figures.sh; "." if there is none. */
void place_root(char out[PLACE_PATH_MAX]);

/* results/results.db of the project. */
void place_database(char out[PLACE_PATH_MAX]);

#endif
