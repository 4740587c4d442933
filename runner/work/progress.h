/* progress.h - the progress of the runs, for the user.
 *
 * On a terminal, one line, redrawn at most five times a second; otherwise a line every ten seconds. Colours respect
 * NO_COLOR. */
#ifndef AFFJORD_RUNNER_PROGRESS_H
#define AFFJORD_RUNNER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

typedef struct progress progress;

/* Show progress on `stream`, or only failures if `quiet`. `slots` runs go at once; `done` of all `runs` are
 * finished, and the others have `iterations` to do. The caller owns *out. Errors: STATUS_MEMORY. */
status progress_create(FILE *stream, bool quiet, size_t slots, size_t runs, size_t done, uint64_t iterations,
                       progress **out);
/* Also removes the live line. */
void progress_destroy(progress **shown);

/* The run named `label` starts in a slot, from one iteration to another; has reached an iteration; has ended, with
 * its training finished or not. */
void progress_start(progress *shown, size_t slot, const char *label, uint64_t from, uint64_t to);
void progress_update(progress *shown, size_t slot, uint64_t iteration, double loss);
void progress_end(progress *shown, size_t slot, bool finished);

/* Show the state if it is due; return the seconds until the next time. */
void progress_draw(progress *shown);
double progress_due(const progress *shown);

/* Print a permanent line about a failure. */
__attribute__((format(printf, 2, 3))) void progress_say(progress *shown, const char *format, ...);
/* The same for less; --quiet suppresses it. */
void progress_note(progress *shown, const char *text);

/* Return whether to use colours on this stream. */
bool progress_colours(FILE *stream);

/* "0:07", "12:30", "3:04:05"; "?" if not finite. */
void progress_time(double seconds, char text[32]);

#endif
