/* replay.h - ./run eval --replay: repeats a failed iteration of an image training. */
#ifndef AFFJORD_RUNNER_REPLAY_H
#define AFFJORD_RUNNER_REPLAY_H

#include "system/arguments.h"

/* Repeat the iteration that a training saved in `path`, with the settings of `set` ("solver.key=value") on top, and
 * print the solves of every flow. Errors: STATUS_INVALID for a setting; STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status replay_run(const char *path, const argument_texts *set, size_t threads, error_info *err);

#endif
