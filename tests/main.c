/* main.c - the tests' own main: limits of time that can be stretched.
 *
 * A test that takes a minute takes half an hour under an instrument. Criterion's --timeout shortens limits and does not
 * lengthen them; here AFFJORD_PATIENCE=30 makes all of them thirty times as long. */
#include <criterion/criterion.h>
#include <criterion/internal/ordered-set.h>
#include <stdlib.h>

static void stretch(struct criterion_test_set *tests, double factor) {
    FOREACH_SET(struct criterion_suite_set * set, tests->suites) {
        if (set->suite.data) set->suite.data->timeout *= factor;
        FOREACH_SET(struct criterion_test * test, set->tests) test->data->timeout *= factor;
    }
}

/* Criterion's workers look for it by its name. */
__attribute__((visibility("default"))) int main(int argc, char *argv[]) {
    struct criterion_test_set *tests = criterion_initialize();
    const char *patience = getenv("AFFJORD_PATIENCE");
    if (patience) stretch(tests, strtod(patience, NULL));
    const int passed = criterion_handle_args(argc, argv, true) ? criterion_run_all_tests(tests) : 1;
    criterion_finalize(tests);
    return passed ? 0 : 1;
}
