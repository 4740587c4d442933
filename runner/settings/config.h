/* config.h - an experiment file with its includes and the settings of --set.
 *
 * The file is INI:
 *
 *     include = ../configs/toy_paper.ini     only at the top; relative to this file
 *     [experiment]
 *     name = fig6
 *     models = ffjord, affjord
 *     [train]
 *     iterations = 5000
 *     [data ty]                              for this data set only
 *     train.stop_loss = 0.5
 *     [model affjord]                        for this model only; it also declares the model
 *     width = 128                            a bare key is of section [model]
 *
 *     [sweep]                                every combination (sweep.h)
 *     flow.end_time = 1, 10
 *
 * Later entries of this list override earlier ones: defaults, includes, the file's plain
 * sections, [data NAME], [model NAME], --set section.key=value, --set "data
 * NAME.key=value", --set "model NAME.key=value"; a point of a sweep wins over all. An
 * including file wins over the included one, a later include over an earlier one. */
#ifndef AFFJORD_RUNNER_CONFIG_H
#define AFFJORD_RUNNER_CONFIG_H

#include <limits.h>

#include "model/settings.h"
#include "settings/sweep.h"

typedef struct experiment_config experiment_config;

/* Read and check everything. `set` has the `set_count` texts of --set. The caller owns *out. The message starts with
 * "file:line: " or "--set TEXT: ". Errors: STATUS_INVALID for a setting or a name, STATUS_FORMAT for a line,
 * STATUS_IO for a file, STATUS_MEMORY. The program exits with 2 for all of them. */
status config_load(const char *path, size_t set_count, const char *const *set, experiment_config **out,
                   error_info *err);
void config_destroy(experiment_config **config);

/* Return the path as given. */
const char *config_path(const experiment_config *config);

/* Write a line for each file, and for --set, that uses older names of settings: the first of them and how many more. */
void config_write_renamed(const experiment_config *config, FILE *stream);

/* Return the settings without those of single data sets and models. Its experiment fields are the experiment's:
 * experiment_name, experiment_title (the name if the file has none), experiment_figures, ... */
const settings *config_settings(const experiment_config *config);

/* Return where a setting for all data sets and models was last set: "file:line", "--set", or the experiment file's
 * path if it was not. `name` is "section.key". */
void config_origin(const experiment_config *config, const char *name, char text[PATH_MAX]);

/* The same for one model on one data set: [data NAME] and [model NAME] count. False where no line sets it. */
bool config_origin_for(const experiment_config *config, const char *name, const char *source, const char *model,
                       char text[PATH_MAX]);

/* The settings of one model on one data set. `source` is an item of
 * experiment.data: [data NAME] matches the item itself, or its file name
 * without folder and ending. */
void config_resolve(const experiment_config *config, const char *source, const char *model, settings *out);

/* The sweep; without axes if the file has none. */
const sweep *config_sweep(const experiment_config *config);

/* out <- the argument of source_open() for an item of experiment.data: the name of a toy or of a set of images; or the
 * path of a table or of the user's own images, relative to the folder of the file that lists it. config_resolve()
 * resolves the paths of [data] in the same way. Errors: STATUS_INVALID if the path is too long. */
status config_data_source(const experiment_config *config, const char *item, char path[PATH_MAX], error_info *err);

#endif
