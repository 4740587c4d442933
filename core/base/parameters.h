/* parameters.h - one block of parameters, and the table of its named arrays. */
#ifndef AFFJORD_BASE_PARAMETERS_H
#define AFFJORD_BASE_PARAMETERS_H

#include <stddef.h>

#include "base/export.h"
#include "base/status.h"

AFFJORD_API_BEGIN

enum { PARAMETERS_MAX = 512, PARAMETER_NAME_MAX = 48 };

/* A named array of the block. */
typedef struct parameter {
    char name[PARAMETER_NAME_MAX]; /* such as "hypernet.0.weight" */
    size_t rows, columns; /* columns 1 for a vector */
    size_t offset; /* in reals from the start of the block */
} parameter;

/* Gradients and Adam's moments use the same offsets in their own blocks. */
typedef struct parameter_table {
    size_t count; /* entries in use */
    size_t total; /* P, reals in the block */
    parameter entries[PARAMETERS_MAX]; /* in the order of their offsets */
} parameter_table;

/* Append an array and return its offset. The library's models never exceed the size of the table (asserted). */
size_t parameter_table_add(parameter_table *table, size_t rows, size_t columns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

AFFJORD_API_END

#endif
