/* cifar_pickle.h - a batch of CIFAR-10's Python version. */
#ifndef AFFJORD_DATA_CIFAR_PICKLE_H
#define AFFJORD_DATA_CIFAR_PICKLE_H

#include <stddef.h>

#include "base/status.h"

/* *records <- *count records of the pickle at `path` in the binary version's format, a label and 3072 pixels each; the
 * caller frees them. The pickle may have at most `most` records. Nothing in it is executed. Errors, with path and
 * offset: STATUS_IO, STATUS_FORMAT, STATUS_MEMORY. */
status cifar_pickle_read(const char *path, size_t most, unsigned char **records, size_t *count, error_info *err);

#endif
