/* wrap.h - text in lines of a terminal's width. */
#ifndef AFFJORD_RUNNER_WRAP_H
#define AFFJORD_RUNNER_WRAP_H

#include <stdio.h>

enum { WRAP_COLUMNS = 100 };

/* Write the words of `text` in lines of at most WRAP_COLUMNS columns, each indented by `indent`. The first line
 * starts at `column`, 0 for its beginning. Ends with a newline. */
void wrap_write(FILE *stream, const char *text, int indent, int column);

#endif
