/* temporary.h - temporary folders. */
#ifndef AFFJORD_RUNNER_TEMPORARY_H
#define AFFJORD_RUNNER_TEMPORARY_H

#include <limits.h>

#include "base/status.h"

/* Create a private folder in $TMPDIR, else /tmp. Errors: STATUS_IO naming it. */
status temporary_create(char folder[PATH_MAX], error_info *err);
/* The same, in the folder of a file that will be replaced by a rename. */
status temporary_create_beside(const char *path, char folder[PATH_MAX], error_info *err);

/* Remove the folder with its content. Failures are ignored. */
void temporary_remove(const char *folder);

#endif
