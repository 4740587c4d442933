/* compare.h - compare a database with recorded values, and record values. */
#ifndef AFFJORD_RUNNER_COMPARE_H
#define AFFJORD_RUNNER_COMPARE_H

#include <stdio.h>

#include "compare/baseline.h"

typedef struct compare_result {
    size_t runs, values, breaches; /* compared values; those outside of their tolerance */
    size_t absent, unfinished; /* recorded runs that the database lacks, or has unfinished */
    size_t unknown; /* finished runs of the database without recorded values */
} compare_result;

/* Compare the finished runs of the database with the baselines. Write the values outside of their tolerance, or all
 * if `all`, as a table. Errors: those of the database, STATUS_MEMORY. */
status compare_database(results_db *db, const baseline *recorded, bool all, FILE *stream, compare_result *out,
                        error_info *err);

/* Append the reproducible values of the finished runs of an experiment, or of all experiments for NULL: metrics, and
 * losses of the epochs 1, 2, 4, 8, ... and of the last one. Errors: those of the database, STATUS_MEMORY. */
status compare_record(results_db *db, const char *experiment, baseline *into, error_info *err);

#endif
