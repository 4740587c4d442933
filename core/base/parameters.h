/* parameters.h - one block of parameters and the table that names its parts. */
#ifndef AFFJORD_BASE_PARAMETERS_H
#define AFFJORD_BASE_PARAMETERS_H

#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

enum { PARAMETERS_MAX = 512, PARAMETER_NAME_MAX = 48 };

typedef struct parameter {
    char name[PARAMETER_NAME_MAX]; /* as in "hypernet.0.weight" */
    size_t rows, columns; /* columns 1 for a vector */
    size_t offset; /* in reals, from the start of the block */
} parameter;

/* Gradients and optimiser moments live at the same offsets of their blocks. */
typedef struct parameter_table {
    size_t count;
    size_t total; /* P, reals in the block */
    parameter entries[PARAMETERS_MAX];
} parameter_table;

/* Append a part and return its offset. The table's size is a bound that our
 * fixed models never reach (asserted). */
size_t parameter_table_add(parameter_table *table, size_t rows, size_t columns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

AFFJORD_API_END

#endif
