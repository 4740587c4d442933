/* model_make.c - a model from its file or its settings, and back into a file. */
#include <stdlib.h>
#include <string.h>

#include "model/model_parts.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

/* --- From settings --- */

/* The flow of the model's settings, shape and units, and room for a batch. */
static status make_flow(model *self, error_info *err) {
    settings solved = self->values;
    specification_evaluate(&solved);
    const size_t reals = self->shape.dimension * (specification_is_image(&self->shape) ? MODEL_IMAGES : MODEL_POINTS);
    if (specification_is_image(&self->shape)) {
        chain_spec spec;
        specification_chain(&solved, self->shape.image, &spec);
        spec.backend = self->device;
        TRY(chain_create(&spec, MODEL_IMAGES, false, self->workers, &self->images, err));
        self->table = chain_parameters(self->images);
    } else {
        cnf_spec spec;
        specification_trained_flow(&solved, self->shape.dimension, model_units(self), &spec);
        spec.kept_steps = 0; /* no gradient is taken */
        TRY(cnf_create(&spec, MODEL_POINTS, self->workers, &self->flow, err));
        self->table = cnf_parameters(self->flow);
    }
    if (self->x) return STATUS_OK;
    if (ARENA_NEW(&self->memory, reals, &self->x) == STATUS_OK &&
        ARENA_NEW(&self->memory, reals, &self->z) == STATUS_OK)
        return STATUS_OK;
    return error_set(err, STATUS_MEMORY, "out of memory for a model");
}

static void drop_flows(model *self) {
    cnf_destroy(&self->flow);
    cnf_destroy(&self->general);
    chain_destroy(&self->images);
    chain_destroy(&self->scored);
}

void model_close(model **self) {
    if (!*self) return;
    drop_flows(*self);
    if ((*self)->own_workers) parallel_destroy(&(*self)->workers);
    checkpoint_destroy(&(*self)->file);
    arena_release(&(*self)->memory);
    free(*self);
    *self = NULL;
}

status model_build(const settings *values, const specification_shape *shape, const standard *units, parallel *workers,
                   const backend_ops *device, model **out, error_info *err) {
    model *self = calloc(1, sizeof *self);
    if (!self) return error_set(err, STATUS_MEMORY, "out of memory for a model");
    self->values = *values;
    self->shape = *shape;
    if (units) self->units = *units;
    self->workers = workers;
    self->device = device;
    const status outcome = make_flow(self, err);
    if (outcome != STATUS_OK) model_close(&self);
    else *out = self;
    return outcome;
}

status model_own_parameters(model *self, error_info *err) {
    if (ARENA_NEW(&self->memory, self->table->total, &self->own_params) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory for %zu parameters", self->table->total);
    self->params = self->own_params;
    return STATUS_OK;
}

/* Build a model with its own threads. */
static status build_alone(const settings *values, const specification_shape *shape, const standard *units,
                          size_t threads, model **out, error_info *err) {
    parallel *workers = NULL;
    if (threads > 1 && parallel_create(threads, &workers) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "cannot start %zu threads", threads);
    const status outcome = model_build(values, shape, units, workers, NULL, out, err);
    if (outcome != STATUS_OK) parallel_destroy(&workers);
    else (*out)->own_workers = workers != NULL;
    return outcome;
}

/* --- From a file --- */

static void note_check(const char *path, model *out) {
    error_info *note = &out->notes[out->note_count];
    switch (checkpoint_checked(out->file)) {
    case CHECKPOINT_VERIFIED: return;
    case CHECKPOINT_WITHOUT_CHECKSUM:
        error_describe(note, "%s has no checksum (metadata entry sha256_by_name), so damage would not be noticed",
                       path);
        break;
    case CHECKPOINT_CONVERTED:
        error_describe(note,
                       "%s was rounded to 16 bits by another program: its checksum is that of the numbers before, so "
                       "damage would not be noticed",
                       path);
        break;
    }
    out->note_count++;
}

/* Name the types of parameters that were converted, with the number of arrays. */
static void note_conversion(const char *path, model *out) {
    static const char *const types[] = {"F64", "F32", "F16", "BF16"};
    enum { TYPES = sizeof types / sizeof *types };
    char list[128] = "";
    size_t used = 0, count[TYPES] = {0};
    for (size_t i = 0; i < out->table->count; i++) {
        const char *found = checkpoint_dtype(out->file, out->table->entries[i].name);
        for (size_t t = 0; t < TYPES; t++) count[t] += found != NULL && strcmp(found, types[t]) == 0;
    }
    for (size_t t = 0; t < TYPES; t++) {
        if (count[t] == 0 || strcmp(types[t], REAL_NAME) == 0) continue;
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%zu of %s", used > 0 ? ", " : "", count[t], types[t]);
    }
    if (used > 0)
        error_describe(&out->notes[out->note_count++], "%s: converted arrays to %s: %s", path, REAL_NAME, list);
}

/* The parameters of the best epoch instead of the last ones. */
static status take_best(const char *path, model *self, error_info *err) {
    error_info reason;
    trainer_best about;
    const status outcome = trainer_read_best(self->file, self->table->total, self->own_params, &about, &reason);
    if (outcome != STATUS_OK) return error_set(err, outcome, "%s: %s", path, reason.text);
    error_describe(&self->notes[self->note_count++],
                   "these are the parameters of the best epoch, after %llu iterations, with the validation loss %.6g",
                   (unsigned long long)about.iteration, about.loss);
    return STATUS_OK;
}

static status read_parameters(const char *path, bool best, model *self, error_info *err) {
    error_info reason;
    TRY(model_own_parameters(self, err));
    const status outcome = checkpoint_get_parameters(self->file, self->table, self->own_params, &reason);
    if (outcome != STATUS_OK) return error_set(err, outcome, "%s: %s", path, reason.text);
    note_check(path, self);
    note_conversion(path, self);
    return best ? take_best(path, self, err) : STATUS_OK;
}

static status open_file(const char *path, size_t threads, bool best, checkpoint **file, model **out, error_info *err) {
    settings values;
    specification_shape shape;
    standard units;
    TRY(specification_read(*file, path, &values, &shape, err));
    TRY(specification_read_units(*file, path, &values, shape.dimension, &units, err));
    TRY(build_alone(&values, &shape, units.dimension > 0 ? &units : NULL, threads, out, err));
    (*out)->file = *file;
    *file = NULL;
    return read_parameters(path, best, *out, err);
}

static status open_either(const char *path, size_t threads, bool best, model **out, error_info *err) {
    checkpoint *file;
    model *self = NULL;
    TRY(checkpoint_read(path, &file, err));
    const status outcome = open_file(path, threads, best, &file, &self, err);
    checkpoint_destroy(&file);
    if (outcome != STATUS_OK) model_close(&self);
    else *out = self;
    return outcome;
}

status model_open(const char *path, size_t threads, model **out, error_info *err) {
    return open_either(path, threads, false, out, err);
}

status model_open_best(const char *path, size_t threads, model **out, error_info *err) {
    return open_either(path, threads, true, out, err);
}

/* --- From texts --- */

/* The setting of a name "section.key" or "key". */
static status find_setting(const char *name, const setting_option **out, error_info *err) {
    static const char *const sections[] = {"model", "flow", "solver", "train", "data"};
    if (strchr(name, '.')) return settings_find_name(name, out, err);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (settings_find(sections[i], name, out, NULL) == STATUS_OK && settings_of_run(*out)) return STATUS_OK;
    return settings_find("model", name, out, err); /* which names the nearest */
}

static status set_text(const char *text, settings *values, error_info *err) {
    char name[SETTINGS_NAME_MAX];
    const setting_option *option;
    const char *equals = strchr(text, '=');
    if (!equals || (size_t)(equals - text) >= sizeof name)
        return error_set(err, STATUS_INVALID, "\"%.200s\": expected NAME=VALUE", text);
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    TRY(find_setting(name, &option, err));
    return settings_parse(option, equals + 1, values, err);
}

static status write_texts(const settings *values, const specification_shape *shape, const standard *units,
                          uint64_t seed, checkpoint **out) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    TRY(checkpoint_create(out));
    TRY(checkpoint_put_text(*out, "seed", text));
    TRY(specification_write_units(units, *out));
    return specification_write(values, shape, *out);
}

