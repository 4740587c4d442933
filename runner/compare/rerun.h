/* rerun.h - compute runs of a database again, and compare. */
#ifndef AFFJORD_RUNNER_RERUN_H
#define AFFJORD_RUNNER_RERUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct rerun_request {
    const char *database;
    const char *run; /* this one; NULL: `sample` random ones */
    const char *experiment; /* of its runs; NULL: of all */
    uint64_t sample, seed;
    uint64_t jobs, threads; /* 0: not given */
    bool all; /* write every value */
    int word_count; /* the program's command line */
    char **words;
} rerun_request;

/* Compute the runs again from their stored settings, in a temporary folder, and write how the numbers compare to the
 * standard output. *same <- whether all are the same; false if one could not be computed, or after a stop. Errors:
 * STATUS_INVALID if the requested run is missing, unfinished, or cannot be computed; STATUS_IO if there is none;
 * those of the database. */
status rerun(const rerun_request *request, bool *same, error_info *err);

#endif
