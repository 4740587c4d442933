/* double_build.h - replace this process by the program that computes in double. */
#ifndef AFFJORD_RUNNER_DOUBLE_BUILD_H
#define AFFJORD_RUNNER_DOUBLE_BUILD_H

#include "base/status.h"

/* Build build/double/affjord if it is missing or outdated, and execute it with the same command line. Return only on
 * failure: STATUS_IO, with instructions to build it. */
status double_build_become(int count, char **words, error_info *err);

#endif
