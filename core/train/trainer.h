/* trainer.h - minimising an objective with Adam.
 *
 * One iteration: loss and gradient of its batch, a step of Adam. An "epoch" is
 * a stated number of iterations; at its end the validation loss is taken, and
 * the test loss where there is a test batch. All randomness is keyed by (seed,
 * iteration), so a trainer restored from a checkpoint goes on with the same bits. */
#ifndef AFFJORD_TRAIN_TRAINER_H
#define AFFJORD_TRAIN_TRAINER_H

#include <stdbool.h>

#include "base/export.h"
#include "train/checkpoint.h"
#include "train/objective.h"

AFFJORD_API_BEGIN

/* The operations of a device (backend/cpu/cpu.h). */
typedef struct backend_ops backend_ops;

/* How the learning rate goes on after the warm-up: constant, or along half a cosine to 0 at the last iteration. */
typedef enum trainer_decay { DECAY_NONE, DECAY_COSINE } trainer_decay;

/* What defines a training. */
typedef struct trainer_spec {
    uint64_t iterations; /* at most */
    uint64_t epoch_iterations; /* iterations an epoch */
    double learning_rate; /* of Adam */
    uint64_t warmup; /* iterations over which the learning rate rises linearly to its value; 0 for none */
    trainer_decay decay; /* of the learning rate */
    double clip_norm; /* a gradient g with |g| above it becomes g clip_norm / |g|; 0: none does */
    double average; /* decay of the moving average of the parameters, which is the model then; 0: none is kept */
    bool keep_best; /* keep the parameters of the epoch with the least validation loss too: P more numbers */
    double stop_loss; /* stop once the running mean (0.99) of the training loss is below; -INFINITY: never */
    const backend_ops *backend; /* the objective's; NULL for the best of this processor */
} trainer_spec;

/* What one epoch gave, in the objective's unit. */
typedef struct trainer_epoch {
    uint64_t epoch; /* from 1 */
    uint64_t iteration; /* iterations done at its end */
    double training_loss; /* mean over the epoch's iterations */
    double running_loss; /* running mean (0.99) of the training loss, at the epoch's end */
    double validation_loss; /* at its end */
    status validation; /* its outcome */
    bool tested; /* there is a test batch; */
    double test_loss; /* its loss, */
    status test; /* and outcome */
    uint64_t skipped; /* iterations of the whole training so far whose loss or gradient could not be had */
    objective_counts training_counts; /* mean over the epoch's iterations, of each flow */
    objective_counts validation_counts, test_counts; /* of these losses */
} trainer_epoch;

/* Evaluations of all flows together. */
double trainer_forward_evaluations(const objective_counts *counts);
/* The same of the reverse. */
double trainer_backward_evaluations(const objective_counts *counts);

/* A training. One thread at a time may use it; trainer_step is a whole solve and its reverse, at the end of an epoch
 * also those of the validation and test batches. */
typedef struct trainer trainer;

/* The trainer takes the objective over, also if it fails: *obj is NULL then. The caller owns *out. Errors:
 * STATUS_INVALID with the reason, STATUS_MEMORY. */
status trainer_create(const trainer_spec *spec, objective **obj, trainer **out, error_info *err);
/* Free the trainer with its objective and set *training to NULL; *training may be NULL. */
void trainer_destroy(trainer **training);

/* Do one iteration; loss (may be NULL) gets its training loss. If it completed
 * an epoch, *epoch_done is true and *epoch is filled. A loss or gradient that is
 * not finite or cannot be computed leaves the parameters as they were, is counted
 * in the epoch's mean as it is, and its positive status is returned. */
status trainer_step(trainer *training, double *loss, bool *epoch_done, trainer_epoch *epoch);

/* True when `iterations` are done or the running mean is below stop_loss. */
bool trainer_finished(const trainer *training);

/* Return the iterations done. */
uint64_t trainer_iteration(const trainer *training);

/* The model's parameters (P): those that Adam moves, or their moving average p' where spec.average = a > 0, which is
 *
 *   p'_t = b p'_(t-1) + (1 - b) p_t,    b = min(a, t / (t + 9)),    t = 1, 2, ... the updates of Adam.
 *
 * Losses of the validation and test batches are theirs. Valid until the next call on the trainer. */
const real *trainer_parameters(const trainer *training);

/* Return the objective, which the trainer owns. */
objective *trainer_objective(trainer *training);

/* Bytes that it can come to hold, the objective included. */
size_t trainer_bytes(const trainer *training);

/* In a checkpoint of a training whose model is an average: the parameters (P) that Adam moves. */
#define TRAINER_PARAMETERS "trainer.parameters"

/* All state that the next step needs, as named arrays; see checkpoint.h. */
status trainer_save(const trainer *training, checkpoint *into);
/* The opposite. STATUS_FORMAT if an array is missing or has another shape. A training that the state ends may go on if
 * this one has more iterations: it ends with the bits of one that had them from the start, if no learning rate depends
 * on their number (spec.decay). */
status trainer_restore(trainer *training, const checkpoint *from, error_info *err);

/* The epoch with the least finite validation loss, the first of equals. */
typedef struct trainer_best {
    uint64_t iteration; /* done at its end */
    double loss; /* of the validation batch */
} trainer_best;

/* params (P) <- the model at the end of the best epoch, from a checkpoint of a training with keep_best; nothing where
 * it is the checkpoint's own model. Errors: STATUS_INVALID where none is kept, STATUS_FORMAT. */
status trainer_read_best(const checkpoint *from, size_t P, real *params, trainer_best *about, error_info *err);

AFFJORD_API_END

#endif
