/* run_values.h - the numbers of a run, each under one name.
 *
 * A loss is called epoch.NUMBER.SPLIT, as epoch.3.validation; a metric has its
 * own name, as final_validation_loss. */
#ifndef AFFJORD_RUNNER_RUN_VALUES_H
#define AFFJORD_RUNNER_RUN_VALUES_H

#include "compare/tolerance.h"
#include "record/results_db.h"

enum { RUN_QUANTITY_MAX = 96 }; /* bytes of a name, terminator included */

typedef struct run_value {
    char quantity[RUN_QUANTITY_MAX];
    double value; /* may be no finite number */
} run_value;

/* Losses by epoch and split, then metrics by name. */
typedef struct run_values {
    size_t count, capacity;
    run_value *items;
} run_values;

/* What the database has of a run; the caller releases it, also after a failure. Errors: those of the database,
 * STATUS_MEMORY. */
status run_values_read(results_db *db, int64_t run, run_values *out, error_info *err);
void run_values_release(run_values *values);

/* NULL if there is none of this name. */
const run_value *run_values_find(const run_values *values, const char *quantity);

/* Whether the name is that of a loss: *epoch <- its number, *split <- where the split's name begins. */
bool run_quantity_epoch(const char *quantity, uint64_t *epoch, const char **split);

/* How far a number may be from that of the same run computed elsewhere, and why. */
typedef struct run_promise {
    tolerance allowed;
    const char *reason;
} run_promise;

/* Which of the program's convolutions computed a run of images: CPU_CONVOLUTIONS as it was then, 0 for those of a
 * library, of oneDNN's in older versions or on a GPU. */
double run_convolutions(const run_values *values);

/* text <- the same as the end of a label: ", convolutions 1", ", convolutions of a library", nothing for other runs. */
void run_write_kernels(const run_values *values, size_t size, char *text);

/* The promise for one number of a run with these values; false if there is none. */
bool run_promise_of(const run_values *values, const char *quantity, run_promise *out);

#endif
