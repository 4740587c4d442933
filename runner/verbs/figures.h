/* figures.h - pictures of an experiment, drawn by paper_figures.sh. */
#ifndef AFFJORD_RUNNER_FIGURES_H
#define AFFJORD_RUNNER_FIGURES_H

#include <limits.h>
#include <stdbool.h>

#include "settings/settings.h"

/* The folder of a database's pictures: "figures" beside it. */
void figures_folder(const char *database, char out[PATH_MAX]);

/* Whether each item of the list (experiment.figures) has a file there whose caption names this experiment. */
bool figures_exist(const char *database, const char *experiment, const char *items);

/* Draw the items from this experiment's runs. False, after a warning on standard
 * error, if that did not work. `quiet`: do not say what was drawn. */
bool figures_draw(const char *database, const char *experiment, const char *items, bool quiet);

#endif
