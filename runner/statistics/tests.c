/* tests.c - tests and intervals for few seeds. */
#include "statistics/tests.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/random.h"

static const interval unknown_interval = {(double)NAN, (double)NAN};
static const test_result unknown_result = {(double)NAN, (double)NAN, (double)NAN};

/* --- Distributions --- */

/* The continued fraction of the incomplete beta function (Lentz's method; Press et al., Numerical Recipes, 6.4), which
 * converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 500; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double factor = 1;
        for (int half = 0; half < 2; half++) {
            const double term = half == 0 ? even : odd;
            d = 1 + term * d, c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            factor = d * c;
            h *= factor;
        }
        if (fabs(factor - 1) < 1e-15) break;
    }
    return h;
}

/* I_x(a, b), regularized. */
static double incomplete_beta(double a, double b, double x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double tests_student_p(double t, double df) {
    if (isnan(t) || !(df > 0)) return (double)NAN;
    return incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

/* x with I_x(a, b) = p, by bisection. */
static double beta_quantile(double a, double b, double p) {
    double low = 0, high = 1;
    for (int i = 0; i < 200 && low < high; i++) {
        const double middle = 0.5 * (low + high);
        if (incomplete_beta(a, b, middle) < p) low = middle;
        else high = middle;
    }
    return 0.5 * (low + high);
}

interval tests_share(size_t count, size_t n) {
    const double k = (double)count, rest = (double)(n - count);
    if (n == 0) return unknown_interval;
    return (interval){.low = count == 0 ? 0 : beta_quantile(k, rest + 1, 0.025),
                      .high = count == n ? 1 : beta_quantile(k + 1, rest, 0.975)};
}

/* --- Means --- */

double tests_mean(size_t n, const double *x) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return n > 0 ? sum / (double)n : (double)NAN;
}

double tests_deviation(size_t n, const double *x) {
    const double mean = tests_mean(n, x);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : (double)NAN;
}

double tests_correlation(size_t n, const double *x, const double *y) {
    const double mx = tests_mean(n, x), my = tests_mean(n, y);
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - mx) * (y[i] - my);
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}

test_result tests_paired(size_t n, const double *x, const double *y) {
    if (n < 2) return unknown_result;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += y[i] - x[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (y[i] - x[i] - mean) * (y[i] - x[i] - mean);
    const double error = sqrt(squares / (double)(n - 1) / (double)n), df = (double)(n - 1);
    if (!(error > 0)) return unknown_result;
    return (test_result){.statistic = mean / error, .df = df, .p = tests_student_p(mean / error, df)};
}

test_result tests_welch(size_t nx, const double *x, size_t ny, const double *y) {
    if (nx < 2 || ny < 2) return unknown_result;
    const double a = pow(tests_deviation(nx, x), 2) / (double)nx, b = pow(tests_deviation(ny, y), 2) / (double)ny;
    if (!(a + b > 0)) return unknown_result;
    const double t = (tests_mean(ny, y) - tests_mean(nx, x)) / sqrt(a + b);
    const double df = (a + b) * (a + b) / (a * a / (double)(nx - 1) + b * b / (double)(ny - 1));
    return (test_result){.statistic = t, .df = df, .p = tests_student_p(t, df)};
}

/* --- Ranks --- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* twice (n) <- twice the mid-rank of each x (n); sorted (n) is scratch. */
static void rank_twice(size_t n, const double *x, double *sorted, size_t *twice) {
    for (size_t i = 0; i < n; i++) sorted[i] = x[i];
    qsort(sorted, n, sizeof *sorted, ascending);
    for (size_t i = 0; i < n; i++) {
        size_t first = 0, last;
        while (sorted[first] < x[i]) first++;
        for (last = first; last + 1 < n && sorted[last + 1] == x[i]; last++) {
        }
        twice[i] = first + last + 2;
    }
}

/* p of a sum `observed` of twice the ranks, from the share[s] of all choices that have the sum s <= most: twice the
 * smaller tail, at most 1. */
static double two_tails(size_t most, const double *share, size_t observed) {
    double below = 0, above = 0;
    for (size_t s = 0; s <= most; s++) {
        if (s <= observed) below += share[s];
        if (s >= observed) above += share[s];
    }
    const double p = 2 * (below < above ? below : above);
    return p < 1 ? p : 1;
}

/* |y - x| as a number that ranks: a difference of an infinity ranks behind all that are finite. */
static double signed_difference(double x, double y) {
    if (x == y) return 0; /* two infinities too */
    return y - x;
}

status tests_wilcoxon(size_t n, const double *x, const double *y, test_result *out) {
    *out = unknown_result;
    if (n > TESTS_SEEDS_MAX) return STATUS_INVALID;
    double *size = calloc(2 * n + 1, sizeof *size), *share = NULL;
    size_t *twice = calloc(n + 1, sizeof *twice), used = 0, most = 0, observed = 0;
    status outcome = size && twice ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; outcome == STATUS_OK && i < n; i++) {
        const double off = signed_difference(x[i], y[i]);
        if (off != 0) size[used++] = fabs(off);
    }
    if (outcome == STATUS_OK && used > 0) {
        rank_twice(used, size, size + n, twice);
        for (size_t i = 0; i < used; i++) most += twice[i];
        share = calloc(most + 1, sizeof *share);
        if (!share) outcome = STATUS_MEMORY;
    }
    if (outcome == STATUS_OK && used > 0) {
        size_t so_far = 0;
        share[0] = 1;
        for (size_t i = 0; i < used; i++) { /* each sign with probability 1/2 */
            so_far += twice[i];
            for (size_t s = so_far + 1; s-- > 0;)
                share[s] = 0.5 * (share[s] + (s >= twice[i] ? share[s - twice[i]] : 0));
        }
        for (size_t i = 0, k = 0; i < n; i++) {
            const double off = signed_difference(x[i], y[i]);
            if (off == 0) continue;
            if (off > 0) observed += twice[k];
            k++;
        }
        *out = (test_result){
            .statistic = 0.5 * (double)observed, .df = (double)used, .p = two_tails(most, share, observed)};
    }
    free(size);
    free(twice);
    free(share);
    return outcome;
}

