/* manual.h - the manual page affjord(1), made from the commands' help. (affjord.ini(5) is made by settings_help.c.) */
#ifndef AFFJORD_RUNNER_MANUAL_H
#define AFFJORD_RUNNER_MANUAL_H

#include <stdio.h>

/* Print affjord(1), the page of all commands, in the macros of man(7). */
void manual_write_program(FILE *stream);

#endif
