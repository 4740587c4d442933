/* trainer.h - maximum-likelihood training of a flow on a data set.
 *
 * One iteration: a fresh batch, loss and gradient (eq. 18), Adam. An "epoch"
 * is a stated number of iterations; at its end the loss on a fixed validation
 * batch is taken. All randomness is keyed by (seed, iteration), so a trainer
 * restored from a checkpoint goes on with the same bits. */
#ifndef AFFJORD_TRAIN_TRAINER_H
#define AFFJORD_TRAIN_TRAINER_H

#include "data/dataset.h"
#include "flow/cnf.h"
#include "train/checkpoint.h"

typedef struct trainer_spec {
    cnf_spec flow;
    uint64_t seed;
    size_t batch; /* B, points an iteration */
    uint64_t iterations; /* at most */
    uint64_t epoch_iterations; /* iterations an epoch */
    size_t validation; /* points of the validation batch */
    double learning_rate; /* of Adam */
    double stop_loss; /* stop once the running mean (0.99) of the training loss is below; -INFINITY: never */
} trainer_spec;

/* What one epoch gave. Losses are mean negative log-likelihoods in nats. */
typedef struct trainer_epoch {
    uint64_t epoch; /* from 1 */
    uint64_t iteration; /* iterations done at its end */
    double training_loss; /* mean over the epoch's iterations */
    double validation_loss; /* at its end */
    uint64_t training_evaluations_forward; /* of the field for each sample and iteration */
    uint64_t training_evaluations_backward;
    uint64_t validation_evaluations;
} trainer_epoch;

typedef struct trainer trainer;

/* `data` and `workers` are shared and must outlive the trainer; the caller
 * owns *out. Errors: STATUS_INVALID with the reason, STATUS_MEMORY. */
status trainer_create(const trainer_spec *spec, const dataset *data, parallel *workers, trainer **out, failure *why);
void trainer_destroy(trainer **training);

/* Do one iteration; loss (may be NULL) gets its training loss. If it completed
 * an epoch, *epoch_done is true and *epoch is filled. A non-finite loss or
 * gradient leaves the parameters as they were, is counted in the epoch's mean
 * as it is, and returns STATUS_NON_FINITE. */
status trainer_step(trainer *training, double *loss, bool *epoch_done, trainer_epoch *epoch);

/* True when `iterations` are done or the running mean is below stop_loss. */
bool trainer_finished(const trainer *training);

uint64_t trainer_iteration(const trainer *training);
const real *trainer_parameters(const trainer *training); /* (P), valid as long as the trainer */
cnf *trainer_flow(trainer *training);

/* All state that the next step needs, as named arrays; see checkpoint.h. */
status trainer_save(const trainer *training, checkpoint *into);
/* The opposite. STATUS_FORMAT if an array is missing or has another shape. */
status trainer_restore(trainer *training, const checkpoint *from, failure *why);

#endif
