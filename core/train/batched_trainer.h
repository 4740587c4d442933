/* batched_trainer.h - many trainings side by side on a device.
 *
 * The runs of a batched trainer are trainers of points with one specification: the same model and settings, with any
 * seeds and data. A launch does the next iterations of all of them. Then each run returns the results of its iterations
 * one by one, as trainer_step does, with the same bits. Only after the last of them are a run's parameters those of the
 * last returned iteration. */
#ifndef AFFJORD_TRAIN_BATCHED_TRAINER_H
#define AFFJORD_TRAIN_BATCHED_TRAINER_H

#include "backend/device_table.h"
#include "base/parallel.h"
#include "train/trainer.h"

typedef struct batched_trainer batched_trainer;

/* *out <- a trainer's specification for a device. Errors: STATUS_INVALID with the reason, if a device cannot train
 * it. */
status batched_trainer_spec(const trainer *training, fused_kernel_spec *out, error_info *err);

/* Return whether two specifications are equal, so that their trainers can run together. */
bool batched_trainer_same_spec(const fused_kernel_spec *a, const fused_kernel_spec *b);

/* Return the bytes of device memory of one such run. */
size_t batched_trainer_run_bytes(const device_table *table, const fused_kernel_spec *kernel, const trainer *training);

/* Create a batched trainer. The caller keeps the trainers `runs` (count, at least one), which must outlive it.
 * `workers` (may be NULL) draw batches. The caller owns *out. Errors: STATUS_MEMORY, of the device too, STATUS_INVALID,
 * STATUS_IO. */
status batched_trainer_create(const device_table *table, int device, trainer *const *runs, size_t count,
                              parallel *workers, batched_trainer **out, error_info *err);
void batched_trainer_destroy(batched_trainer **self);

/* Stop this run: later launches skip it. */
void batched_trainer_leave(batched_trainer *self, size_t run);

/* Begin the next launch, and draw the batches of the one after it meanwhile; does nothing if all runs have stopped.
 * batched_trainer_end waits for it. Errors: those of the device. */
status batched_trainer_begin(batched_trainer *self, error_info *err);
status batched_trainer_end(batched_trainer *self, error_info *err);

/* Return the run's next iteration of the launch: true with the results of trainer_step; false if no iteration is
 * left. */
bool batched_trainer_next(batched_trainer *self, size_t run, status *outcome, double *loss, bool *epoch_done,
                          trainer_epoch *epoch);

#endif
