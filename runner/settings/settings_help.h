/* settings_help.h - the table of settings for people. */
#ifndef AFFJORD_RUNNER_SETTINGS_HELP_H
#define AFFJORD_RUNNER_SETTINGS_HELP_H

#include <stdio.h>

/* All settings for `./run --help`. */
void settings_write_help(FILE *stream);
/* Write docs/reference/settings.md, the whole file. */
void settings_write_markdown(FILE *stream);
/* affjord.ini(5), the manual page. */
void settings_write_manual(FILE *stream);

#endif
