/* summary.h - the small table at the end of an experiment. */
#ifndef AFFJORD_RUNNER_SUMMARY_H
#define AFFJORD_RUNNER_SUMMARY_H

#include <stdio.h>

#include "record/recorder.h"

/* Losses of each data set and model, and where the results are. Errors: those of the recorder. */
/* Every statement of the mathematics that has a bound, of an experiment's runs; *broken <- how many do not keep it. */
status summary_write_theory(recorder *book, const char *experiment, FILE *stream, size_t *broken, failure *why);

status summary_write(recorder *book, const char *experiment, FILE *stream, failure *why);

#endif
