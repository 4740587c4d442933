/* settings_help.h - the table of settings for people. */
#ifndef AFFJORD_RUNNER_SETTINGS_HELP_H
#define AFFJORD_RUNNER_SETTINGS_HELP_H

#include <stdio.h>

/* Print all settings for `./run --help`. */
void settings_write_help(FILE *stream);
/* Write docs/reference/settings.md, the whole file. */
void settings_write_markdown(FILE *stream);
/* Print the manual page affjord.ini(5). */
void settings_write_manual(FILE *stream);

#endif
