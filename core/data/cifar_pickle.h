/* cifar_pickle.h - a batch of CIFAR-10's Python version. */
#ifndef AFFJORD_DATA_CIFAR_PICKLE_H
#define AFFJORD_DATA_CIFAR_PICKLE_H

#include <stddef.h>

#include "base/status.h"

/* *records, freed by the caller, <- *count records of a label and 3072 pixels, as the binary version has them, of the
 * pickle at `path`, which has no more than `most`. Nothing in it is executed. Errors name path and offset: STATUS_IO,
 * STATUS_FORMAT, STATUS_MEMORY. */
status cifar_pickle_read(const char *path, size_t most, unsigned char **records, size_t *count, failure *why);

#endif
