/* result_tables.h - the small table at the end of an experiment. */
#ifndef AFFJORD_RUNNER_RESULT_TABLES_H
#define AFFJORD_RUNNER_RESULT_TABLES_H

#include <stdio.h>

#include "record/recorder.h"

/* Losses of each data set and model, and where the results are. Errors: those of the recorder. */
/* Every statement of the mathematics that has a bound, of an experiment's runs; *broken <- how many do not keep it. */
status print_theory(recorder *book, const char *experiment, FILE *stream, size_t *broken, failure *why);

status print_losses(recorder *book, const char *experiment, FILE *stream, failure *why);

#endif
