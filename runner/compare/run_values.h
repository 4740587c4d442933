/* run_values.h - the numbers of a run, with their names.
 *
 * The name of a loss is epoch.NUMBER.SPLIT, as epoch.3.validation. A metric has its own name, as
 * final_validation_loss. */
#ifndef AFFJORD_RUNNER_RUN_VALUES_H
#define AFFJORD_RUNNER_RUN_VALUES_H

#include "compare/tolerance.h"
#include "record/results_db.h"

enum { RUN_QUANTITY_MAX = 96 }; /* bytes of a name, terminator included */

typedef struct run_value {
    char quantity[RUN_QUANTITY_MAX];
    double value; /* may be nan or infinite */
} run_value;

/* Losses by epoch and split, then metrics by name. */
typedef struct run_values {
    size_t count, capacity;
    run_value *items;
} run_values;

/* Read the numbers of a run. The caller releases them, also after a failure. Errors: those of the database,
 * STATUS_MEMORY. */
status run_values_read(results_db *db, int64_t run, run_values *out, error_info *err);
void run_values_release(run_values *values);

/* Return the value of this name; NULL if there is none. */
const run_value *run_values_find(const run_values *values, const char *quantity);

/* Return whether the name is a loss's. *epoch <- its number, *split <- the beginning of the split's name. */
bool run_quantity_epoch(const char *quantity, uint64_t *epoch, const char **split);

/* The tolerance of a number when the run is computed elsewhere, and its reason. */
typedef struct run_promise {
    tolerance allowed;
    const char *reason;
} run_promise;

/* Return which of the program's convolutions computed a run of images: the value of CPU_CONVOLUTIONS at that time; 0
 * for a library's (oneDNN's in older versions, or a GPU's). */
double run_convolutions(const run_values *values);

/* text <- the same as the end of a label: ", convolutions 1", ", convolutions of a library", or "" for other runs. */
void run_write_kernels(const run_values *values, size_t size, char *text);

/* *out <- the tolerance for a number of a run with these values. Return false if the number is not reproducible. */
bool run_promise_of(const run_values *values, const char *quantity, run_promise *out);

#endif
