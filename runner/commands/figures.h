/* figures.h - pictures of an experiment, drawn by paper_figures.sh. */
#ifndef AFFJORD_RUNNER_FIGURES_H
#define AFFJORD_RUNNER_FIGURES_H

#include <limits.h>
#include <stdbool.h>

#include "model/settings.h"

/* Return whether each item of the list (experiment.figures) has a file in the experiment's folder of pictures,
 * figures/EXPERIMENT beside the database. */
bool figures_exist(const char *database, const char *experiment, const char *items);

/* Visit the files of pictures and tables in that folder, none if there is no folder; *folder <- its path. */
enum { FIGURES_FOLDER_MAX = PATH_MAX + SETTINGS_TEXT_MAX + 16 };
status figures_each(const char *database, const char *experiment, char folder[FIGURES_FOLDER_MAX],
                    status (*visit)(void *argument, const char *path, error_info *err), void *argument,
                    error_info *err);

/* Draw the items from this experiment's runs. Return false, after a message on standard error, if one could not be
 * drawn. `quiet`: do not list the drawn files. */
bool figures_draw(const char *database, const char *experiment, const char *items, bool quiet);

#endif
