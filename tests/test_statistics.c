/* test_statistics.c - tests and intervals against R 4.2 (t.test, wilcox.test, p.adjust, binom.test, pt) and against
 * enumerations of all permutations. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>

#include "statistics/linear.h"
#include "statistics/tests.h"

static const double X[] = {1.064, 1.051, 1.082, 1.043, 1.0712, 1.09};
static const double Y[] = {1.087, 1.101, 1.079, 1.0955, 1.11, 1.093, 1.0805};

static void expect_close(double value, double expected, const char *what) {
    cr_expect_float_eq(value, expected, 1e-9 * fabs(expected) + 1e-300, "%s: %.15g, expected %.15g", what, value,
                       expected);
}

Test(statistics, student_and_shares_are_those_of_r) {
    expect_close(tests_student_p(2.5, 4), 0.0667665448119881, "t = 2.5");
    expect_close(tests_student_p(-0.3, 1), 0.814452841844515, "t = -0.3");
    expect_close(tests_student_p(12, 57.3), 2.8631611972623e-17, "t = 12");
    expect_close(tests_student_p(1e-3, 9), 0.999223930325973, "t = 0.001");
    cr_expect(isnan(tests_student_p(1, 0)));
    const interval few = tests_share(6, 60), none = tests_share(0, 30), all = tests_share(5, 5);
    expect_close(few.low, 0.037591269108566, "6 of 60");
    expect_close(few.high, 0.205057736708064, "6 of 60");
    cr_expect_eq(none.low, 0);
    expect_close(none.high, 0.115703308222028, "0 of 30");
    expect_close(all.low, 0.478176249895019, "5 of 5");
    cr_expect_eq(all.high, 1);
    cr_expect(isnan(tests_share(0, 0).low));
}

Test(statistics, means_are_compared_as_r_does) {
    const test_result paired = tests_paired(6, X, Y), welch = tests_welch(6, X, 7, Y);
    expect_close(paired.statistic, 2.82959350043969, "paired t");
    expect_close(paired.p, 0.0366922535448357, "paired p");
    expect_close(welch.statistic, 3.00688305395505, "Welch's t");
    expect_close(welch.df, 8.10482754835777, "Welch's df");
    expect_close(welch.p, 0.0166432690015652, "Welch's p");
    expect_close(tests_correlation(6, X, Y), -0.317553666518098, "correlation");
    expect_close(tests_deviation(6, X), 0.0179584706104576, "deviation");
    cr_expect(isnan(tests_paired(1, X, Y).p));
    cr_expect(isnan(tests_paired(3, X, X).p), "no differences, no test");
}

Test(statistics, rank_tests_are_exact) {
    test_result signs, ranks;
    cr_assert_eq(tests_wilcoxon(6, X, Y, &signs), STATUS_OK);
    expect_close(signs.statistic, 19, "signed ranks");
    expect_close(signs.p, 0.09375, "signed ranks, p");
    cr_assert_eq(tests_mann_whitney(6, X, 7, Y, &ranks), STATUS_OK);
    expect_close(ranks.statistic, 37, "u");
    expect_close(ranks.p, 0.0221445221445221, "u, p");

    /* Ties, and failures ranked last, against an enumeration of all signs and all choices. */
    const double x[] = {1, 2, 3, INFINITY, 5}, y[] = {2, 2, 4, 6, INFINITY};
    cr_assert_eq(tests_wilcoxon(5, x, y, &signs), STATUS_OK);
    expect_close(signs.statistic, 6.5, "signed ranks with ties");
    expect_close(signs.df, 4, "a difference of zero is left out");
    expect_close(signs.p, 0.75, "signed ranks with ties, p");
    cr_assert_eq(tests_mann_whitney(5, x, 5, y, &ranks), STATUS_OK);
    expect_close(ranks.statistic, 14.5, "u with ties");
    expect_close(ranks.p, 0.714285714285714, "u with ties, p");

    const double three[] = {1, 2, 3}, more[] = {4, 5, 6};
    cr_assert_eq(tests_mann_whitney(3, three, 3, more, &ranks), STATUS_OK);
    expect_close(ranks.p, 0.1, "the least p of three against three");
    cr_assert_eq(tests_wilcoxon(3, three, three, &signs), STATUS_OK);
    cr_expect(isnan(signs.p));
}

