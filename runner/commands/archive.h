/* archive.h - ./run export --archive: a compact copy of a database. */
#ifndef AFFJORD_RUNNER_ARCHIVE_H
#define AFFJORD_RUNNER_ARCHIVE_H

#include <stdbool.h>

#include "base/status.h"

typedef struct archive_request {
    const char *file, *database;
    bool with_parameters; /* the models' parameters beside it */
    bool unfinished; /* unfinished runs too, with their states beside it, from which a training continues */
    bool force;
} archive_request;

/* Write the archive and print a summary. Errors: STATUS_INVALID for a file that must not be replaced; STATUS_IO,
 * STATUS_FORMAT, STATUS_MEMORY. */
status archive_write(const archive_request *request, error_info *err);

#endif
