/* worker_internal.h - what the files of a worker share. */
#ifndef AFFJORD_RUNNER_WORKER_INTERNAL_H
#define AFFJORD_RUNNER_WORKER_INTERNAL_H

#include <stdbool.h>

#include "backend/device_table.h"
#include "settings/source.h"
#include "train/trainer.h"
#include "work/message.h"
#include "work/worker.h"

typedef struct worker {
    const worker_task *task;
    source data;
    parallel *threads; /* its own, or those of all trainings of the process */
    bool shares_threads;
    trainer *training;
    const device_table *library; /* where images are trained on a device: the library, */
    const backend_ops *device; /* and the device, its own; else NULL */
    char *plans; /* how its convolutions are computed on a device, as far as is known; NULL for nothing */
    bool graphs_told; /* that the device doesn't repeat steps by itself */
    uint64_t saved; /* iteration of the last checkpoint; 0 for none */
    uint64_t base_bytes; /* bytes, before the model was made */
    double epoch_start, last_progress; /* seconds */
    message_writer writer;
    uint64_t skipped; /* iterations in a row that failed */
    unsigned failures_kept; /* batches of this session */
    bool stop; /* asked to */
    bool cut; /* a message may have gone out in part: what came behind it would be taken for the rest of it */
} worker;

/* The process of workers: what ends it, and what it leaves to its parent. False if the parent is gone already. */
bool worker_become_child(pid_t parent);

/* The parts of a training's life, in their order. Open: create it, resume from its checkpoint, report it. Took: an
 * iteration is done, and *epoch filled where it ended one. Finish: leave a checkpoint and, if it was not asked to stop,
 * what the trained model gives; the last message. Close: free it all, after telling a failure, where `outcome` is
 * one. */
status worker_open(worker *self, error_info *err);
status worker_on_step(worker *self, status outcome, double loss, bool epoch_done, const trainer_epoch *epoch,
                      error_info *err);
status worker_finish(worker *self, error_info *err);
void worker_close(worker *self, status outcome, error_info *err);

/* Asked between parts of the work, with the worker as argument. */
bool worker_asked_to_stop(void *self);

/* Tell the process that records. Errors: STATUS_IO if nobody listens. */
status worker_send(worker *self, message one, const void *bytes, error_info *err);
status worker_send_metric(worker *self, const char *name, double value, error_info *err);

/* Tell the user. */
status worker_say(worker *self, const char *text, error_info *err);

/* The plans of a device's convolutions (worker_plans.c). Recall: those of the checkpoint that the training goes on
 * from, before it is made. Tell: those that it has now, and where they are others. Keep: put them into a checkpoint. */
status worker_recall_plans(worker *self, const checkpoint *from, error_info *err);
status worker_tell_plans(worker *self, error_info *err);
status worker_keep_plans(const worker *self, checkpoint *into);

/* Whether all is well with the device, where there is one: operations return no status, so what it computed counts only
 * if none has failed. */
status worker_check_device(const worker *self, error_info *err);

/* `err` <- that there was no room for a model on the device, where there is one, or beside it. Always STATUS_MEMORY, if
 * the device can still be asked. */
status worker_explain_memory(const worker *self, error_info *err);

/* *bytes <- what making samples takes at the end, with the training still there. */
status worker_sampling_bytes(worker *self, uint64_t *bytes, error_info *err);

/* Pictures of the data itself, where they are wanted; then those of a finished training. */
status worker_send_target(worker *self, error_info *err);
status worker_send_outputs(worker *self, error_info *err);

/* The final loss of points, measured again (measure.h). */
status worker_send_measurements(worker *self, error_info *err);

/* A flow of points in the plane at the moments of output.snapshots. */
status worker_send_moments(worker *self, cnf *flow, error_info *err);

/* The items of experiment.theory on the trained field. */
status worker_send_theory(worker *self, error_info *err);

#endif
