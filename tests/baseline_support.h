/* baseline_support.h - shared by tests that compare short trainings with recorded losses. */
#ifndef AFFJORD_TESTS_BASELINE_SUPPORT_H
#define AFFJORD_TESTS_BASELINE_SUPPORT_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/baseline.h"
#include "plan/plan.h"

/* Change settings by texts "section.key=value", separated by blanks. */
static inline void baseline_set(const char *texts, settings *into) {
    char copy[1024];
    error_info err = {""};
    snprintf(copy, sizeof copy, "%s", texts);
    for (char *rest = copy, *text; (text = strsep(&rest, " "));) {
        const setting_option *option;
        char *value = strchr(text, '=');
        cr_assert_not_null(value, "%s", text);
        *value++ = '\0';
        cr_assert_eq(settings_find_name(text, &option, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(settings_parse(option, value, into, &err), STATUS_OK, "%s", err.text);
    }
}

/* The row for the values of a training. It has the key that ./run would compute. */
static inline baseline_row baseline_training(const settings *values, const char *data, const char *checksum,
                                             const char *model, uint64_t seed) {
    baseline_row row = {.seed = seed};
    plan_run_key(values, checksum, seed, row.key);
    snprintf(row.dataset, sizeof row.dataset, "%s", data);
    snprintf(row.model, sizeof row.model, "%s", model);
    return row;
}

static inline void baseline_add_epoch(baseline *into, baseline_row row, uint64_t epoch, double training,
                                      double validation) {
    error_info err = {""};
    for (int split = 0; split < 2; split++) {
        snprintf(row.quantity, sizeof row.quantity, "epoch.%d.%s", (int)epoch, split ? "validation" : "training");
        row.value = split ? validation : training;
        cr_assert_eq(baseline_add(into, &row, &err), STATUS_OK, "%s", err.text);
    }
}

static inline const baseline_row *baseline_find(const baseline *in, const baseline_row *like) {
    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->rows[i].key, like->key) == 0 && strcmp(in->rows[i].quantity, like->quantity) == 0)
            return &in->rows[i];
    return NULL;
}

/* Compare the values with the file; with AFFJORD_RECORD, write the file. `test` is named in its comment. */
static inline void baseline_expect(const baseline *computed, const char *path, const char *test) {
    error_info err = {""};
    baseline recorded = {.count = 0};
    if (getenv("AFFJORD_RECORD")) {
        char comment[256];
        snprintf(comment, sizeof comment, "# Recorded by AFFJORD_RECORD=1 build/affjord-tests --filter '%s'.\n", test);
        cr_assert_eq(baseline_write(computed, comment,
                                    &(output_request){.name = path, .kind = &output_baseline, .force = true}, &err),
                     STATUS_OK, "%s", err.text);
        return;
    }
    cr_assert_eq(baseline_read(&recorded, path, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(recorded.count, computed->count, "%s has %zu values, and there are %zu", path, recorded.count,
                 computed->count);
    for (size_t i = 0; i < computed->count; i++) {
        const baseline_row *seen = &computed->rows[i], *row = baseline_find(&recorded, seen);
        cr_assert_not_null(row, "%s has no %s of %s %s", path, seen->quantity, seen->dataset, seen->model);
        cr_expect(tolerance_allows(&row->allowed, row->value, seen->value), "%s:%zu: %s %s, %s: %.17g, recorded %.17g",
                  path, row->line, row->dataset, row->model, row->quantity, seen->value, row->value);
    }
    baseline_release(&recorded);
}

#endif
