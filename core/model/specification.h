/* specification.h - settings as the core wants them, and in checkpoints. */
#ifndef AFFJORD_MODEL_SPECIFICATION_H
#define AFFJORD_MODEL_SPECIFICATION_H

#include "data/standard.h"
#include "field/image_model.h"
#include "flow/cnf.h"
#include "flow/chain.h"
#include "model/settings.h"
#include "train/checkpoint.h"
#include "train/objective.h"
#include "train/trainer.h"

/* What a model is about: points of R^dimension, or images. */
typedef struct specification_shape {
    size_t dimension; /* D */
    size_t image[3]; /* channels, height, width; 0 for points */
} specification_shape;

static inline bool specification_is_image(const specification_shape *shape) {
    return shape->image[0] > 0;
}

/* The flow that the settings describe on R^dimension. */
void specification_flow(const settings *values, size_t dimension, cnf_spec *out);
/* The same for use after training: of the units that the data were in, NULL for their own. */
void specification_trained_flow(const settings *values, size_t dimension, const standard *units, cnf_spec *out);

/* The image model that they describe, for images of shape = {channels, height, width}: what it consists of, and with
 * its solver. */
void specification_image(const settings *values, const size_t shape[3], image_spec *out);
void specification_chain(const settings *values, const size_t shape[3], chain_spec *out);

/* The training that they describe, and what it minimises. */
void specification_trainer(const settings *values, trainer_spec *out);
void specification_objective(const settings *values, const specification_shape *shape, uint64_t seed,
                             objective_spec *out);

/* Settings that the core would refuse or not look at for what the model is about. Errors: STATUS_INVALID. */
status specification_check(const settings *values, const specification_shape *shape, error_info *err);

/* Whether a setting plays a part in trainings on what the model is about: points or images. Others may be set, and are
 * not looked at. */
bool specification_uses(const specification_shape *shape, const setting_option *option);

/* Whether it plays a part beside the other settings: those of z* do so only for model.context = augmented,
 * steps and tolerances only for methods of their kind, units of a field only for that field. */
bool specification_reads(const settings *values, const specification_shape *shape, const setting_option *option);

/* Put every setting of a run into a checkpoint, as texts "section.key", and
 * the texts "dimension" and, of images, "shape", so that the file alone can rebuild the flow. Errors:
 * STATUS_MEMORY. */
status specification_write(const settings *values, const specification_shape *shape, checkpoint *into);

/* Put the units of the data into it, as the texts "standard.mean" and "standard.deviation", numbers between blanks;
 * nothing for NULL. And the opposite: out->dimension is 0 where data.standardise is no. Errors: STATUS_MEMORY;
 * STATUS_FORMAT. */
status specification_write_units(const standard *units, checkpoint *into);
status specification_read_units(const checkpoint *from, const char *path, const settings *values, size_t dimension,
                                standard *out, error_info *err);

/* The opposite; [experiment] and [data] get their defaults. `path` is for messages. Texts
 * whose name is not that of a section and a dot are others' and passed over.
 * A setting that the file does not have gets its default, as it may be
 * younger. Errors: STATUS_FORMAT for one that is unknown or out of range, and
 * where there is no dimension. */
status specification_read(const checkpoint *from, const char *path, settings *values, specification_shape *shape,
                          error_info *err);

#endif
