/* data_settings.h - the data of a training as [data] describes them. */
#ifndef AFFJORD_MODEL_DATA_SETTINGS_H
#define AFFJORD_MODEL_DATA_SETTINGS_H

#include "data/dataset.h"
#include "data/image.h"
#include "data/table.h"
#include "model/settings.h"

/* Open a toy density or a table with the columns and parts that [data] lists, standardised if data.standardise is yes.
 * The caller owns *out. Errors: those of dataset_open_parts and dataset_standardise, with the setting first. */
status data_open_points(const settings *values, const char *name, dataset **out, error_info *err);

/* Open a user's own images with the parts that [data] lists, in the size of [image]; with `whole`, all as the test
 * split. The caller owns *out. Errors: those of image_open_files; STATUS_INVALID for image.size. */
status data_open_images(const settings *values, const char *path, bool whole, image_set **out, error_info *err);

/* Read a table for a model with these settings. If the file has more columns than `dimension`, read the columns that
 * [data] lists. The caller owns *out. Errors: those of table_read_columns; STATUS_FORMAT for another number of
 * columns. */
status data_read_points(const settings *values, const char *path, size_t dimension, table **out, error_info *err);

/* Limit settings to the data, so that equal trainings have equal keys: train.validation and train.test to the held-out
 * rows of a table. With a test part, a test loss is computed. */
void data_limit_points(const dataset *data, settings *values);
/* The same for a user's own images. */
void data_limit_images(const image_set *set, settings *values);

#endif
