/* tests.h - is one model lower than another, and by how much: tests and intervals for few seeds.
 *
 * Losses of seeds come in pairs: both models of a seed see the same data. p values are two-sided. Rank tests are exact:
 * they use the permutation distribution of the observed mid-ranks, including ties and infinities (failures, which rank
 * last). Everything is a function of its arguments alone; no call takes more than some milliseconds for 100 seeds. */
#ifndef AFFJORD_RUNNER_TESTS_H
#define AFFJORD_RUNNER_TESTS_H

#include <stddef.h>

#include "base/status.h"

enum { TESTS_SEEDS_MAX = 1000, TESTS_RESAMPLED_LEAST = 5 };

/* A 95% interval; NaN if it is undefined. */
typedef struct interval {
    double low, high;
} interval;

/* Return the two-sided p of Student's t with df > 0 degrees of freedom, by the regularized incomplete beta function. */
double tests_student_p(double t, double df);

/* The 95% interval of a share of `count` of n (Clopper and Pearson 1934). */
interval tests_share(size_t count, size_t n);

double tests_mean(size_t n, const double *x);
double tests_deviation(size_t n, const double *x); /* of the sample; NaN for n < 2 */
double tests_correlation(size_t n, const double *x, const double *y);

typedef struct test_result {
    double statistic, df, p; /* NaN if undefined */
} test_result;

/* Paired t of y - x (n). */
test_result tests_paired(size_t n, const double *x, const double *y);

/* Welch's t of mean(y) - mean(x). */
test_result tests_welch(size_t nx, const double *x, size_t ny, const double *y);

/* Wilcoxon's signed ranks of y - x: the sum of the ranks of positive differences; differences of zero are left out. An
 * infinite x or y ranks behind every finite difference; two infinities are a difference of zero. Errors: STATUS_MEMORY;
 * STATUS_INVALID for n > TESTS_SEEDS_MAX, here and below. */
status tests_wilcoxon(size_t n, const double *x, const double *y, test_result *out);

/* Mann and Whitney's u: the pairs in which x is lower, ties half. */
status tests_mann_whitney(size_t nx, const double *x, size_t ny, const double *y, test_result *out);

/* difference = mean(y) - mean(x), effect = difference / deviation(y), ratio = mean(x) / mean(y), with their 95%
 * intervals by 10,000 resamples of the n seeds with a fixed seed (expanded percentiles); no intervals below
 * TESTS_RESAMPLED_LEAST seeds, which have too few resamples. Errors: STATUS_MEMORY. */
typedef struct paired_effect {
    double difference, effect, ratio;
    interval difference_95, effect_95, ratio_95;
} paired_effect;
status tests_effect(size_t n, const double *x, const double *y, paired_effect *out);

/* adjusted (n) <- p (n) by Holm's procedure; NaN stays NaN and is no test. */
void tests_holm(size_t n, const double *p, double *adjusted);

#endif
