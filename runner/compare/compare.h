/* compare.h - a database against recorded values, and recording them. */
#ifndef AFFJORD_RUNNER_COMPARE_H
#define AFFJORD_RUNNER_COMPARE_H

#include <stdio.h>

#include "compare/baseline.h"

typedef struct compare_result {
    size_t runs, values, breaches; /* compared; and what is not within its tolerance */
    size_t absent, unfinished; /* recorded runs that the database does not have, or not whole */
    size_t unknown; /* finished runs of the database that nothing is recorded of */
} compare_result;

/* Hold the finished runs of the database against the baselines, and write the values that are not within their
 * tolerance, or all if `all`, as a table. Errors: those of the database, STATUS_MEMORY. */
status compare_database(results_db *db, const baseline *recorded, bool all, FILE *stream, compare_result *out,
                        error_info *err);

/* Append what the database has of the finished runs of an experiment, or of all for NULL, and is promised: metrics, and
 * losses of the epochs 1, 2, 4, 8, ... and of the last one. Errors: those of the database, STATUS_MEMORY. */
status compare_record(results_db *db, const char *experiment, baseline *into, error_info *err);

#endif
