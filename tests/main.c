/* main.c - the tests' main function: time limits that can be extended, and a failure if a filter selects no test.
 *
 * A test of a minute takes half an hour under an instrument. Criterion's --timeout can only shorten limits;
 * AFFJORD_PATIENCE=30 makes all of them thirty times as long. */
#include <criterion/criterion.h>
#include <criterion/internal/ordered-set.h>
#include <stdio.h>
#include <stdlib.h>

static void stretch(struct criterion_test_set *tests, double factor) {
    FOREACH_SET(struct criterion_suite_set * set, tests->suites) {
        if (set->suite.data) set->suite.data->timeout *= factor;
        FOREACH_SET(struct criterion_test * test, set->tests) test->data->timeout *= factor;
    }
}

static size_t tested;
ReportHook(POST_ALL)(struct criterion_global_stats *all) {
    tested = all->tests_passed + all->tests_failed + all->tests_crashed;
}

/* Criterion counts skipped tests, but prints their names only with --verbose. */
ReportHook(POST_TEST)(struct criterion_test_stats *one) {
    if (one->test_status == CR_STATUS_SKIPPED)
        fprintf(stderr, "SKIPPED: %s/%s: %s\n", one->test->category, one->test->name, one->message ? one->message : "");
}

/* Criterion's workers find this function by its name. */
__attribute__((visibility("default"))) int main(int argc, char *argv[]) {
    struct criterion_test_set *tests = criterion_initialize();
    const char *patience = getenv("AFFJORD_PATIENCE");
    if (patience) stretch(tests, strtod(patience, NULL));
    const bool runs = criterion_handle_args(argc, argv, true);
    const bool passed = !runs || criterion_run_all_tests(tests);
    criterion_finalize(tests);
    if (runs && tested == 0)
        fputs("no test was run; expected a filter as 'toy/*' (--list prints all names) and what its tests need\n",
              stderr);
    return passed && (!runs || tested > 0) ? 0 : 1;
}
