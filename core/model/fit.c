/* fit.c - training a model on points in memory or in files. */
#include "model/fit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "model/data_settings.h"
#include "model/model_parts.h"
#include "train/trainer.h"

enum { SKIPPED_MAX = 10 }; /* iterations in a row */

struct model_fit {
    model *of;
    settings values;
    uint64_t seed;
    dataset *data;
    trainer *training;
    unsigned skipped; /* in a row */
};

/* The rows as doubles, which the caller frees; NULL if memory is short. */
static double *copy_rows(model_rows x, size_t count) {
    double *numbers = calloc(count + 1, sizeof *numbers);
    if (numbers && x.doubles) memcpy(numbers, x.doubles, count * sizeof *numbers);
    for (size_t i = 0; numbers && !x.doubles && i < count; i++) numbers[i] = (double)x.reals[i];
    return numbers;
}

static status open_data(model_fit *self, model_rows x, size_t n, size_t held_out, error_info *err) {
    const size_t D = self->of->shape.dimension;
    double *numbers = copy_rows(x, n * D);
    if (!numbers) return error_set(err, STATUS_MEMORY, "out of memory for %zu points", n);
    TRY(dataset_from("x", numbers, n, D, held_out, &self->data, err)); /* which takes them over */
    return self->values.data_standardise ? dataset_standardise(self->data, err) : STATUS_OK;
}

static status begin(model_fit *self, error_info *err) {
    objective_spec loss;
    trainer_spec by;
    objective *obj;
    settings limited = self->values;
    data_limit_points(self->data, &limited);
    specification_objective(&limited, &self->of->shape, self->seed, &loss);
    specification_trainer(&self->values, &by);
    by.keep_best = false;
    TRY(objective_create(&loss, (objective_data){.points = self->data}, self->of->workers, &obj, err));
    return trainer_create(&by, &obj, &self->training, err);
}

static void destroy(model_fit **self) {
    trainer_destroy(&(*self)->training);
    dataset_close(&(*self)->data);
    free(*self);
    *self = NULL;
}

/* Begin a training without data. */
static status create(model *of, uint64_t iterations, uint64_t seed, model_fit **out, error_info *err) {
    if (of->images) return error_set(err, STATUS_INVALID, "fit: this is a model of images; expected one of points");
    model_fit *self = calloc(1, sizeof *self);
    if (!self) return error_set(err, STATUS_MEMORY, "out of memory for a training");
    self->of = of;
    self->values = of->values;
    self->seed = seed;
    if (iterations > 0) self->values.train_iterations = iterations;
    *out = self;
    return STATUS_OK;
}

/* Begin it on its data, if `outcome` of opening them is STATUS_OK; otherwise free it. The model becomes that of the new
 * data. Everything that can fail happens before the training. */
static status complete(status outcome, model_fit *self, model_fit **out, error_info *err) {
    if (outcome == STATUS_OK) outcome = begin(self, err);
    if (outcome == STATUS_OK)
        outcome = model_describe(self->of, &self->values, dataset_units(self->data), self->seed, err);
    if (outcome != STATUS_OK) destroy(&self);
    else *out = self;
    return outcome;
}

status model_fit_create(model *of, model_rows x, size_t n, size_t held_out, uint64_t iterations, uint64_t seed,
                        model_fit **out, error_info *err) {
    model_fit *self;
    TRY(create(of, iterations, seed, &self, err));
    *self->values.data_validation = *self->values.data_test = '\0'; /* of files */
    return complete(open_data(self, x, n, held_out, err), self, out, err);
}

status model_fit_open(model *of, const char *path, size_t count, const char *const *set, uint64_t iterations,
                      uint64_t seed, model_fit **out, error_info *err) {
    model_fit *self;
    status outcome = STATUS_OK;
    TRY(create(of, iterations, seed, &self, err));
    for (size_t i = 0; i < count && outcome == STATUS_OK; i++)
        outcome = settings_change(set[i], "data", &self->values, err);
    if (outcome == STATUS_OK) outcome = data_open_points(&self->values, path, &self->data, err);
    return complete(outcome, self, out, err);
}

static status skip(model_fit *self, status outcome, error_info *err) {
    error_info reason;
    if (++self->skipped < SKIPPED_MAX) return STATUS_OK;
    objective_describe(trainer_objective(self->training), outcome, &reason);
    return error_set(err, outcome, "%u iterations in a row failed, the last one, %" PRIu64 ", so: %.600s",
                     self->skipped, trainer_iteration(self->training), reason.text);
}

status model_fit_step(model_fit *self, bool *ended, model_epoch *epoch, error_info *err) {
    trainer_epoch all;
    const status outcome = trainer_step(self->training, NULL, ended, &all);
    if (outcome < 0) return error_set(err, outcome, "the training cannot go on");
    if (*ended)
        *epoch = (model_epoch){.epoch = all.epoch,
                               .iteration = all.iteration,
                               .training_loss = all.training_loss,
                               .validation_loss = all.validation_loss,
                               .skipped = all.skipped,
                               .test_loss = all.tested ? all.test_loss : (double)NAN};
    if (outcome != STATUS_OK) return skip(self, outcome, err);
    self->skipped = 0;
    return STATUS_OK;
}

bool model_fit_finished(const model_fit *self) {
    return trainer_finished(self->training);
}

void model_fit_end(model_fit **self) {
    if (!*self) return;
    memcpy((*self)->of->own_params, trainer_parameters((*self)->training),
           (*self)->of->table->total * sizeof *(*self)->of->own_params);
    destroy(self);
}
