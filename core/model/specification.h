/* specification.h - the core's specifications from settings; settings in checkpoints. */
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

/* The kind of data of a model: points of R^dimension, or images. */
typedef struct specification_shape {
    size_t dimension; /* D */
    size_t image[3]; /* channels, height, width; 0 for points */
} specification_shape;

static inline bool specification_is_image(const specification_shape *shape) {
    return shape->image[0] > 0;
}

/* *out <- the flow on R^dimension of the settings. */
void specification_flow(const settings *values, size_t dimension, cnf_spec *out);
/* The same for use after training, in the data's units; NULL: those of the flow. */
void specification_trained_flow(const settings *values, size_t dimension, const standard *units, cnf_spec *out);

/* *out <- the image model of the settings, for images of shape = {channels, height, width}: its structure; and with
 * its solver. */
void specification_image(const settings *values, const size_t shape[3], image_spec *out);
void specification_chain(const settings *values, const size_t shape[3], chain_spec *out);

/* *out <- the training of the settings, and its objective. */
void specification_trainer(const settings *values, trainer_spec *out);
void specification_objective(const settings *values, const specification_shape *shape, uint64_t seed,
                             objective_spec *out);

/* The settings with the tolerances and the batch size of an iteration, from 1 (solver.tolerance_phases,
 * train.batch_phases, which becomes empty). */
void specification_enter_phase(settings *values, uint64_t iteration);

/* Return the points or images of the batches of the first `iterations` iterations; 0 for settings that
 * specification_check refuses. */
uint64_t specification_trained(const settings *values, uint64_t iterations);

/* The settings with the solver of solves without a gradient (solver.evaluation_tolerance, which becomes 0). */
void specification_evaluate(settings *values);

/* Check for settings that this kind of model refuses or ignores. Errors: STATUS_INVALID. */
status specification_check(const settings *values, const specification_shape *shape, error_info *err);

/* Return whether a setting has an effect on a training with these settings and this kind of data: those of z* only for
 * model.context = augmented, steps and tolerances only for methods of their kind, units of a field only for that field.
 * Others may be set and are ignored. */
bool specification_uses(const settings *values, const specification_shape *shape, const setting_option *option);

/* Add every setting of a run to a checkpoint, as texts "section.key", and the texts "dimension" and, for images,
 * "shape", so that the file alone can rebuild the flow. Errors: STATUS_MEMORY. */
status specification_write(const settings *values, const specification_shape *shape, checkpoint *into);

/* Add the units of the data, as the texts "standard.mean" and "standard.deviation", numbers between blanks; nothing
 * for NULL. And read them: out->dimension is 0 if data.standardise is no. Errors: STATUS_MEMORY; STATUS_FORMAT. */
status specification_write_units(const standard *units, checkpoint *into);
status specification_read_units(const checkpoint *from, const char *path, const settings *values, size_t dimension,
                                standard *out, error_info *err);

/* Read the settings; [experiment] and [data] get their defaults. `path` is for messages. Texts that are not named
 * SECTION.KEY are ignored. A setting that the file lacks gets its default, because it may be newer. Errors:
 * STATUS_FORMAT for an unknown setting, a value out of range, and a missing dimension. */
status specification_read(const checkpoint *from, const char *path, settings *values, specification_shape *shape,
                          error_info *err);

#endif
