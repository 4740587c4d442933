/* plan.h - the runs of an experiment: data set x model x seed, of a sweep for each of its points. */
#ifndef AFFJORD_RUNNER_PLAN_H
#define AFFJORD_RUNNER_PLAN_H

#include "record/results_db.h"
#include "settings/config.h"
#include "model/specification.h"

enum {
    PLAN_KEY_SIZE = DB_KEY_SIZE,
    PLAN_CHECKSUM_SIZE = 65, /* 64 hexadecimal digits and a terminator */
    PLAN_NUMBER_DIGITS = 7, /* most digits of a run's number; longer words are keys */
    PLAN_FORMAT_VERSION = 1 /* increase it when the same settings give other numbers */
};

typedef struct plan_dataset {
    char source[PATH_MAX]; /* the argument of source_open() */
    char name[SETTINGS_NAME_MAX]; /* of the data, as in tables */
    char checksum[PLAN_CHECKSUM_SIZE];
    specification_shape shape;
    char note[SETTINGS_TEXT_MAX]; /* messages about the files for the user, or "" */
    char *report; /* of a table: a report and warnings, in lines (settings/table_report.h); else NULL */
} plan_dataset;

typedef struct plan_model {
    char name[SETTINGS_NAME_MAX];
} plan_model;

/* The settings of a model on a data set, and the points of the sweep that have them. */
typedef struct plan_variant {
    const plan_dataset *dataset;
    const plan_model *model;
    const settings *base; /* the settings without the sweep, in plan.resolved */
    const sweep *swept;
    uint64_t validation, test; /* train.validation and train.test, limited by the data (source_limit) */
    char identity[PLAN_KEY_SIZE]; /* the key of seed 0 */
    size_t point_count;
    size_t *points; /* (point_count), the points' numbers, ascending; empty without a sweep */
} plan_variant;

typedef struct plan_run {
    size_t number; /* in the whole plan, from 0 */
    const plan_dataset *dataset;
    const plan_model *model;
    uint64_t seed;
    const settings *base; /* resolved for the data set and the model, without the sweep */
    const plan_variant *variant; /* NULL if `base` has all settings */
    char key[PLAN_KEY_SIZE];
} plan_run;

/* All memory is the plan's; runs are in the order data set, model, seed, the last one fastest. Runs of a sweep are in
 * the order seed, point, data set, model, so that a stopped sweep has all points with fewer seeds. Points that share a
 * run list it once. */
typedef struct plan {
    size_t dataset_count, model_count, seed_count, run_count;
    size_t planned; /* runs before plan_where and plan_select */
    plan_dataset *datasets; /* (dataset_count) */
    plan_model *models; /* (model_count) */
    settings *resolved; /* (dataset_count, model_count), without the sweep */
    plan_run *runs; /* (run_count) */
    sweep swept; /* without axes for none */
    size_t point_count, chosen_count; /* points of the sweep; points after plan_where */
    size_t *points; /* (point_count), their numbers in the product, ascending */
    size_t variant_count;
    plan_variant **variants; /* (variant_count) */
    plan_variant **at; /* (dataset_count, model_count, point_count or 1) */
} plan;

/* Write the reports of the tables. */
void plan_write_reports(const plan *runs, FILE *stream);

/* Make the plan. `seeds` (may be NULL) replaces experiment.seeds, as in "0-4". Opens every data set for its name and
 * checksum, and rejects everything that a training would reject. A count of parameters needs only the shape of the
 * images, which then replaces the checksum. Does not need `config` afterwards. The caller owns *out. Errors:
 * STATUS_INVALID (seeds, an unknown data set, two data sets or models that are the same), STATUS_IO and STATUS_FORMAT
 * (a data file), STATUS_MEMORY. */
status plan_create(const experiment_config *config, const char *seeds, plan **out, error_info *err);
void plan_destroy(plan **runs);

/* *out <- the settings of a run, also at points of a sweep. They are computed on each call, because the settings of
 * 100,000 points would need too much memory. */
void plan_run_settings(const plan_run *run, settings *out);
void plan_variant_settings(const plan_variant *variant, settings *out);

/* Keep only the runs of the sweep's points that satisfy all conditions (sweep_select); numbers are unchanged. Errors:
 * STATUS_INVALID; STATUS_MEMORY. */
status plan_where(plan *runs, size_t condition_count, const char *const *conditions, error_info *err);

/* Keep only the run that `text` names: by its number in the plan, from 0, of at most PLAN_NUMBER_DIGITS digits; or by
 * its key or the first digits of it. Errors: STATUS_INVALID if there is none, or several. */
status plan_select(plan *runs, const char *text, error_info *err);

/* Compute the key of a run: the first 32 hexadecimal digits of the SHA-256 of
 *
 *     format=1\n  real=F32\n  data=CHECKSUM\n  seed=SEED\n
 *     theory=ITEMS\n           where experiment.task = theory
 *     section.key=value\n      for every keyed setting that differs from its default, in the order of
 *                              options.def, reals by %.17g; names as options.def has them in HASH_NAME
 *
 * Defaults are omitted. A new setting whose default is the previous behaviour therefore changes no key. If a default
 * changes, increase PLAN_FORMAT_VERSION.
 */
void plan_run_key(const settings *values, const char *checksum, uint64_t seed, char key[PLAN_KEY_SIZE]);

/* *out <- the axes and values of a point, "flow.end_time = 1, solver.steps = 20", for free(). Errors: STATUS_MEMORY. */
status plan_point_label(const plan *runs, size_t number, char **out, error_info *err);

/* Return whether a text, such as a file's name, begins with a run's key that no further digit follows. */
bool plan_begins_with_key(const char *text);

#endif
