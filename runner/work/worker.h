/* worker.h - one training, in a separate process, or many on a device. */
#ifndef AFFJORD_RUNNER_WORKER_H
#define AFFJORD_RUNNER_WORKER_H

#include <sys/types.h>

#include "plan/plan.h"
#include "record/results_db.h"

typedef struct worker_task {
    const plan_run *run;
    settings *values; /* of the run */
    const char *database; /* checkpoints lie beside it */
    const db_run *from; /* names the checkpoint to resume from, if there is one */
    size_t threads;
    uint64_t target_cells, target_samples; /* cells of the data's own picture to send; 0: none */
    pid_t parent; /* the worker ends when this process does */
    int output; /* messages go here */
    bool on_device; /* train images on this device of the library; NULL: on the processor */
    int device;
} worker_task;

/* Train points or images on the processor, or images on a device, until the training is finished, fails, or SIGTERM
 * stops it, which writes a checkpoint after the current step. Messages go to `output`; the last one is MESSAGE_DONE,
 * MESSAGE_FAILED or MESSAGE_INTERRUPTED. Call it in a child process, which then ends with the returned exit status. */
int worker_run(const worker_task *task);

/* The same for `count` trainings of points side by side on a device of the library. Each has its own messages and
 * end; the function closes its output then. All have the same parent and threads. */
int worker_run_many(const worker_task *tasks, size_t count, int device);

#endif
