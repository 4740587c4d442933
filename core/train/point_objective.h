/* point_objective.h - mean negative log-likelihood in nats of points (eq. 18). */
#ifndef AFFJORD_TRAIN_POINT_OBJECTIVE_H
#define AFFJORD_TRAIN_POINT_OBJECTIVE_H

#include "base/export.h"
#include "data/dataset.h"
#include "flow/cnf.h"
#include "train/objective.h"

AFFJORD_API_BEGIN

typedef struct point_objective_spec {
    cnf_spec flow; /* its log_volume is the data's */
    uint64_t seed;
    size_t batch; /* B, points drawn afresh for an iteration */
    size_t validation; /* points of the validation batch; of a table at most the rows that are held out */
    size_t test; /* of the test batch, 0 for none: a table of points has no others to give and must have none */
} point_objective_spec;

/* Whether a training can have this on the data. Errors: STATUS_INVALID with the reason. */
status point_objective_check(const point_objective_spec *spec, const dataset *data, failure *why);

/* `data` and `workers` are shared and must outlive it; the caller owns *out. Errors: STATUS_INVALID with the reason,
 * STATUS_MEMORY. */
status point_objective_create(const point_objective_spec *spec, const dataset *data, parallel *workers, objective **out,
                              failure *why);

/* Whether an objective is one of points; what follows is for those alone. */
bool objective_is_points(const objective *self);

/* Its flow, valid as long as it. */
cnf *point_objective_flow(const objective *self);

/* --- For a device that does steps of its own --- */

const point_objective_spec *point_objective_specification(const objective *self);

/* x (count, B, D) <- the batches of so many iterations from `iteration` on. May be called by several threads. */
void point_objective_batch(const objective *self, uint64_t iteration, size_t count, real *x);

/* (validation or test, D), valid as long as it; and the mean loss of one from the densities of its n points. */
const real *point_objective_held(const objective *self, objective_held which);
status point_objective_mean(size_t n, const double *log_density, double *loss);

/* What a step costs, or a solve that is not reversed. */
void point_objective_count(const objective *self, bool backward, objective_counts *counts);

AFFJORD_API_END

#endif
