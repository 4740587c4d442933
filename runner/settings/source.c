/* source.c - the data of a run, points or images, by one name. */
#include "settings/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/edit_distance.h"
#include "data/table.h"
#include "data/toy.h"
#include "model/data_settings.h"
#include "system/paths.h"

enum { NAMES_MAX = 64 }; /* more than the known names */

bool source_is_images(const char *name) {
    return image_kind_of(name) != NULL || source_is_files(name);
}

bool source_is_files(const char *name) {
    return image_kind_of(name) == NULL && toy_find(name) == NULL && image_is_files(name);
}

const char *source_folder(const settings *values) {
    const char *folder = getenv("AFFJORD_DATA");
    if (values->data_dir[0]) return values->data_dir;
    return folder && folder[0] ? folder : "./data";
}

/* "...; AFFJORD_DATA or data.dir says where it is" for a missing set. */
static status fail_absent(const char *name, const char *folder, error_info *err) {
    return error_set(
        err, STATUS_IO,
        "the images \"%s\" are not in the folder \"%s\"; AFFJORD_DATA or data.dir = FOLDER says where they are, "
        "and %s data check where to get them",
        name, folder, command_name());
}

/* A set without validation images gets some of its training images, in their order in the files the last. */
static status hold_out(const char *text, image_set *set, error_info *err) {
    data_part part;
    error_info reason;
    TRY(data_part_read("data.validation", text, &part, err));
    if (part.path)
        return error_set(err, STATUS_INVALID,
                         "data.validation: %.300s: expected a number or a fraction of the training images of %s", text,
                         set->name);
    const size_t all = set->size[IMAGE_TRAINING],
                 count = part.share >= 1 ? (size_t)part.share : (size_t)(part.share * (double)all);
    const status outcome = image_hold_out(set, count, &reason);
    return outcome == STATUS_OK ? STATUS_OK : error_set(err, outcome, "data.validation: %s", reason.text);
}

/* A set in a known layout defines its test part and its size. */
static status open_kind(const char *name, const settings *values, image_set **out, error_info *err) {
    const char *folder = source_folder(values);
    const char *given = *values->data_columns  ? "data.columns"
                        : *values->data_ignore ? "data.ignore"
                        : *values->data_test   ? "data.test"
                        : *values->image_size  ? "image.size"
                                               : NULL;
    if (!image_exists(name, folder)) return fail_absent(name, folder, err);
    if (given)
        return error_set(
            err, STATUS_INVALID,
            "%s: %s has parts and sizes of its own; expected it but for tables and your own images, as by [data "
            "NAME] %s = ... for each",
            given, name, given);
    TRY(image_open(name, folder, out, err));
    if (!*values->data_validation) return STATUS_OK;
    const status outcome = hold_out(values->data_validation, *out, err);
    if (outcome != STATUS_OK) image_close(out);
    return outcome;
}

static status open_images(const char *name, const settings *values, bool whole, source *out, error_info *err) {
    error_info reason;
    TRY(source_is_files(name) ? data_open_images(values, name, whole, &out->images, err)
                              : open_kind(name, values, &out->images, err));
    if (values->image_downsample == 1) return STATUS_OK;
    const status outcome = image_average(out->images, values->image_downsample, &reason);
    if (outcome == STATUS_OK) return STATUS_OK;
    image_close(&out->images);
    return error_set(err, outcome, "image.downsample: %s", reason.text);
}

/* An unknown name may be a misspelt name of points or of images. */
static status fail_unknown(const char *name, error_info *err) {
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < image_kind_count() && count < NAMES_MAX; i++)
        names[count++] = image_kind_name(image_kind_at(i));
    for (size_t i = 0; i < toy_count() && count < NAMES_MAX; i++) names[count++] = toy_at(i)->name;
    return error_set(
        err, STATUS_INVALID,
        "\"%s\" is not a known data set; did you mean \"%s\"? (a table's path ends in .npy, .npz, .csv "
        "or .tsv; images are arrays in .npy or .npz, folders that exist and .zip archives; those in the layout of a "
        "set are KIND-SOMETHING, as mnist-fashion)",
        name, suggest_name(name, count, names));
}

status source_open_whole(const char *name, const settings *values, source *out, error_info *err) {
    settings plain = *values;
    *plain.data_columns = *plain.data_ignore = *plain.data_validation = *plain.data_test = '\0';
    if (!source_is_files(name)) *plain.image_size = '\0';
    *out = (source){.points = NULL};
    return open_images(name, &plain, true, out, err);
}

status source_open(const char *name, const settings *values, source *out, error_info *err) {
    *out = (source){.points = NULL};
    if (source_is_images(name)) return open_images(name, values, false, out, err);
    if (!table_is_path(name) && !toy_find(name)) return fail_unknown(name, err);
    return data_open_points(values, name, &out->points, err);
}

static objective_data data_of(const source *self) {
    return (objective_data){.points = self->points, .images = self->images};
}

status source_check(const source *self, const settings *values, error_info *err) {
    const specification_shape shape = source_shape(self);
    objective_spec spec;
    standard units;
    TRY(specification_check(values, &shape, err));
    specification_objective(values, &shape, 0, &spec);
    TRY(objective_check(&spec, data_of(self), err));
    return self->points && values->data_standardise ? dataset_fit(self->points, &units, err) : STATUS_OK;
}

void source_limit(const source *self, settings *values) {
    if (self->points) data_limit_points(self->points, values);
    else if (*values->data_test) data_limit_images(self->images, values);
}

const standard *source_units(const source *self) {
    return self->points ? dataset_units(self->points) : NULL;
}

void source_close(source *self) {
    dataset_close(&self->points);
    image_close(&self->images);
}

const char *source_checksum(const source *self) {
    return self->images ? self->images->sha256 : dataset_checksum(self->points);
}

const char *source_note(const source *self) {
    return self->images ? self->images->note : "";
}

specification_shape source_shape(const source *self) {
    if (!self->images) return (specification_shape){.dimension = dataset_dimension(self->points)};
    const image_set *set = self->images;
    return (specification_shape){.dimension = set->channels * set->height * set->width,
                                 .image = {set->channels, set->height, set->width}};
}

void source_name(const source *self, const settings *values, char text[SETTINGS_NAME_MAX]) {
    const image_set *set = self->images;
    if (!set) snprintf(text, SETTINGS_NAME_MAX, "%s", dataset_name(self->points));
    else if (values->image_downsample == 1 && !*values->image_size) snprintf(text, SETTINGS_NAME_MAX, "%s", set->name);
    else snprintf(text, SETTINGS_NAME_MAX, "%.900s_%zux%zu", set->name, set->height, set->width);
}

status source_objective(const source *self, const settings *values, uint64_t seed, parallel *workers,
                        const backend_ops *device, objective **out, error_info *err) {
    const specification_shape shape = source_shape(self);
    objective_spec spec;
    specification_objective(values, &shape, seed, &spec);
    spec.model.backend = device; /* a device trains points by batched_trainer.h */
    return objective_create(&spec, data_of(self), workers, out, err);
}
