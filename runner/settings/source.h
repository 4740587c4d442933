/* source.h - the data of a run, points or images, by one name. */
#ifndef AFFJORD_RUNNER_SOURCE_H
#define AFFJORD_RUNNER_SOURCE_H

#include "base/parallel.h"
#include "data/dataset.h"
#include "data/image.h"
#include "model/specification.h"

/* Points or images. */
typedef struct source {
    dataset *points;
    image_set *images;
} source;

/* Return whether the name is a set of images, or the path of the user's own images. */
bool source_is_images(const char *name);
/* Return whether the name is the path of the user's own images: existing files, and no set or toy density. */
bool source_is_files(const char *name);

/* The folder of the sets of images: data.dir, else $AFFJORD_DATA, else ./data. */
const char *source_folder(const settings *values);

/* Open a toy density, a table of points or images, with the columns, parts and units of [data] and the size of [image],
 * downsampled by image.downsample. Errors: those of dataset_open_parts, image_open and image_open_files; STATUS_INVALID
 * for a factor that does not divide the images. */
status source_open(const char *name, const settings *values, source *out, error_info *err);
/* Open images for an evaluation: the user's own in the size of [image], all as the test split. The parts and columns of
 * the settings, which are the training's, have no effect. Errors: those of source_open. */
status source_open_whole(const char *name, const settings *values, source *out, error_info *err);
void source_close(source *self);

/* Check the data as a training with these settings does, whatever settings it was opened with. Errors:
 * STATUS_INVALID, beginning with the setting if it is the cause; STATUS_MEMORY. */
status source_check(const source *self, const settings *values, error_info *err);

/* Adapt settings to the data: each held-out row of a table counts once, and a test part is evaluated. The same numbers
 * then have the same key. */
void source_limit(const source *self, settings *values);

/* The units of a table that was opened standardised, else NULL. */
const standard *source_units(const source *self);

const char *source_checksum(const source *self);
specification_shape source_shape(const source *self);

/* Return messages about its files for the user, such as omitted pictures; "" if there are none. */
const char *source_note(const source *self);

/* Return its name in tables and figures. Downsampled and resized images have their size in it, because they are other
 * data: mnist_14x14. */
void source_name(const source *self, const settings *values, char text[SETTINGS_NAME_MAX]);

/* Create the objective of a training on it. `device` computes images (NULL: the processor) and must outlive *out.
 * The caller owns *out; the source must outlive it. */
status source_objective(const source *self, const settings *values, uint64_t seed, parallel *workers,
                        const backend_ops *device, objective **out, error_info *err);

#endif
