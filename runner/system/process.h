/* process.h - another program, run to its end, never through a shell. */
#ifndef AFFJORD_RUNNER_PROCESS_H
#define AFFJORD_RUNNER_PROCESS_H

#include "base/status.h"

/* Run `words` (ended by NULL; the first is searched on the PATH) with `input` on standard input (NULL: empty).
 * *output, which the caller frees, <- its standard output. Errors, with its standard error: STATUS_IO if it cannot
 * be started or exits with another status than 0. */
status process_run(const char *const *words, const char *input, char **output, error_info *err);

#endif
