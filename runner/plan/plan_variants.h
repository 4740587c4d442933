/* plan_variants.h - the settings of a plan's runs, each once, and the points of the sweep that have them. */
#ifndef AFFJORD_RUNNER_PLAN_VARIANTS_H
#define AFFJORD_RUNNER_PLAN_VARIANTS_H

#include "plan/plan.h"

/* Check the settings of model m, and limit them to the data. */
typedef status plan_check_variant(void *argument, size_t m, settings *values, error_info *err);

/* Append the variants of one data set: for every point of the sweep and every model, or, without a sweep, for every
 * model. Points that differ only in settings without an effect on a model share a variant. Errors: those of `check`;
 * STATUS_INVALID where two models have the same settings; STATUS_MEMORY. */
status plan_add_variants(const experiment_config *config, plan *into, size_t d, plan_check_variant *check,
                         void *argument, error_info *err);

/* Check that every axis of the sweep has an effect on its models. Errors: STATUS_INVALID with "file:line: ". */
status plan_check_axes(const experiment_config *config, const plan *runs, error_info *err);

/* Fill runs->runs from the variants, for these seeds, in the order that plan.h states. Errors: STATUS_MEMORY. */
status plan_fill_runs(plan *into, const uint64_t *seeds, error_info *err);

#endif
