/* part.h - repeat a part of a training from a checkpoint, and compare. */
#ifndef AFFJORD_RUNNER_PART_H
#define AFFJORD_RUNNER_PART_H

#include <stdio.h>

#include "compare/baseline.h"

typedef struct part_request {
    const char *database, *run;
    const char *from; /* a checkpoint of the run; NULL: the one that the database names */
    uint64_t iterations; /* at most */
    size_t threads;
    const baseline *recorded; /* values of such a part; NULL: none */
    baseline *record; /* the values are appended; NULL: only compared */
    bool all; /* write every value that differs, not only the first one */
} part_request;

/* Repeat iterations k + 1 .. k + N of a run, k that of the checkpoint, on the CPU, and compare to the bit:
 *
 *   - the loss of each iteration, and the norm of the parameters at the end, with `recorded`;
 *   - the losses of the epochs that end there with those in the database;
 *   - parameters and Adam's moments with the run's checkpoint in the database, if it is of one of these iterations.
 *
 * *same <- whether all agree. Errors: STATUS_INVALID if there is nothing to compare with, or the run cannot be computed
 * here; STATUS_FORMAT for another run's checkpoint, or one without the optimizer's state; those of the database. */
status part_repeat(const part_request *request, FILE *stream, bool *same, error_info *err);

#endif
