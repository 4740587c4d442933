/* count_parameters.h - ./run FILE.ini with experiment.task = count_parameters: the parameters of image models, as in
 * Table 2. */
#ifndef AFFJORD_RUNNER_COUNT_PARAMETERS_H
#define AFFJORD_RUNNER_COUNT_PARAMETERS_H

#include <stdio.h>

#include "plan/run_status.h"

/* Count the parameters of each model of the plan that the database has no counts for. Record for each run the
 * metrics parameters_declared and parameters_effective, and without_effect.GROUP for every group of parameters in
 * which they differ. Errors: those of the recorder; STATUS_INVALID for an impossible model. */
status count_parameters(results_db *db, const plan *runs, const run_status *list, const db_session *session,
                        error_info *err);

/* Print the view table2 as a table, then the declared parameters without effect and the reason. */
status print_parameter_counts(results_db *db, const plan *runs, FILE *stream, error_info *err);

#endif
