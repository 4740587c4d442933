/* completion.h - completion of command lines in a shell. */
#ifndef AFFJORD_RUNNER_COMPLETION_H
#define AFFJORD_RUNNER_COMPLETION_H

#include <stdio.h>

/* Print a script for bash, which completes commands, options, experiment files, settings and their choices. It needs no
 * other program. */
void completion_write_bash(FILE *stream);

#endif
