/* model.h - a trained flow by the name of its run or of its file. */
#ifndef AFFJORD_RUNNER_MODEL_H
#define AFFJORD_RUNNER_MODEL_H

#include "flow/cnf.h"
#include "flow/chain.h"
#include "record/checkpoint_files.h"
#include "model/specification.h"
#include "train/checkpoint.h"

enum { MODEL_NOTES_MAX = 3 };

typedef struct model {
    size_t note_count;
    failure notes[MODEL_NOTES_MAX]; /* sentences that a user should read: it is unfinished, unverified, converted */
    settings values; /* that it was trained with; data.dir too, where a database has it */
    specification_shape shape;
    standard units; /* of the flow's points; of dimension 0 where they are the data's own */
    char path[CHECKPOINT_PATH_MAX]; /* of the file it was read from */
    checkpoint *file;
    parallel *workers;
    cnf *flow; /* of points, as outputs_flow makes it; NULL for images */
    chain *images; /* of images, as outputs_chain makes it; NULL for points */
    const parameter_table *table;
    real *params; /* (P) */
} model;

/* Read the model that `name` means: a file if it ends in .safetensors,
 * otherwise a run of the database. Errors: STATUS_INVALID if there is no such
 * run; STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status model_open(const char *name, const char *database, size_t threads, model *out, failure *why);
void model_close(model *trained);

/* Its units, NULL where points are used as they are. */
const standard *model_units(const model *trained);

#endif
