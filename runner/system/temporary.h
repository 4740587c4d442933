/* temporary.h - a folder for what is only needed for a while. */
#ifndef AFFJORD_RUNNER_TEMPORARY_H
#define AFFJORD_RUNNER_TEMPORARY_H

#include "base/status.h"

enum { TEMPORARY_PATH_MAX = 1024 };

/* Make a folder of its own in $TMPDIR, else /tmp. Errors: STATUS_IO naming it. */
status temporary_create(char folder[TEMPORARY_PATH_MAX], failure *why);

/* Remove it with all that is in it. What cannot be removed stays. */
void temporary_remove(const char *folder);

#endif