Test(statistics, intervals_have_their_coverage) {
    /* Pairs whose true effect is 1: 95% of the intervals have it. Numbers are drawn without a library. */
    enum { TRIES = 200, N = 12 };
    size_t covered = 0;
    uint64_t state = 1;
    for (int i = 0; i < TRIES; i++) {
        double x[N], y[N];
        for (int k = 0; k < N; k++) {
            double sum[2] = {-6, -6}; /* twelve uniform numbers minus 6: nearly normal */
            for (int j = 0; j < 24; j++) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                sum[j / 12] += (double)(state >> 11) / 9007199254740992.0;
            }
            x[k] = sum[0] - 1, y[k] = sum[1];
        }
        paired_effect found;
        cr_assert_eq(tests_effect(N, x, y, &found), STATUS_OK);
        if (found.difference_95.low <= 1 && found.difference_95.high >= 1) covered++;
        cr_expect_leq(found.difference_95.low, found.difference);
        cr_expect_geq(found.difference_95.high, found.difference);
    }
    cr_expect_geq(covered, 182, "%zu of %d", covered, TRIES);
    cr_expect_leq(covered, 199, "%zu of %d", covered, TRIES);
}

Test(statistics, effects_are_the_same_each_time_and_need_five_seeds) {
    paired_effect one, two;
    cr_assert_eq(tests_effect(6, X, Y, &one), STATUS_OK);
    cr_assert_eq(tests_effect(6, X, Y, &two), STATUS_OK);
    cr_expect_eq(one.effect_95.low, two.effect_95.low);
    expect_close(one.ratio, tests_mean(6, X) / tests_mean(6, Y), "ratio");
    expect_close(one.effect, (tests_mean(6, Y) - tests_mean(6, X)) / tests_deviation(6, Y), "effect");
    cr_assert_eq(tests_effect(4, X, Y, &one), STATUS_OK);
    cr_expect(isnan(one.difference_95.low) && isnan(one.effect_95.high) && isnan(one.ratio_95.low));
}

Test(statistics, holm_is_that_of_r) {
    const double p[] = {0.01, 0.04, NAN, 0.03, 0.005};
    double adjusted[5];
    tests_holm(5, p, adjusted);
    expect_close(adjusted[0], 0.03, "0.01");
    expect_close(adjusted[1], 0.06, "0.04");
    cr_expect(isnan(adjusted[2]));
    expect_close(adjusted[3], 0.06, "0.03");
    expect_close(adjusted[4], 0.02, "0.005");
}

/* y = 2 - 3 a + b + a noise that is orthogonal to both; a column that depends on others has no fit. */
Test(statistics, least_squares_find_the_coefficients) {
    double design[6 * 3], y[6], b[3];
    static const double a[] = {-1, 0, 1, -1, 0, 1}, c[] = {1, 1, 1, -1, -1, -1}, noise[] = {1, -2, 1, -1, 2, -1};
    for (int i = 0; i < 6; i++) {
        design[3 * i] = 1, design[3 * i + 1] = a[i], design[3 * i + 2] = c[i];
        y[i] = 2 - 3 * a[i] + c[i] + 0.5 * noise[i];
    }
    cr_assert(linear_fit(6, 3, design, y, b));
    cr_expect_float_eq(b[0], 2, 1e-14);
    cr_expect_float_eq(b[1], -3, 1e-14);
    cr_expect_float_eq(b[2], 1, 1e-14);
    for (int i = 0; i < 6; i++) design[3 * i] = 1, design[3 * i + 1] = a[i], design[3 * i + 2] = 2 - a[i];
    cr_expect_not(linear_fit(6, 3, design, y, b));
    cr_expect_not(linear_fit(2, 3, design, y, b), "fewer rows than columns");
    for (int i = 0; i < 18; i++) design[i] = 0;
    cr_expect_not(linear_fit(6, 3, design, y, b));
}
