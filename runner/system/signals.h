/* signals.h - read requests to stop as events.
 *
 * While open, SIGINT, SIGTERM, SIGHUP, SIGTSTP and SIGALRM are blocked and can be read from a descriptor that poll()
 * accepts; the end of a child process wakes it too. */
#ifndef AFFJORD_RUNNER_SIGNALS_H
#define AFFJORD_RUNNER_SIGNALS_H

#include <signal.h>

#include "base/status.h"

typedef struct signals {
    int descriptor; /* readable when a signal waits */
    sigset_t before; /* the mask to restore */
} signals;

/* Errors: STATUS_IO. */
status signals_open(signals *out, error_info *err);
void signals_close(signals *events);

/* Make signals_read return SIGALRM after `seconds`. Child processes do not get it. */
void signals_read_after(double seconds);

/* Return the number of the next pending signal; 0: none. */
int signals_read(const signals *events);

/* Wait until a signal can be read, a child has ended, or `milliseconds` have passed. */
void signals_wait(const signals *events, int milliseconds);

#endif
