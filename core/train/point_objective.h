/* point_objective.h - mean negative log-likelihood in nats of points (eq. 18). */
#ifndef AFFJORD_TRAIN_POINT_OBJECTIVE_H
#define AFFJORD_TRAIN_POINT_OBJECTIVE_H

#include "base/export.h"
#include "data/dataset.h"
#include "flow/cnf.h"
#include "train/objective.h"

AFFJORD_API_BEGIN

typedef struct point_objective_spec {
    cnf_spec flow;
    uint64_t seed;
    size_t batch; /* B, points drawn afresh for an iteration */
    size_t validation; /* points of the validation batch */
    size_t test; /* of the test batch, 0 for none: a table of points has no others to give and must have none */
} point_objective_spec;

/* `data` and `workers` are shared and must outlive it; the caller owns *out. Errors: STATUS_INVALID with the reason,
 * STATUS_MEMORY. */
status point_objective_create(const point_objective_spec *spec, const dataset *data, parallel *workers, objective **out,
                              failure *why);

/* Its flow, valid as long as it. */
cnf *point_objective_flow(objective *self);

AFFJORD_API_END

#endif
