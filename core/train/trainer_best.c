/* trainer_best.c - the parameters of the epoch with the least validation loss, kept beside the last ones.
 *
 *   best = argmin over epochs e of L_e, the first of equals, among finite L_e
 *
 * Only epochs of full length count for the copy: a training with more iterations has only these. The last epoch may be
 * shorter; if it is the best, the model's own parameters are the best ones, and a number says so. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "backend/memory.h"
#include "train/checkpoint.h"
#include "train/trainer_internal.h"

#define COUNTERS "best.counters"
#define LOSSES "best.losses"
#define PARAMETERS "best.parameters"

enum { COUNTER_EPOCH, COUNTER_ITERATION, LOSS_FULL = 0, LOSS_LAST };

status trainer_best_create(trainer *training) {
    training->best = (best_epoch){.known = training->spec.keep_best, .loss = INFINITY, .last_loss = NAN};
    if (!training->spec.keep_best) return STATUS_OK;
    return BACKEND_NEW(training->backend, &training->memory, training->parameters, &training->best_params);
}

void trainer_best_update(trainer *training, const trainer_epoch *epoch) {
    best_epoch *best = &training->best;
    if (!best->known || !isfinite(epoch->validation_loss) || epoch->validation_loss >= best->loss) return;
    if (epoch->iteration % training->spec.epoch_iterations != 0) {
        best->last_loss = epoch->validation_loss;
        return;
    }
    best->epoch = epoch->epoch;
    best->iteration = epoch->iteration;
    best->loss = epoch->validation_loss;
    training->backend->copy(training->backend, training->parameters, training->average, training->best_params);
}

/* The copy is omitted if it equals the model's parameters. */
status trainer_best_save(const trainer *training, checkpoint *into) {
    const best_epoch *best = &training->best;
    const uint64_t counters[] = {[COUNTER_EPOCH] = best->epoch, [COUNTER_ITERATION] = best->iteration};
    const double losses[] = {[LOSS_FULL] = best->loss, [LOSS_LAST] = best->last_loss};
    const size_t two = 2, P = training->parameters;
    if (!best->known) return STATUS_OK;
    TRY(checkpoint_put(into, COUNTERS, CHECKPOINT_U64, 1, &two, counters));
    TRY(checkpoint_put(into, LOSSES, CHECKPOINT_F64, 1, &two, losses));
    if (best->epoch == 0 || best->iteration == training->iteration) return STATUS_OK;
    return checkpoint_put(into, PARAMETERS, CHECKPOINT_REAL, 1, &P, trainer_show(training, training->best_params));
}

/* A checkpoint without a best epoch has no information about earlier epochs. */
void trainer_best_restore(trainer *training, const checkpoint *from) {
    best_epoch *best = &training->best;
    const uint64_t *counters = checkpoint_get(from, COUNTERS, CHECKPOINT_U64, 2);
    const double *losses = checkpoint_get(from, LOSSES, CHECKPOINT_F64, 2);
    const real *params = checkpoint_get(from, PARAMETERS, CHECKPOINT_REAL, training->parameters);
    if (!training->spec.keep_best) return;
    *best = (best_epoch){
        .known = training->iteration < training->spec.epoch_iterations, .loss = INFINITY, .last_loss = NAN};
    if (!counters || !losses) return;
    const bool has_copy = counters[COUNTER_EPOCH] > 0 && counters[COUNTER_ITERATION] != training->iteration;
    if (has_copy && !params) return;
    *best = (best_epoch){.known = true,
                         .epoch = counters[COUNTER_EPOCH],
                         .iteration = counters[COUNTER_ITERATION],
                         .loss = losses[LOSS_FULL],
                         /* The short epoch at the end of a training is not an epoch of a longer one. */
                         .last_loss = trainer_finished(training) ? losses[LOSS_LAST] : NAN};
    if (has_copy) trainer_set(training, params, training->best_params);
    else training->backend->copy(training->backend, training->parameters, training->average, training->best_params);
}

/* params (P) <- numbers of either width. */
static bool read_copy(const checkpoint *from, size_t P, real *params) {
    const float *narrow = checkpoint_get(from, PARAMETERS, CHECKPOINT_F32, P);
    const double *wide = checkpoint_get(from, PARAMETERS, CHECKPOINT_F64, P);
    for (size_t i = 0; i < P && (narrow || wide); i++) params[i] = narrow ? (real)narrow[i] : (real)wide[i];
    return narrow || wide;
}

status trainer_read_best(const checkpoint *from, size_t P, real *params, trainer_best *about, error_info *err) {
    const uint64_t *counters = checkpoint_get(from, COUNTERS, CHECKPOINT_U64, 2);
    const double *losses = checkpoint_get(from, LOSSES, CHECKPOINT_F64, 2);
    const uint64_t *done = checkpoint_get(from, "trainer.counters", CHECKPOINT_U64, 2);
    if (!counters || !losses || !done)
        return error_set(
            err, STATUS_INVALID,
            "the file keeps no best epoch; expected a checkpoint of a training with train.keep_best = yes");
    if (isfinite(losses[LOSS_LAST])) {
        *about = (trainer_best){.iteration = done[0], .loss = losses[LOSS_LAST]};
        return STATUS_OK;
    }
    if (counters[COUNTER_EPOCH] == 0)
        return error_set(err, STATUS_INVALID,
                         "there is no best epoch; expected one with a finite validation loss, found none");
    *about = (trainer_best){.iteration = counters[COUNTER_ITERATION], .loss = losses[LOSS_FULL]};
    if (counters[COUNTER_ITERATION] == done[0] || read_copy(from, P, params)) return STATUS_OK;
    return error_set(err, STATUS_FORMAT, "no array \"%s\" of %zu floating-point numbers", PARAMETERS, P);
}
