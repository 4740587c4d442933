/* parameters.c - append to a table of parameters. */
#include "base/parameters.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

size_t parameter_table_add(parameter_table *table, size_t rows, size_t columns, const char *format, ...) {
    assert(table->count < PARAMETERS_MAX);
    parameter *entry = &table->entries[table->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry->name, sizeof entry->name, format, arguments);
    va_end(arguments);
    entry->rows = rows;
    entry->columns = columns;
    entry->offset = table->total;
    table->total += rows * columns;
    return entry->offset;
}
