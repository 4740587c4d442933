/* manual.h - the manual pages, made from the verbs' help and the table of settings. */
#ifndef AFFJORD_RUNNER_MANUAL_H
#define AFFJORD_RUNNER_MANUAL_H

#include <stdio.h>

/* affjord(1), in the macros of man(7): the verbs. */
void manual_write_program(FILE *stream);

/* The beginning of a page: its title and NAME. */
void manual_write_head(FILE *stream, const char *name, const char *section, const char *summary);

/* Text in roff: what roff would take for its own is escaped, a line break begins a new line. */
void manual_write_text(FILE *stream, const char *text);

#endif