/* share (nx + 1, most + 1): over all choices of k of the ranks, probabilities of their sums; row nx is the result. */
static void choose(size_t n, size_t nx, const size_t *twice, size_t most, double *share) {
    share[0] = 1;
    for (size_t i = 0; i < n; i++)
        for (size_t k = (i + 1 < nx ? i + 1 : nx); k > 0; k--) {
            /* Number i is among the k chosen of the first i + 1 with probability k / (i + 1). */
            const double in = (double)k / (double)(i + 1);
            double *row = share + k * (most + 1), *one_less = row - (most + 1);
            for (size_t s = most + 1; s-- > 0;)
                row[s] = (k <= i ? (1 - in) * row[s] : 0) + in * (s >= twice[i] ? one_less[s - twice[i]] : 0);
        }
}

status tests_mann_whitney(size_t nx, const double *x, size_t ny, const double *y, test_result *out) {
    const size_t n = nx + ny;
    *out = unknown_result;
    if (n > TESTS_SEEDS_MAX) return STATUS_INVALID;
    if (nx == 0 || ny == 0) return STATUS_OK;
    double *all = calloc(2 * n, sizeof *all), *share = NULL, u = 0;
    size_t *twice = calloc(n, sizeof *twice), most = 0, observed = 0;
    status outcome = all && twice ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        for (size_t i = 0; i < n; i++) all[i] = i < nx ? x[i] : y[i - nx];
        rank_twice(n, all, all + n, twice);
        for (size_t i = 0; i < n; i++) most += twice[i];
        for (size_t i = 0; i < nx; i++) observed += twice[i];
        for (size_t i = 0; i < nx; i++)
            for (size_t j = 0; j < ny; j++) u += (x[i] < y[j]) + 0.5 * (x[i] == y[j]);
        share = calloc((nx + 1) * (most + 1), sizeof *share);
        if (!share) outcome = STATUS_MEMORY;
    }
    if (outcome == STATUS_OK) {
        choose(n, nx, twice, most, share);
        *out =
            (test_result){.statistic = u, .df = (double)NAN, .p = two_tails(most, share + nx * (most + 1), observed)};
    }
    free(all);
    free(twice);
    free(share);
    return outcome;
}

