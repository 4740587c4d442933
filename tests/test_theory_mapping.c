/* test_theory_mapping.c - fitted mappings: a limit of plain flows, and sizes out of range. */
#include <criterion/criterion.h>

#ifdef AFFJORD_DOUBLE

#include "theory/mapping.h"
#include "theory_support.h"

TestSuite(theory_mapping, .timeout = 60);

enum { POINTS = 16 };

static const mapping_spec small_mapping = {
    .visible = 1, .compared = 1, .width = 8, .steps = 4, .iterations = 300, .learning_rate = 3e-2};

Test(theory_mapping, a_plain_flow_does_not_reflect_the_line) {
    real x[POINTS], y[POINTS], z[2 * POINTS];
    double variance = 0;
    for (size_t i = 0; i < POINTS; i++) {
        x[i] = 2 * ((double)i + 0.5) / POINTS - 1;
        y[i] = -x[i];
        variance += y[i] * y[i] / POINTS;
    }
    mapping *plain = NULL, *general = NULL;
    mapping_spec spec = small_mapping;
    spec.steps = 12; /* long steps can fold the line, which the exact flow cannot */
    spec.iterations = 60;
    cr_assert_eq(mapping_fit(&spec, POINTS, x, y, &plain), STATUS_OK);
    cr_assert_geq(mapping_error(plain), variance * (1 - 1e-9));
    cr_assert_leq(mapping_error(plain), variance * 1.1, "it is the variance of y: %g", mapping_error(plain));
    mapping_apply(plain, POINTS, x, z);
    for (size_t i = 1; i < POINTS; i++) cr_assert_gt(z[i], z[i - 1], "it stays increasing");
    spec = small_mapping;
    spec.joined = 1;
    spec.iterations = 150;
    cr_assert_eq(mapping_fit(&spec, POINTS, x, y, &general), STATUS_OK);
    cr_assert_leq(mapping_error(general), 0.01 * variance, "%g of %g", mapping_error(general), variance);
    mapping_apply(general, POINTS, x, z);
    for (size_t i = 0; i < POINTS; i++) cr_assert_float_eq(z[2 * i], y[i], 0.3);
    mapping_destroy(&plain), mapping_destroy(&general), mapping_destroy(&general);
    cr_assert_null(plain);
}

Test(theory_mapping, sizes_out_of_range_are_refused) {
    const real x[2 * (CHUNK + 1)] = {0}, y[CHUNK + 1] = {0};
    mapping *fit = NULL;
#define REFUSED(count, ...)                                                                                            \
    do {                                                                                                               \
        mapping_spec spec = small_mapping;                                                                             \
        __VA_ARGS__;                                                                                                   \
        cr_assert_eq(mapping_fit(&spec, count, x, y, &fit), STATUS_INVALID, #__VA_ARGS__);                             \
        cr_assert_null(fit);                                                                                           \
    } while (0)
    REFUSED(4, spec.visible = 0);
    REFUSED(4, spec.joined = 8);
    REFUSED(4, spec.compared = 0);
    REFUSED(4, spec.compared = 2);
    REFUSED(4, spec.steps = 0);
    REFUSED(4, spec.width = 0);
    REFUSED(0, (void)0);
    REFUSED(CHUNK + 1, (void)0);
    mapping_spec spec = small_mapping;
    spec.joined = 7;
    spec.iterations = 2;
    cr_assert_eq(mapping_fit(&spec, CHUNK, x, y, &fit), STATUS_OK);
    mapping_destroy(&fit);
}

#endif
