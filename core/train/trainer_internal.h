/* trainer_internal.h - the state of a training, independent of where its steps are computed; and the parts of an
 * objective of points that a device needs. */
#ifndef AFFJORD_TRAIN_TRAINER_INTERNAL_H
#define AFFJORD_TRAIN_TRAINER_INTERNAL_H

#include "backend/backend.h"
#include "base/arena.h"
#include "train/trainer.h"

/* The epoch with the least validation loss so far (trainer_best.c). */
typedef struct best_epoch {
    bool known; /* the epochs of the whole training were compared */
    uint64_t epoch, iteration; /* of the best epoch of full length; 0: none yet */
    double loss; /* its loss; INFINITY for none */
    double last_loss; /* of a shorter last epoch that is better than that one; else NAN */
} best_epoch;

struct trainer {
    trainer_spec spec;
    objective *objective;
    const backend_ops *backend;
    arena memory; /* owns the trainer itself */
    size_t parameters; /* P */

    /* The saved and restored state. */
    uint64_t iteration; /* done */
    uint64_t updates; /* of Adam: iterations without the skipped ones */
    double epoch_sum; /* of the training losses in the current epoch */
    double running; /* mean with decay 0.99 of the training loss */
    double evaluations[2 * OBJECTIVE_FLOWS_MAX]; /* in the current epoch: forward, backward, for each flow */
    real *params; /* (P), in the backend's memory, as are the next three */
    real *first; /* (P), Adam's moments */
    real *second; /* (P) */
    real *average; /* (P), the moving average; equal to params if there is none */
    best_epoch best;
    real *best_params; /* (P), in the backend's memory: the model at the end of that epoch; NULL where none is kept */

    double *scalars; /* (2), in the backend's memory: a weight, a norm */
    real *gradient; /* (P) */

    /* (P), in host memory: a buffer for copies to and from the backend. If the backend's memory is the host's, it is
     * the gradient, which is unused between steps. */
    real *host;
};

/* x (P) <- numbers in host memory; return x readable by the host, until the next such call. */
void trainer_set(const trainer *training, const void *from, real *x);
const real *trainer_show(const trainer *training, const real *x);

/* The best epoch's parameters. Update: an epoch has ended, with its validation loss. Restore: after all other state. */
status trainer_best_create(trainer *training);
void trainer_best_update(trainer *training, const trainer_epoch *epoch);
status trainer_best_save(const trainer *training, checkpoint *into);
void trainer_best_restore(trainer *training, const checkpoint *from);

/* Decay of the running mean of the loss. */
static const double trainer_running_decay = 0.99;

/* Return Adam's learning rate at an iteration, from 1. */
double trainer_learning_rate(const trainer *training, uint64_t iteration);

/* Count the next iteration: its status, loss and cost. The parameters have been updated already, if possible. */
void trainer_count(trainer *training, status outcome, double loss, const objective_counts *counts);

/* Return whether the iteration just counted ends an epoch. */
bool trainer_ends_epoch(const trainer *training);

/* *epoch <- the results of the epoch, without the losses of the held-out batches. Start the next epoch, unless the
 * training ended within this one; then its sums remain for a longer training that continues it. */
void trainer_end_epoch(trainer *training, const objective_counts *last, trainer_epoch *epoch);

/* --- The objective --- */

const objective_spec *objective_specification(const objective *self);

/* x (count, B, D) <- the batches of `count` iterations from `iteration` on. Thread-safe. */
void objective_batches(const objective *self, uint64_t iteration, size_t count, real *x);

/* Return the validation or test batch, (its size, D), valid as long as the objective; the mean loss of n points or
 * images from their log densities. */
const real *objective_held_points(const objective *self, holdout_split which);
status objective_mean(const objective *self, size_t n, double log_density_sum, double *loss);

/* *counts <- the cost of a step with fixed steps, or of a forward solve. */
void objective_count(const objective *self, bool backward, objective_counts *counts);

#endif
