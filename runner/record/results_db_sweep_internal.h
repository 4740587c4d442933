/* results_db_sweep_internal.h - shared by the comparisons at the points of a sweep and their linear model. */
#ifndef AFFJORD_RUNNER_RESULTS_DB_SWEEP_INTERNAL_H
#define AFFJORD_RUNNER_RESULTS_DB_SWEEP_INTERNAL_H

#include "record/results_db_internal.h"

/* The loss of the other model minus the loss of the model, for one seed at one point. */
typedef struct sweep_difference {
    uint64_t point, seed;
    double difference;
} sweep_difference;

/* The differences of two models on one data set. */
typedef struct sweep_differences {
    const char *experiment, *dataset, *model, *other;
    size_t count;
    sweep_difference *items; /* (count) */
} sweep_differences;

/* Fit the linear model of the file's head and write its terms. Write nothing if fewer than two seeds determine it.
 * Errors: those of the database, STATUS_MEMORY. */
status db_put_sweep_terms(results_db *db, const sweep_differences *all, error_info *err);

#endif
