/* fit.h - train a model on points in memory or in files, as ./run trains it on a table.
 *
 *   while (!model_fit_finished(training)) model_fit_step(training, &ended, &epoch, &why);
 *   model_fit_end(&training);
 *
 * The settings are the model's, including those of [train]. If a tenth of a table's rows are held out, the results are
 * bit-identical to those of ./run. */
#ifndef AFFJORD_MODEL_FIT_H
#define AFFJORD_MODEL_FIT_H

#include <stdbool.h>

#include "base/export.h"
#include "model/model.h"

AFFJORD_API_BEGIN

/* A training. One thread at a time may use it. model_fit_step is a whole solve and its backward pass; the others are
 * cheap. */
typedef struct model_fit model_fit;

/* The results of an epoch: mean losses in nats. */
typedef struct model_epoch {
    uint64_t epoch, iteration; /* from 1; iterations done at its end */
    double training_loss, validation_loss; /* NaN if they could not be computed */
    uint64_t skipped; /* iterations of the whole training so far without a finite loss and gradient */
    double test_loss; /* NaN without a test part, or if it could not be computed */
} model_epoch;

/* Start to train a model of points on the n rows of x, which are copied, for `iterations` (0: train.iterations),
 * from the initial parameters of `seed`. A fixed draw chooses `held_out` rows for the validation loss. With
 * data.standardise, the model's units become those of the other rows. Do not use the model until model_fit_end. The
 * caller owns *out. Errors: STATUS_INVALID with the reason, STATUS_FORMAT for a number that is not finite,
 * STATUS_MEMORY. */
status model_fit_create(model *self, model_rows x, size_t n, size_t held_out, uint64_t iterations, uint64_t seed,
                        model_fit **out, error_info *err);

/* The same on the table `path` (data/table.h). Each of the `count` texts changes a setting of [data], as
 * "data.test=other.csv": the used columns, and the rows or files of the validation and test parts. The model stores
 * these settings. Errors: also those of dataset_open_parts. */
status model_fit_open(model *self, const char *path, size_t count, const char *const *set, uint64_t iterations,
                      uint64_t seed, model_fit **out, error_info *err);

/* Do one iteration. At the end of an epoch and of the training, *ended <- true and *epoch is filled. An iteration
 * without a finite loss and gradient leaves the parameters unchanged and is counted; the tenth in a row is an error.
 * Errors: the status of that solve. */
status model_fit_step(model_fit *self, bool *ended, model_epoch *epoch, error_info *err);

/* Return whether all iterations are done, or the loss is below train.stop_loss. */
bool model_fit_finished(const model_fit *self);

/* Free the training and set *self to NULL. The model gets its parameters, after any number of iterations. */
void model_fit_end(model_fit **self);

AFFJORD_API_END

#endif
