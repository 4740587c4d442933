/* roff.h - text in the macros of man(7), of which manual pages are made. */
#ifndef AFFJORD_RUNNER_ROFF_H
#define AFFJORD_RUNNER_ROFF_H

#include <stdio.h>

/* The beginning of a page: its title and NAME. */
void roff_write_head(FILE *stream, const char *name, const char *section, const char *summary);

/* Text: what roff would take for its own is escaped, a line break begins a new line, and ./run is affjord. */
void roff_write_text(FILE *stream, const char *text);

#endif
