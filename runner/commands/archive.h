/* archive.h - ./run export --archive: a compact copy of a database. */
#ifndef AFFJORD_RUNNER_ARCHIVE_H
#define AFFJORD_RUNNER_ARCHIVE_H

#include <stdbool.h>

#include "base/status.h"

/* Write the archive of `database` to `file`, with its models' parameters beside it if requested, and print a summary.
 * Errors: STATUS_INVALID for a file that must not be replaced; STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status archive_write(const char *file, const char *database, bool with_parameters, bool force, error_info *err);

#endif
