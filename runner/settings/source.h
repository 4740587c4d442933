/* source.h - the data of a run, points or images, by one name. */
#ifndef AFFJORD_RUNNER_SOURCE_H
#define AFFJORD_RUNNER_SOURCE_H

#include "base/parallel.h"
#include "data/dataset.h"
#include "data/image.h"
#include "model/specification.h"

/* One of both. */
typedef struct source {
    dataset *points;
    image_set *images;
} source;

/* Whether the name is that of a set of images. */
bool source_is_images(const char *name);

/* The folder of the sets of images: data.dir, else $AFFJORD_DATA, else ./data. */
const char *source_folder(const settings *values);

/* Open a toy density, a table of points or a set of images, which is averaged as image.downsample says. Errors: those
 * of dataset_open and image_open; STATUS_INVALID for squares that do not divide the images. */
status source_open(const char *name, const settings *values, source *out, error_info *err);
void source_close(source *self);

/* What a training with these settings would refuse of the data, whatever the settings that it was opened with. Errors:
 * STATUS_INVALID, with the setting first where it is one's fault; STATUS_MEMORY. */
status source_check(const source *self, const settings *values, error_info *err);

/* Settings that ask for more than there is ask for what there is: a table's rows that are held out count once each. So
 * the same numbers have the same key. */
void source_limit(const source *self, settings *values);

/* The units of a table that was opened standardised, else NULL. */
const standard *source_units(const source *self);

const char *source_checksum(const source *self);
specification_shape source_shape(const source *self);

/* Sentences about its files that a user should read, as which pictures were left out; "" if there are none. */
const char *source_note(const source *self);

/* Its name in tables and figures; averaged images have their size in it, as they are other data: mnist_14x14. */
void source_name(const source *self, const settings *values, char text[SETTINGS_NAME_MAX]);

/* What a training on it minimises; `device` computes with images, NULL for the processor, and outlives *out. The caller
 * owns *out, and the source outlives it. */
status source_objective(const source *self, const settings *values, uint64_t seed, parallel *workers,
                        const backend_ops *device, objective **out, error_info *err);

#endif
