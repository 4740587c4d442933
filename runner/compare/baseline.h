/* baseline.h - recorded numbers that later ones are held against, as a text file.
 *
 *     # Any line that begins with # is for people.
 *     run	dataset	model	seed	quantity	value	tolerance	reason
 *     3f2a...	ty	affjord	0	epoch.1.validation	1.2345678901234567	bits	the same operations everywhere
 *
 * Columns are parted by one tab. `run` is a run's key; data set, model and seed
 * say to people which run that is. A quantity is a loss, epoch.NUMBER.SPLIT, or
 * a metric. A tolerance is bits, "absolute NUMBER" or "relative NUMBER". A file
 * is written by ./run check --record or by a test, never by hand; what may be
 * edited is a tolerance and its reason. */
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

/* Append what a file says, or, of a folder, each of its files *.tsv in the order of their names. Errors: STATUS_FORMAT,
 * with file, line and what was expected; STATUS_IO, STATUS_MEMORY. */
status baseline_read(baseline *into, const char *path, error_info *err);

/* Append a row; its file and line are not looked at. Errors: STATUS_MEMORY. */
status baseline_add(baseline *into, const baseline_row *row, error_info *err);

/* Such a file, as something that a command writes. */
extern const output_kind output_baseline;

/* Write the rows, `comment` (lines that begin with #, or "") on top. Errors: those of output_write. */
status baseline_write(const baseline *from, const char *comment, const output_request *to, error_info *err);

void baseline_release(baseline *self);

#endif
