/* progress.h - the progress of the runs, for the user.
 *
 * On a terminal one line that is drawn again at most five times a second;
 * otherwise a plain line every ten seconds. Colours respect NO_COLOR. */
#ifndef AFFJORD_RUNNER_PROGRESS_H
#define AFFJORD_RUNNER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

typedef struct progress progress;

/* Show on `stream`, or nothing but failures if `quiet`. `slots`
 * runs go at once; of `runs` in all, `done` are done already, and the others
 * have `iterations` before them. The caller owns *out. Errors: STATUS_MEMORY. */
status progress_create(FILE *stream, bool quiet, size_t slots, size_t runs, size_t done, uint64_t iterations,
                       progress **out);
/* Takes the live line away. */
void progress_destroy(progress **shown);

/* The run called `label` goes in a slot, from one iteration to another; is
 * there; has ended, with its training finished or not. */
void progress_start(progress *shown, size_t slot, const char *label, uint64_t from, uint64_t to);
void progress_update(progress *shown, size_t slot, uint64_t iteration, double loss);
void progress_end(progress *shown, size_t slot, bool finished);

/* Show the state if it is time to; seconds until the next time. */
void progress_draw(progress *shown);
double progress_due(const progress *shown);

/* A line that stays, of a failure. */
__attribute__((format(printf, 2, 3))) void progress_say(progress *shown, const char *format, ...);
/* The same of anything less, which --quiet leaves out. */
void progress_note(progress *shown, const char *text);

/* Whether colours are wanted on this stream. */
bool progress_colours(FILE *stream);

/* "0:07", "12:30", "3:04:05"; "?" if not finite. */
void progress_time(double seconds, char text[32]);

#endif
