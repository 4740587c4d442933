/* clock.h - the monotonic clock, and durations as text. */
#ifndef AFFJORD_RUNNER_CLOCK_H
#define AFFJORD_RUNNER_CLOCK_H

#include <stdbool.h>

/* Return the seconds of a monotonic clock. */
double clock_seconds(void);

/* Read a duration in days, hours, minutes and seconds, such as "4h", "1h30m" or "0.5d"; return false for anything
 * else, and for 0. */
bool clock_read_duration(const char *text, double *seconds);

#endif
