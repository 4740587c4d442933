/* result_tables.h - the small table at the end of an experiment. */
#ifndef AFFJORD_RUNNER_RESULT_TABLES_H
#define AFFJORD_RUNNER_RESULT_TABLES_H

#include <stdio.h>

#include "record/results_db.h"

/* Print the losses of each data set and model, and the paths of the results. Errors: those of the database. */
status print_losses(results_db *db, const char *experiment, FILE *stream, error_info *err);

/* For each pair of models on a data set of a sweep, print at how many points one has the lower loss. Errors: as
 * above. */
status print_sweep(results_db *db, const char *experiment, FILE *stream, error_info *err);

/* Print all theorem checks with a bound of an experiment's runs; *broken <- the number of failed checks. */
status print_theory(results_db *db, const char *experiment, FILE *stream, size_t *broken, error_info *err);

#endif