status model_describe(model *self, const settings *values, const standard *units, uint64_t seed, error_info *err) {
    checkpoint *file = NULL;
    if (write_texts(values, &self->shape, units, seed, &file) != STATUS_OK) {
        checkpoint_destroy(&file);
        return error_set(err, STATUS_MEMORY, "out of memory for a model");
    }
    checkpoint_destroy(&self->file);
    self->file = file;
    self->values = *values;
    self->units = units ? *units : (standard){.dimension = 0};
    drop_flows(self);
    return make_flow(self, err);
}

status model_set_solver(model *self, size_t count, const char *const *set, error_info *err) {
    settings values = self->values;
    specification_evaluate(&values); /* the solver that is changed */
    for (size_t i = 0; i < count; i++) TRY(settings_change(set[i], "solver", &values, err));
    TRY(specification_check(&values, &self->shape, err));
    if (self->file && specification_write(&values, &self->shape, self->file) != STATUS_OK)
        return error_set(err, STATUS_MEMORY, "out of memory for a model");
    self->values = values;
    drop_flows(self);
    return make_flow(self, err);
}

static status create_from(const settings *values, const specification_shape *shape, size_t threads, model **out,
                          error_info *err) {
    TRY(build_alone(values, shape, NULL, threads, out, err));
    TRY(model_own_parameters(*out, err));
    return model_describe(*out, values, NULL, 0, err);
}

status model_create(size_t dimension, size_t count, const char *const *set, size_t threads, model **out,
                    error_info *err) {
    const specification_shape shape = {.dimension = dimension};
    settings values;
    model *self = NULL;
    settings_default(&values);
    for (size_t i = 0; i < count; i++) TRY(set_text(set[i], &values, err));
    TRY(specification_check(&values, &shape, err));
    const status outcome = create_from(&values, &shape, threads, &self, err);
    if (outcome != STATUS_OK) model_close(&self);
    else *out = self;
    return outcome;
}

/* --- Into a file --- */

typedef struct copying {
    checkpoint *into;
    status outcome;
} copying;

static void copy_text(void *argument, const char *key, const char *value) {
    copying *state = argument;
    if (state->outcome == STATUS_OK) state->outcome = checkpoint_put_text(state->into, key, value);
}

/* Parameters and texts, without the optimiser's state. */
static status fill(const model *self, checkpoint *into) {
    copying state = {.into = into, .outcome = STATUS_OK};
    checkpoint_each_text(self->file, copy_text, &state);
    TRY(state.outcome);
    return checkpoint_put_parameters(into, self->table, self->params);
}

status model_write(const model *self, const char *path, error_info *err) {
    checkpoint *file;
    if (checkpoint_create(&file) != STATUS_OK) return error_set(err, STATUS_MEMORY, "out of memory");
    status outcome = fill(self, file);
    if (outcome != STATUS_OK) error_describe(err, "out of memory");
    else outcome = checkpoint_write(file, path, NULL, err);
    checkpoint_destroy(&file);
    return outcome;
}
