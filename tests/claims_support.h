/* claims_support.h - shared by tests of the paper's claims: made-up runs and the verdicts on them. */
#ifndef AFFJORD_TESTS_CLAIMS_SUPPORT_H
#define AFFJORD_TESTS_CLAIMS_SUPPORT_H

#include "figures_support.h"

#include <math.h>

#include "record/results_db.h"

/* The first number that a query returns. */
__attribute__((format(printf, 1, 2))) static inline double number(const char *format, ...) {
    char query[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(query, sizeof query, format, arguments);
    va_end(arguments);
    cr_assert_eq(shell("sqlite3 -batch -init /dev/null -readonly %s/r.db \"%s\"", folder, query), 0, "%s", output);
    char *end;
    const double value = strtod(output, &end);
    cr_assert(end != output, "no number from %s: %s", query, output);
    return value;
}

static inline void expect_verdict(const char *id, const char *verdict) {
    cr_assert_eq(
        shell("sqlite3 -batch -init /dev/null -readonly %s/r.db \"SELECT verdict FROM claims WHERE id = '%s'\"", folder,
              id),
        0);
    output[strcspn(output, "\n")] = '\0';
    cr_expect_str_eq(output, verdict, "%s: %s, expected %s", id, output, verdict);
}

/* Execute the script, and compare the models of its experiments, as at the end of a run. */
static inline void run_compared(FILE *script) {
    char path[128];
    results_db *db;
    error_info err;
    script_run(script);
    scratch_path(folder, "r.db", path);
    cr_assert_eq(db_open(path, NULL, NULL, &db, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(db_outdate_comparisons(db, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(db_close(&db, &err), STATUS_OK, "%s", err.text);
}

static int runs; /* numbered so far */

static inline void add_loss(FILE *script, int experiment, const char *dataset, const char *model, int seed,
                            double loss) {
    add_run(script, ++runs, experiment, dataset, model, seed);
    add_epoch(script, runs, 1, "validation", loss, 160);
    add_metric(script, runs, "final_validation_loss", loss);
}

#endif
