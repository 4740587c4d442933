/* model.h - a trained model by the name of its run or of its file. */
#ifndef AFFJORD_RUNNER_MODEL_H
#define AFFJORD_RUNNER_MODEL_H

#include "model/model_parts.h"
#include "record/checkpoint_files.h"

typedef struct trained_model {
    model *model;
    char path[PATH_MAX]; /* of the file it was read from */
    char folder[SETTINGS_TEXT_MAX]; /* data.dir of its training, if a database has it */
    error_info unfinished; /* a message if the run is unfinished; otherwise "" */
} trained_model;

/* Read the model that `name` means: a file if it ends in .safetensors, otherwise a run of the database; with :best
 * after it, its best epoch's model. Errors: STATUS_INVALID if there is no such run; STATUS_IO, STATUS_FORMAT,
 * STATUS_MEMORY. */
status trained_open(const char *name, const char *database, size_t threads, trained_model *out, error_info *err);

#endif
