/* fleet.h - trainings whose iterations a device does, many side by side.
 *
 * The members of a fleet are trainers of points of one program: the same model and settings, whatever their seeds and
 * data. A launch does the next iterations of all of them; then each hands out what its iterations gave, one by one, as
 * trainer_step does, with the same bits. A member's parameters are those after its last iteration that was handed out
 * only when all of the launch's have been. */
#ifndef AFFJORD_TRAIN_FLEET_H
#define AFFJORD_TRAIN_FLEET_H

#include "backend/device_table.h"
#include "base/parallel.h"
#include "train/trainer.h"

typedef struct fleet fleet;

/* What a trainer would be on a device. Errors: STATUS_INVALID for one that cannot be trained there, with the reason. */
status fleet_program(const trainer *training, toy_program *out, failure *why);

/* Whether two that fleet_program made are the same, so that their trainers can be in one fleet. */
bool fleet_same_program(const toy_program *a, const toy_program *b);

/* Bytes on the device that one such member takes. */
size_t fleet_member_bytes(const device_table *table, const toy_program *program, const trainer *training);

/* The members (count, at least one) stay the caller's and must outlive it; `workers`, which may be NULL, draw batches.
 * The caller owns *out. Errors: STATUS_MEMORY, of the device too, STATUS_INVALID, STATUS_IO. */
status fleet_create(const device_table *table, int device, trainer *const *members, size_t count, parallel *workers,
                    fleet **out, failure *why);
void fleet_destroy(fleet **self);

/* No more iterations of this member. */
void fleet_leave(fleet *self, size_t member);

/* Begin the next launch, and draw the batches of the one after it meanwhile; does nothing if no member is to be
 * trained. fleet_end waits for it. Errors: those of the device. */
status fleet_begin(fleet *self, failure *why);
status fleet_end(fleet *self, failure *why);

/* The member's next iteration of the launch: true and what trainer_step would give, or false if there is none left. */
bool fleet_next(fleet *self, size_t member, status *outcome, double *loss, bool *epoch_done, trainer_epoch *epoch);

#endif
