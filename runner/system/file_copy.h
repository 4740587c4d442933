/* file_copy.h - a file under a second name, whole or not at all. */
#ifndef AFFJORD_RUNNER_FILE_COPY_H
#define AFFJORD_RUNNER_FILE_COPY_H

#include <stdbool.h>

#include "base/status.h"

/* Make `to` the file `from`, replacing what has that name: as a second link where both lie on one disk, else as a copy,
 * synced. It is written under a temporary name first, so readers see the old file or the complete new one. The file
 * must never be written in place, as checkpoints are not. *found <- whether `from` is there. Errors: STATUS_IO naming
 * both. */
status file_take(const char *from, const char *to, bool *found, error_info *err);

/* Replace a file by a copy that the current user owns. Errors: STATUS_IO naming it. */
status file_copy_over(const char *path, error_info *err);

/* Copy what is left of one open file to the end of what was written to another. False with errno set if that failed. */
bool file_copy_bytes(int input, int output);

#endif
