/* trainer_internal.h - the state of a training, and what is done with it wherever its steps are computed; and what of
 * an objective of points a device needs that does such steps. */
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
    arena memory; /* holds the trainer itself */
    size_t parameters; /* P */

    /* The state, saved and restored. */
    uint64_t iteration; /* done */
    uint64_t updates; /* of Adam: iterations less those that were skipped */
    double epoch_sum; /* of the training losses of the running epoch */
    double running; /* mean with decay 0.99 of the training loss */
    double evaluations[2 * OBJECTIVE_FLOWS_MAX]; /* of the running epoch: forward, backward, for each flow */
    real *params; /* (P), in the backend's memory, as the next three */
    real *first; /* (P), Adam's moments */
    real *second; /* (P) */
    real *average; /* (P), the moving average; params themselves where none is kept */
    best_epoch best;
    real *best_params; /* (P), in the backend's memory: the model at the end of that epoch; NULL where none is kept */

    double *scalars; /* (2), in the backend's memory: a weight, a norm */
    real *gradient; /* (P) */

    /* (P), in the program's memory: numbers on their way to or from the backend. Where that has the same memory, it is
     * the gradient, which is of no use between steps. */
    real *host;
};

/* x (P) <- numbers of the program; and x for the program to read, until the next such call. */
void trainer_set(const trainer *training, const void *from, real *x);
const real *trainer_show(const trainer *training, const real *x);

/* The best epoch's parameters. Update: an epoch has ended, with its validation loss. Restore: after all other state. */
status trainer_best_create(trainer *training);
void trainer_best_update(trainer *training, const trainer_epoch *epoch);
status trainer_best_save(const trainer *training, checkpoint *into);
void trainer_best_restore(trainer *training, const checkpoint *from);

/* Of the running mean of the loss. */
static const double trainer_running_decay = 0.99;

/* Adam's learning rate at an iteration, from 1. */
double trainer_learning_rate(const trainer *training, uint64_t iteration);

/* Count the next iteration: its outcome, its loss, what it cost. The parameters have moved already, if they could. */
void trainer_count(trainer *training, status outcome, double loss, const objective_counts *counts);

/* Whether the iteration just counted is the last of an epoch. */
bool trainer_ends_epoch(const trainer *training);

/* What the epoch gave but the losses of the holdout batches; the next one begins, unless the training ended within it:
 * then its sums stay for a longer training that begins there. */
void trainer_end_epoch(trainer *training, const objective_counts *last, trainer_epoch *epoch);

/* --- The objective --- */

const objective_spec *objective_specification(const objective *self);

/* x (count, B, D) <- the batches of so many iterations from `iteration` on. May be called by several threads. */
void objective_batches(const objective *self, uint64_t iteration, size_t count, real *x);

/* (validation or test, D), valid as long as it; and the mean loss of n points or images from their log densities. */
const real *objective_held_points(const objective *self, holdout_split which);
status objective_mean(const objective *self, size_t n, double log_density_sum, double *loss);

/* What a step on a grid costs, or a solve that is not reversed. */
void objective_count(const objective *self, bool backward, objective_counts *counts);

#endif
