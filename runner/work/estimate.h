/* estimate.h - measure how long the missing runs of a plan will take on this machine. */
#ifndef AFFJORD_RUNNER_ESTIMATE_H
#define AFFJORD_RUNNER_ESTIMATE_H

#include "plan/run_status.h"

enum { ESTIMATE_RUNS = 24 }; /* tried runs, each for ESTIMATE_SECONDS after its first iteration */
#define ESTIMATE_SECONDS 0.05

typedef struct estimate {
    size_t missing; /* runs */
    size_t tried;
    double core_seconds; /* of an otherwise idle core; NaN if not measured, as for images */
} estimate;

/* Train some of the missing runs of points for a short time, on one thread each, and extrapolate. The runs are drawn
 * with a fixed seed. A point that is only evaluated, as for validation, counts as a third of one that is trained on.
 * Takes about two seconds; writes nothing. Errors: those of a training's start. */
status estimate_missing(const plan *runs, const run_status *list, estimate *out, error_info *err);

/* Print the estimate for `jobs` runs at a time; nothing if no run is missing. Errors: as above. */
status estimate_write(const plan *runs, const run_status *list, size_t jobs, FILE *stream, error_info *err);

#endif
