/* specification.h - settings as the core wants them, and in checkpoints. */
#ifndef AFFJORD_RUNNER_SPECIFICATION_H
#define AFFJORD_RUNNER_SPECIFICATION_H

#include "field/image_model.h"
#include "flow/cnf.h"
#include "settings.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

/* The flow that the settings describe on R^dimension. */
void specification_flow(const settings *values, size_t dimension, cnf_spec *out);

/* The image model that they describe, for images of shape = {channels, height, width}. */
void specification_image(const settings *values, const size_t shape[3], image_spec *out);

/* The training that they describe. */
void specification_trainer(const settings *values, size_t dimension, uint64_t seed, trainer_spec *out);

/* Put every setting of a run into a checkpoint, as texts "section.key", and
 * the text "dimension", so that the file alone can rebuild the flow. Errors:
 * STATUS_MEMORY. */
status specification_write(const settings *values, size_t dimension, checkpoint *into);

/* The opposite; [experiment] gets its defaults. `path` is for messages. Texts
 * whose name is not that of a section and a dot are others' and passed over.
 * A setting that the file does not have gets its default, as it may be
 * younger. Errors: STATUS_FORMAT for one that is unknown or out of range, and
 * where there is no dimension. */
status specification_read(const checkpoint *from, const char *path, settings *values, size_t *dimension, failure *why);

#endif
