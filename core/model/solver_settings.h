/* solver_settings.h - the settings of [solver] as a solve. */
#ifndef AFFJORD_MODEL_SOLVER_SETTINGS_H
#define AFFJORD_MODEL_SOLVER_SETTINGS_H

#include "model/settings.h"
#include "ode/solve.h"
#include "train/objective.h"

/* Read a number from 1 to `most`; advance the text past it. Return whether there is one. */
bool solver_settings_number(const char **text, size_t most, size_t *out);

/* Return the solve of the settings. */
solve_spec solver_settings_spec(const settings *values);

/* out->tolerances, out->batches <- those of solver.tolerance_phases and train.batch_phases, "NUMBER until ITERATION,
 * ...". Errors: STATUS_INVALID with the reason. */
status solver_settings_phases(const settings *values, objective_spec *out, error_info *err);

#endif
