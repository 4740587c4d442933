/* worker_internal.h - the structure of a worker, for the files that implement it. */
#ifndef AFFJORD_RUNNER_WORKER_INTERNAL_H
#define AFFJORD_RUNNER_WORKER_INTERNAL_H

#include <stdbool.h>

#include "backend/device_table.h"
#include "settings/source.h"
#include "train/trainer.h"
#include "work/measure.h"
#include "work/message.h"
#include "work/worker.h"

typedef struct worker {
    const worker_task *task;
    source data;
    parallel *threads; /* its own, or that of all trainings of the process */
    bool shares_threads;
    trainer *training;
    const device_table *library; /* for images on a device: the library */
    measure_target target; /* of a finished training on points */
    const backend_ops *device; /* and the worker's own device; else NULL */
    char *plans; /* how a device computes its convolutions; NULL if unknown */
    bool graphs_reported; /* whether the message that the device does not repeat steps was sent */
    uint64_t saved; /* iteration of the last checkpoint; 0 for none */
    uint64_t base_bytes; /* bytes of the process before the model was created */
    double epoch_start, last_progress; /* seconds */
    message_writer writer;
    uint64_t skipped; /* consecutive failed iterations */
    uint64_t impossible; /* consecutive iterations with an impossible loss, in this session */
    unsigned failures_kept; /* batches saved in this session */
    bool stop; /* a stop was requested */
    bool cut; /* a message may have been sent in part; bytes after it would be read as its rest */
} worker;

/* Prepare a worker process: its signals, and its end with its parent. Return false if the parent has already ended. */
bool worker_become_child(pid_t parent);

/* The parts of a training, in order. Open: create it, resume from its checkpoint, report it. Took: after an
 * iteration; *epoch is filled if it ended one. Finish: write a checkpoint and, unless stopped, the trained model's
 * outputs; send the last message. Close: report a failure, if `outcome` is one, and free everything. */
status worker_open(worker *self, error_info *err);
status worker_on_step(worker *self, status outcome, double loss, bool epoch_done, const trainer_epoch *epoch,
                      error_info *err);
status worker_finish(worker *self, error_info *err);
void worker_close(worker *self, status outcome, error_info *err);

/* Return whether to stop; called between parts of the work, with the worker as argument. */
bool worker_stop_requested(void *self);

/* Send a message to the recording process. Errors: STATUS_IO if it is gone. */
status worker_send(worker *self, message one, const void *bytes, error_info *err);
status worker_send_metric(worker *self, const char *name, double value, error_info *err);

/* Print a message for the user. */
status worker_send_note(worker *self, const char *text, error_info *err);

/* The plans of a device's convolutions (worker_plans.c). Recall: read those of the checkpoint before the training is
 * created. Tell: send the current ones, and a note if they differ. Keep: add them to a checkpoint. */
status worker_recall_plans(worker *self, const checkpoint *from, error_info *err);
status worker_send_plans(worker *self, error_info *err);
status worker_keep_plans(const worker *self, checkpoint *into);

/* Return the device's first error, if there is a device. Operations return no status, so results count only if none
 * has failed. */
status worker_check_device(const worker *self, error_info *err);

/* `err` <- that memory for a model ran out, on the device or on the host. Return STATUS_MEMORY, or the device's own
 * error. */
status worker_explain_memory(const worker *self, error_info *err);

/* *bytes <- the memory for making samples at the end, while the training exists. */
status worker_sampling_bytes(worker *self, uint64_t *bytes, error_info *err);

/* Send the data's own pictures, if requested; then those of a finished training. */
status worker_send_target(worker *self, error_info *err);
status worker_send_outputs(worker *self, error_info *err);

/* Measure the final loss of points (measure.h) and send it. */
status worker_send_measurements(worker *self, error_info *err);

/* Send the snapshots of a flow of points in the plane (output.snapshots). */
status worker_send_moments(worker *self, cnf *flow, error_info *err);

/* Compute the items of experiment.theory on the trained field, and send them. */
status worker_send_theory(worker *self, error_info *err);

#endif
