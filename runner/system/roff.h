/* roff.h - text in the macros of man(7), for manual pages. */
#ifndef AFFJORD_RUNNER_ROFF_H
#define AFFJORD_RUNNER_ROFF_H

#include <stdio.h>

/* Write the start of a page: its title and NAME. */
void roff_write_head(FILE *stream, const char *name, const char *section, const char *summary);

/* Write text: roff's special characters are escaped, a line break starts a new line, and ./run becomes affjord. */
void roff_write_text(FILE *stream, const char *text);

#endif
