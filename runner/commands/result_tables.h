/* result_tables.h - the small table at the end of an experiment. */
#ifndef AFFJORD_RUNNER_RESULT_TABLES_H
#define AFFJORD_RUNNER_RESULT_TABLES_H

#include <stdio.h>

#include "record/results_db.h"

/* Losses of each data set and model, and where the results are. Errors: those of the database. */
status print_losses(results_db *db, const char *experiment, FILE *stream, error_info *err);

/* For each two models on a data set of a sweep, at how many points one is lower. Errors: as above. */
status print_sweep(results_db *db, const char *experiment, FILE *stream, error_info *err);

/* Every statement of the mathematics that has a bound, of an experiment's runs; *broken <- how many do not keep it. */
status print_theory(results_db *db, const char *experiment, FILE *stream, size_t *broken, error_info *err);

#endif
