/* plan_index.h - the variants of a plan by the key of a run, also for seeds that the plan does not have. */
#ifndef AFFJORD_RUNNER_PLAN_INDEX_H
#define AFFJORD_RUNNER_PLAN_INDEX_H

#include "plan/plan.h"

typedef struct plan_index plan_index;

/* Create an index. The plan must outlive *out, which the caller owns. Errors: STATUS_MEMORY. */
status plan_index_create(const plan *runs, plan_index **out, error_info *err);
void plan_index_destroy(plan_index **index);

/* *out <- the variant of the run with this key and seed, NULL for none. The first call with a seed computes a key for
 * each variant. Errors: STATUS_MEMORY. */
status plan_index_find(plan_index *index, const char *key, uint64_t seed, const plan_variant **out, error_info *err);

#endif
