/* clock.h - the time that passes. */
#ifndef AFFJORD_RUNNER_CLOCK_H
#define AFFJORD_RUNNER_CLOCK_H

/* Seconds of a clock that only goes forward. */
double clock_seconds(void);

#endif
