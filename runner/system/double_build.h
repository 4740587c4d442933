/* double_build.h - handing over to the program that computes in double. */
#ifndef AFFJORD_RUNNER_DOUBLE_BUILD_H
#define AFFJORD_RUNNER_DOUBLE_BUILD_H

#include "base/status.h"

/* Build build/double/affjord if it is not there or not current, and become it with the same command line. Returns only
 * if that cannot be: STATUS_IO, and how the user can make it. */
status double_build_become(int count, char **words, error_info *err);

#endif
