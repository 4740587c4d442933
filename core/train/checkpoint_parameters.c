/* checkpoint_parameters.c - names and shapes are those of the table. */
#include "train/checkpoint_parameters.h"

#include <string.h>

status checkpoint_put_parameters(checkpoint *file, const parameter_table *table, const real *params) {
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        const size_t shape[] = {entry->rows, entry->columns};
        const size_t rank = entry->columns == 1 && !strstr(entry->name, "weight") ? 1 : 2;
        TRY(checkpoint_put(file, entry->name, CHECKPOINT_REAL, rank, shape, params + entry->offset));
    }
    return STATUS_OK;
}

status checkpoint_get_parameters(const checkpoint *file, const parameter_table *table, real *params, failure *why) {
    const void *values[PARAMETERS_MAX];
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        const size_t elements = entry->rows * entry->columns;
        values[i] = checkpoint_get(file, entry->name, CHECKPOINT_REAL, elements);
        if (!values[i])
            return fail(why, STATUS_FORMAT, "no array \"%s\" of %zu elements of type %s", entry->name, elements,
                        REAL_NAME);
    }
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        memcpy(params + entry->offset, values[i], entry->rows * entry->columns * sizeof(real));
    }
    return STATUS_OK;
}