/* --- Resampling --- */

/* The quantile of sorted x (n), between its neighbours. */
static double quantile(size_t n, const double *x, double share) {
    const double at = share * (double)(n - 1);
    const size_t below = (size_t)at;
    return below + 1 < n ? x[below] + (at - (double)below) * (x[below + 1] - x[below]) : x[n - 1];
}

/* Share of resamples below a 95% interval of n seeds. A resample's variance is too small by the factor (n - 1)/n,
 * and percentiles follow a normal distribution instead of Student's. The expanded percentiles of Hesterberg (2015,
 * What Teachers Should Know About the Bootstrap, 3.2) correct both: 2.5% for many seeds, 0.1% for five. */
static double share_below(size_t n) {
    double low = 0, high = 1000; /* t with p = 0.05 */
    for (int i = 0; i < 200; i++) {
        const double middle = 0.5 * (low + high);
        if (tests_student_p(middle, (double)(n - 1)) > 0.05) low = middle;
        else high = middle;
    }
    return 0.5 * erfc(low * sqrt((double)n / (double)(n - 1)) / sqrt(2));
}

static interval interval_of(double below, size_t resamples, double *x) {
    qsort(x, resamples, sizeof *x, ascending);
    return (interval){.low = quantile(resamples, x, below), .high = quantile(resamples, x, 1 - below)};
}

status tests_effect(size_t n, const double *x, const double *y, paired_effect *out) {
    enum { RESAMPLES = 10000 };
    const double mx = tests_mean(n, x), my = tests_mean(n, y), spread = tests_deviation(n, y), none = (double)NAN;
    *out = (paired_effect){.difference = my - mx,
                           .effect = spread > 0 ? (my - mx) / spread : none,
                           .ratio = my != 0 ? mx / my : none,
                           .difference_95 = unknown_interval,
                           .effect_95 = unknown_interval,
                           .ratio_95 = unknown_interval};
    if (n < TESTS_RESAMPLED_LEAST) return STATUS_OK;
    double *differences = calloc(3 * (size_t)RESAMPLES + 2 * n, sizeof *differences);
    if (!differences) return STATUS_MEMORY;
    double *effects = differences + RESAMPLES, *ratios = effects + RESAMPLES, *a = ratios + RESAMPLES, *b = a + n;
    const double below = share_below(n);
    size_t kept = 0;
    for (size_t r = 0; r < RESAMPLES; r++) {
        const random_stream stream = {.seed = 0, .purpose = RANDOM_BOOTSTRAP, .iteration = r};
        for (size_t i = 0; i < n; i++) {
            double u[4];
            random_uniform4(stream, i, 0, u);
            const size_t drawn = (size_t)(u[0] * (double)n);
            a[i] = x[drawn < n ? drawn : n - 1];
            b[i] = y[drawn < n ? drawn : n - 1];
        }
        const double ma = tests_mean(n, a), mb = tests_mean(n, b), deviation = tests_deviation(n, b);
        differences[r] = mb - ma;
        ratios[r] = ma / mb;
        if (deviation > 0) effects[kept++] = differences[r] / deviation; /* not where one seed was drawn n times */
    }
    out->difference_95 = interval_of(below, RESAMPLES, differences);
    out->ratio_95 = interval_of(below, RESAMPLES, ratios);
    if (kept > 0) out->effect_95 = interval_of(below, kept, effects);
    free(differences);
    return STATUS_OK;
}

void tests_holm(size_t n, const double *p, double *adjusted) {
    size_t tests = 0, rank = 0;
    double so_far = 0, last = -1;
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = (double)NAN;
        tests += isnan(p[i]) ? 0 : 1;
    }
    /* From the smallest p on; equal ones share their value. */
    while (rank < tests) {
        double next = (double)INFINITY;
        for (size_t i = 0; i < n; i++)
            if (p[i] > last && p[i] < next) next = p[i];
        const double scaled = (double)(tests - rank) * next;
        so_far = scaled > so_far ? scaled : so_far;
        for (size_t i = 0; i < n; i++)
            if (p[i] == next) adjusted[i] = so_far < 1 ? so_far : 1, rank++;
        last = next;
    }
}
