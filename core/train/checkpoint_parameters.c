/* checkpoint_parameters.c - names and shapes are those of the table. */
#include "train/checkpoint_parameters.h"

#include <math.h>
#include <stdbool.h>
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

/* The numbers of an array, of either width; one of the two is NULL. */
typedef struct numbers {
    const float *narrow;
    const double *wide;
} numbers;

static bool find_numbers(const checkpoint *file, const char *name, size_t elements, numbers *out) {
    *out = (numbers){.narrow = checkpoint_get(file, name, CHECKPOINT_F32, elements),
                     .wide = checkpoint_get(file, name, CHECKPOINT_F64, elements)};
    return out->narrow != NULL || out->wide != NULL;
}

/* A number that has no counterpart among reals would become infinite. */
static bool fits(const numbers *values, size_t elements) {
    for (size_t i = 0; values->wide != NULL && i < elements; i++)
        if (isfinite(values->wide[i]) && !isfinite((real)values->wide[i])) return false;
    return true;
}

status checkpoint_get_parameters(const checkpoint *file, const parameter_table *table, real *params, failure *why) {
    numbers values[PARAMETERS_MAX];
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        const size_t elements = entry->rows * entry->columns;
        if (!find_numbers(file, entry->name, elements, &values[i]))
            return fail(why, STATUS_FORMAT, "no array \"%s\" of %zu floating-point numbers", entry->name, elements);
        if (!fits(&values[i], elements))
            return fail(why, STATUS_FORMAT, "array \"%s\": expected numbers in the range of %s, found larger ones",
                        entry->name, REAL_NAME);
    }
    for (size_t i = 0; i < table->count; i++) {
        const parameter *entry = &table->entries[i];
        real *out = params + entry->offset;
        for (size_t k = 0; k < entry->rows * entry->columns; k++)
            out[k] = values[i].narrow != NULL ? (real)values[i].narrow[k] : (real)values[i].wide[k];
    }
    return STATUS_OK;
}
