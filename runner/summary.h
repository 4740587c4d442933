/* summary.h - the small table at the end of an experiment. */
#ifndef AFFJORD_RUNNER_SUMMARY_H
#define AFFJORD_RUNNER_SUMMARY_H

#include <stdio.h>

#include "recorder.h"

/* Losses of each data set and model, and where the results are. Errors: those of the recorder. */
status summary_write(recorder *book, const char *experiment, FILE *stream, failure *why);

#endif
