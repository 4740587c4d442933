/* test_random.c - Philox's known answers, moments, and independence of draws. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/random.h"

/* The words behind the uniform numbers. */
static void words_of(random_stream stream, uint64_t sample, uint32_t block, uint32_t words[4]) {
    double u[4];
    random_uniform4(stream, sample, block, u);
    for (int i = 0; i < 4; i++) words[i] = (uint32_t)(u[i] * 0x1p32 - 0.5);
}

/* Answers published with Random123 for philox4x32-10, with counter and key split into this library's fields. */
Test(random, known_answers) {
    const struct {
        random_stream stream;
        uint64_t sample;
        uint32_t block, words[4];
    } cases[] = {
        {{0, (random_purpose)0, 0}, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT64_MAX, (random_purpose)0xff, UINT64_MAX},
         UINT32_MAX,
         0xffffff,
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x299f31d0a4093822, (random_purpose)0x85, 0x0370734413198a2e},
         0x243f6a88,
         0xa308d3,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t words[4];
        words_of(cases[i].stream, cases[i].sample, cases[i].block, words);
        cr_expect_arr_eq(words, cases[i].words, sizeof words, "case %zu", i);
    }
}

/* The format is fixed: these bits must never change. */
Test(random, normals_are_these_bits) {
    const double expected[4] = {0x1.1a2fc5de1bfd3p+1, 0x1.d5d0b996750aep-3, -0x1.8e37a504b9dbep-1,
                                0x1.bb1a398d212dcp-2};
    double n[4];
    random_normal4((random_stream){7, RANDOM_TRAINING, 11}, 13, 1, n);
    for (int i = 0; i < 4; i++) cr_expect_eq(n[i], expected[i], "%d: %a", i, n[i]);
}

enum { DRAWS = 100000 };

/* Check that a mean is within 5 standard errors of its expectation. */
static void expect_mean(const char *what, double sum, double mean, double variance, double count) {
    double error = sum / count - mean;
    cr_expect_lt(fabs(error), 5 * sqrt(variance / count), "%s: %g off", what, error);
}

typedef void draw4(random_stream stream, uint64_t sample, uint32_t block, double values[4]);

/* Sums of powers 1 .. 4 of the four words together, and of products of two words. */
typedef struct sums {
    double power[5];
    double product[4][4];
} sums;

static sums sum_draws(draw4 *draw, double centre) {
    sums total = {0};
    random_stream stream = {42, RANDOM_TRAINING, 3};
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x[4];
        draw(stream, i, 0, x);
        for (int a = 0; a < 4; a++) {
            double y = x[a] - centre, power = 1;
            for (int p = 0; p <= 4; p++, power *= y) total.power[p] += power;
            for (int b = 0; b < a; b++) total.product[a][b] += y * (x[b] - centre);
        }
    }
    return total;
}

static void expect_uncorrelated(const sums *total, double variance) {
    for (int a = 0; a < 4; a++) {
        for (int b = 0; b < a; b++) {
            char what[32];
            snprintf(what, sizeof what, "words %d and %d", a, b);
            expect_mean(what, total->product[a][b], 0, variance * variance, DRAWS);
        }
    }
}

Test(random, uniform_moments) {
    sums total = sum_draws(random_uniform4, 0.5);
    /* About 1/2, the k-th moment of U(0, 1) is 1 / (2^k (k + 1)) for even k. */
    expect_mean("mean", total.power[1], 0, 1.0 / 12, 4 * DRAWS);
    expect_mean("variance", total.power[2], 1.0 / 12, 1.0 / 80 - 1.0 / 144, 4 * DRAWS);
    expect_mean("third moment", total.power[3], 0, 1.0 / 448, 4 * DRAWS);
    expect_mean("fourth moment", total.power[4], 1.0 / 80, 1.0 / 2304 - 1.0 / 6400, 4 * DRAWS);
    expect_uncorrelated(&total, 1.0 / 12);
}

Test(random, normal_moments) {
    sums total = sum_draws(random_normal4, 0);
    expect_mean("mean", total.power[1], 0, 1, 4 * DRAWS);
    expect_mean("variance", total.power[2], 1, 2, 4 * DRAWS);
    expect_mean("third moment", total.power[3], 0, 15, 4 * DRAWS);
    expect_mean("fourth moment", total.power[4], 3, 96, 4 * DRAWS);
    expect_uncorrelated(&total, 1);
}

Test(random, normal_tails) {
    double beyond[3] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        double n[4];
        random_normal4((random_stream){1, RANDOM_SAMPLING, 0}, i, 0, n);
        for (int a = 0; a < 4; a++) {
            for (int k = 0; k < 3; k++) beyond[k] += fabs(n[a]) > k + 1;
        }
    }
    for (int k = 0; k < 3; k++) {
        double probability = erfc((k + 1) / sqrt(2));
        expect_mean("tail", beyond[k], probability, probability * (1 - probability), 4 * DRAWS);
    }
}

Test(random, uniforms_are_inside_and_symmetric) {
    /* Word 0 gives the least number and word 2^32 - 1 the greatest; neither may be 0 or 1, whose logarithms Box and
     * Muller would take. */
    double least = 0.5 * 0x1p-32, greatest = 1 - 0.5 * 0x1p-32;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double u[4];
        random_uniform4((random_stream){5, RANDOM_PROBE, 0}, i, 0, u);
        for (int a = 0; a < 4; a++) {
            cr_assert(u[a] >= least && u[a] <= greatest);
            double cell = u[a] * 0x1p32 - 0.5;
            cr_assert_eq(cell, floor(cell), "the middle of a cell of 2^-32");
        }
    }
}

/* A draw with one field changed is another draw, unrelated to the first. */
Test(random, every_field_splits_the_draws) {
    enum { FIELDS = 6 };
    double product[FIELDS] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        random_stream stream = {9, RANDOM_TRAINING, 5};
        random_stream other[FIELDS] = {stream, stream, stream, stream, stream, stream};
        other[0].seed = 10;
        other[1].seed = 9 | UINT64_C(1) << 32;
        other[2].purpose = RANDOM_VALIDATION;
        other[3].iteration = 6;
        other[4].iteration = 5 | UINT64_C(1) << 32;
        double a[4], b[4];
        random_uniform4(stream, i, 0, a);
        for (int field = 0; field < FIELDS; field++) {
            random_uniform4(other[field], i, field == 5, b);
            cr_assert_neq(a[0], b[0], "field %d, sample %llu", field, (unsigned long long)i);
            product[field] += (a[0] - 0.5) * (b[0] - 0.5);
        }
    }
    for (int field = 0; field < FIELDS; field++) {
        expect_mean("product of two streams", product[field], 0, 1.0 / 144, DRAWS);
    }
}

/* Neighbouring samples and iterations, the counters that change most often. */
Test(random, neighbours_are_unrelated) {
    double samples = 0, iterations = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double a[4], b[4], c[4];
        random_uniform4((random_stream){3, RANDOM_TRAINING, i}, 0, 0, a);
        random_uniform4((random_stream){3, RANDOM_TRAINING, i + 1}, 0, 0, b);
        random_uniform4((random_stream){3, RANDOM_TRAINING, i}, 1, 0, c);
        iterations += (a[3] - 0.5) * (b[3] - 0.5);
        samples += (a[3] - 0.5) * (c[3] - 0.5);
    }
    expect_mean("iterations", iterations, 0, 1.0 / 144, DRAWS);
    expect_mean("samples", samples, 0, 1.0 / 144, DRAWS);
}
