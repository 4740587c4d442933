/* baseline.h - recorded values for later comparisons, as a text file.
 *
 *     # Any line that begins with # is a comment.
 *     run	dataset	model	seed	quantity	value	tolerance	reason
 *     3f2a...	ty	affjord	0	epoch.1.validation	1.2345678901234567	bits	the same operations everywhere
 *
 * A tab separates columns. `run` is a run's key; data set, model and seed repeat its identity for people. A quantity is
 * a loss, epoch.NUMBER.SPLIT, or a metric. A tolerance is bits, "absolute NUMBER" or "relative NUMBER". Only ./run
 * check --record and tests write such files; you may edit tolerances and their reasons. */
#ifndef AFFJORD_RUNNER_BASELINE_H
#define AFFJORD_RUNNER_BASELINE_H

#include "compare/run_values.h"
#include "plan/plan.h"
#include "system/output.h"

enum { BASELINE_NAME_MAX = 128, BASELINE_REASON_MAX = 256 };

typedef struct baseline_row {
    char key[PLAN_KEY_SIZE], dataset[BASELINE_NAME_MAX], model[BASELINE_NAME_MAX];
    uint64_t seed;
    char quantity[RUN_QUANTITY_MAX];
    double value;
    tolerance allowed;
    char reason[BASELINE_REASON_MAX];
    size_t file, line; /* where it was read */
} baseline_row;

/* Start with {0}. */
typedef struct baseline {
    size_t count, capacity, file_count;
    baseline_row *rows;
    char **files; /* (file_count), paths */
} baseline;

/* Append the rows of a file, or of every file *.tsv of a folder, by name. Errors: STATUS_FORMAT, with file, line and
 * the expected value; STATUS_IO, STATUS_MEMORY. */
status baseline_read(baseline *into, const char *path, error_info *err);

/* Append a row; its file and line are ignored. Errors: STATUS_MEMORY. */
status baseline_add(baseline *into, const baseline_row *row, error_info *err);

/* The kind of this output file. */
extern const output_kind output_baseline;

/* Write the rows below `comment` (lines that begin with #, or ""). Errors: those of output_write. */
status baseline_write(const baseline *from, const char *comment, const output_request *to, error_info *err);

void baseline_release(baseline *self);

#endif
