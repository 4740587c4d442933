/* worker.h - one training, in a process of its own, or many on a device. */
#ifndef AFFJORD_RUNNER_WORKER_H
#define AFFJORD_RUNNER_WORKER_H

#include <sys/types.h>

#include "plan/plan.h"
#include "record/results_db.h"

typedef struct worker_task {
    const plan_run *run;
    const char *database; /* checkpoints lie beside it */
    const db_run *from; /* has the checkpoint to resume from, if there is one */
    size_t threads;
    uint64_t target_cells, target_samples; /* of the data itself, to be sent too; 0: not wanted */
    pid_t parent; /* without which it ends */
    int output; /* messages go here */
    bool on_device; /* images are trained on that device of the library, not on the processor */
    int device;
} worker_task;

/* Train, on the processor or images on a device, sending messages, until the training is finished, fails, or SIGTERM
 * asks to stop, which leaves a checkpoint after the step under way. The last
 * message is MESSAGE_DONE, MESSAGE_FAILED or MESSAGE_INTERRUPTED. To be called in
 * a child process, which then ends with the returned exit status. */
int worker_run(const worker_task *task);

/* The same for `count` trainings of points side by side on a device of the library, each with its own messages and its
 * own end, whose output is closed then. All have the same parent and threads. */
int worker_run_many(const worker_task *tasks, size_t count, int device);

#endif
