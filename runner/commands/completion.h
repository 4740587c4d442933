/* completion.h - what a shell completes on the command line. */
#ifndef AFFJORD_RUNNER_COMPLETION_H
#define AFFJORD_RUNNER_COMPLETION_H

#include <stdio.h>

/* A script for bash: commands, options, experiment files, settings and their choices. It needs nothing but bash. */
void completion_write_bash(FILE *stream);

#endif
