/* trainer.h - minimise an objective with Adam.
 *
 * An iteration computes loss and gradient of its batch and does a step of Adam. An "epoch" is a stated number of
 * iterations; at its end the trainer computes the validation loss, and the test loss if there is a test batch. All
 * randomness is keyed by (seed, iteration), so a trainer restored from a checkpoint continues with the same bits. */
#ifndef AFFJORD_TRAIN_TRAINER_H
#define AFFJORD_TRAIN_TRAINER_H

#include <stdbool.h>

#include "base/export.h"
#include "train/checkpoint.h"
#include "train/objective.h"

AFFJORD_API_BEGIN

/* The operations of a device (backend/cpu/cpu.h). */
typedef struct backend_ops backend_ops;

/* The learning rate after the warm-up: constant, or half a cosine to 0 at the last iteration. */
typedef enum trainer_decay { DECAY_NONE, DECAY_COSINE } trainer_decay;

/* The definition of a training. */
typedef struct trainer_spec {
    uint64_t iterations; /* at most */
    uint64_t epoch_iterations; /* iterations per epoch */
    double learning_rate; /* of Adam */
    uint64_t warmup; /* iterations in which the learning rate rises linearly to its value; 0: none */
    trainer_decay decay; /* of the learning rate */
    double clip_norm; /* a gradient g with |g| > clip_norm becomes g clip_norm / |g|; 0: no clipping */
    double average; /* decay of the moving average of the parameters, which is then the model; 0: no average */
    bool keep_best; /* store the parameters of the epoch with the least validation loss: P more numbers */
    double stop_loss; /* end when the running mean (0.99) of the training loss is below; -INFINITY: never */
    const backend_ops *backend; /* the objective's; NULL: the best of this processor */
} trainer_spec;

/* The results of an epoch, in the objective's unit. */
typedef struct trainer_epoch {
    uint64_t epoch; /* from 1 */
    uint64_t iteration; /* iterations done at its end */
    double training_loss; /* mean over the epoch's iterations */
    double running_loss; /* running mean (0.99) of the training loss, at the epoch's end */
    double validation_loss; /* at its end */
    status validation; /* its outcome */
    bool tested; /* whether there is a test batch */
    double test_loss; /* its loss */
    status test; /* its outcome */
    uint64_t skipped; /* iterations of the training so far without a finite loss and gradient */
    objective_counts training_counts; /* mean over the epoch's iterations, of each flow */
    objective_counts validation_counts, test_counts; /* of these losses */
} trainer_epoch;

/* Return the forward evaluations of all flows. */
double trainer_forward_evaluations(const objective_counts *counts);
/* Return the backward evaluations of all flows. */
double trainer_backward_evaluations(const objective_counts *counts);

/* A training. One thread at a time may use it. trainer_step is a whole solve and its backward pass, at the end of an
 * epoch also the solves of the validation and test batches. The others are cheap; trainer_save and trainer_restore
 * copy the state. */
typedef struct trainer trainer;

/* Create a trainer. It owns the objective from now on, also on failure, and sets *obj to NULL. The caller owns *out.
 * Errors: STATUS_INVALID with the reason, STATUS_MEMORY. */
status trainer_create(const trainer_spec *spec, objective **obj, trainer **out, error_info *err);
/* Free the trainer with its objective and set *training to NULL; *training may be NULL. */
void trainer_destroy(trainer **training);

/* Do one iteration. *loss (may be NULL) <- its training loss. At the end of an epoch, *epoch_done <- true and *epoch
 * is filled. A loss or gradient that is not finite, or a failed solve, leaves the parameters unchanged, contributes
 * its loss to the epoch's mean, and returns its positive status. */
status trainer_step(trainer *training, double *loss, bool *epoch_done, trainer_epoch *epoch);

/* Return whether `iterations` are done or the running mean is below stop_loss. */
bool trainer_finished(const trainer *training);

/* Return the iterations done. */
uint64_t trainer_iteration(const trainer *training);

/* Return the model's parameters (P): those that Adam moves, or their moving average p' if spec.average = a > 0:
 *
 *   p'_t = b p'_(t-1) + (1 - b) p_t,    b = min(a, t / (t + 9)),    t = 1, 2, ... the updates of Adam.
 *
 * Validation and test losses are theirs. Valid until the next call on the trainer. */
const real *trainer_parameters(const trainer *training);

/* Return the objective, which the trainer owns. */
objective *trainer_objective(trainer *training);

/* Return an upper bound of the memory in bytes, including the objective. */
size_t trainer_bytes(const trainer *training);

/* The parameters (P) that Adam moves, in a checkpoint whose model is an average. */
#define TRAINER_PARAMETERS "trainer.parameters"

/* Add all state that the next step needs to a checkpoint, as named arrays. Errors: STATUS_MEMORY. */
status trainer_save(const trainer *training, checkpoint *into);
/* Restore such state. If `from` is the end of a training with fewer iterations, the training continues; it ends with
 * the same bits as one that had more from the start, unless the learning rate depends on their number (spec.decay).
 * Errors: STATUS_FORMAT if an array is missing or has another shape. */
status trainer_restore(trainer *training, const checkpoint *from, error_info *err);

/* The epoch with the least finite validation loss, the first of equals. */
typedef struct trainer_best {
    uint64_t iteration; /* done at its end */
    double loss; /* of the validation batch */
} trainer_best;

/* params (P) <- the model at the end of the best epoch, from a checkpoint of a training with keep_best; unchanged if
 * it is the checkpoint's own model. Errors: STATUS_INVALID if the checkpoint has none, STATUS_FORMAT. */
status trainer_read_best(const checkpoint *from, size_t P, real *params, trainer_best *about, error_info *err);

AFFJORD_API_END

#endif
