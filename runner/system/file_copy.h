/* file_copy.h - give a file a second name, atomically. */
#ifndef AFFJORD_RUNNER_FILE_COPY_H
#define AFFJORD_RUNNER_FILE_COPY_H

#include <stdbool.h>

#include "base/status.h"

/* Make `to` the same file as `from`, replacing an existing `to`: a link on the same disk, else a copy, synced. It is
 * written under a temporary name first, so readers see the old file or the complete new one. The file must never be
 * written in place; checkpoints are not. *found <- whether `from` exists. Errors: STATUS_IO naming both. */
status file_take(const char *from, const char *to, bool *found, error_info *err);

/* Replace a file by a copy that the current user owns. Errors: STATUS_IO naming it. */
status file_copy_over(const char *path, error_info *err);

/* Append the rest of one open file to another. Return false with errno set on failure. */
bool file_copy_bytes(int input, int output);

#endif
