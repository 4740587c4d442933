/* test_attention.c - self-attention: the blocked operation against the plain product, its memory, and a training.
 *
 * Values and gradients of whole fields with attention are among the references of test_conv_field.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "backend/cpu/cpu.h"
#include "base/random.h"
#include "field/layers/attention.h"
#include "run_images_support.h"

static void draw(size_t n, uint64_t purpose, double scale, real *out) {
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 9, .purpose = RANDOM_PROBE, .iteration = purpose}, i, 0, u);
        out[i] = (real)(scale * u[0]);
    }
}

/* --- The plain product, in double: x (2, P, C) values and tangents, in (3 A, C), out (C, A) --- */

static double entry(const attention_shape *s, const real *matrix, size_t row, const real *x) {
    double sum = 0;
    for (size_t c = 0; c < s->channels; c++) sum += (double)matrix[row * s->channels + c] * (double)x[c];
    return sum;
}

static void plain_head(const attention_shape *s, size_t h, const real *in, const real *out, const real *x, double *y) {
    const size_t P = s->pixels, C = s->channels, d = s->size, A = s->heads * d;
    double *q = calloc(6 * P * d, sizeof *q), *p = calloc(2 * P, sizeof *p), *dp = p + P;
    for (size_t part = 0; part < 3; part++)
        for (size_t half = 0; half < 2; half++)
            for (size_t i = 0; i < P; i++)
                for (size_t k = 0; k < d; k++)
                    q[((2 * part + half) * P + i) * d + k] = entry(s, in, part * A + h * d + k, x + (half * P + i) * C);
    const double *const dq = q + P * d, *const key = dq + P * d, *const dkey = key + P * d, *const v = dkey + P * d,
                        *const dv = v + P * d;
    for (size_t i = 0; i < P; i++) {
        double sum = 0, mean = 0;
        for (size_t j = 0; j < P; j++) {
            double logit = 0, dlogit = 0;
            for (size_t k = 0; k < d; k++) {
                logit += q[i * d + k] * key[j * d + k];
                dlogit += dq[i * d + k] * key[j * d + k] + q[i * d + k] * dkey[j * d + k];
            }
            p[j] = exp(logit / sqrt((double)d));
            dp[j] = dlogit / sqrt((double)d);
            sum += p[j];
        }
        for (size_t j = 0; j < P; j++) mean += (p[j] /= sum) * dp[j];
        for (size_t k = 0; k < d; k++) {
            double o = 0, tangent = 0;
            for (size_t j = 0; j < P; j++) {
                o += p[j] * v[j * d + k];
                tangent += p[j] * ((dp[j] - mean) * v[j * d + k] + dv[j * d + k]);
            }
            for (size_t c = 0; c < C; c++) {
                y[i * C + c] += o * (double)out[c * A + h * d + k];
                y[(P + i) * C + c] += tangent * (double)out[c * A + h * d + k];
            }
        }
    }
    free(q);
    free(p);
}

static attention_shape shape_of(size_t pixels) {
    return (attention_shape){.images = 1, .pixels = pixels, .channels = 10, .heads = 2, .size = 5};
}

static void compare_with_plain(size_t pixels, double spread, double tolerance) {
    const backend_ops *backend = cpu_backend(cpu_level_best());
    attention layer = {.shape = shape_of(pixels)};
    const attention_shape *s = &layer.shape;
    parameter_table table = {0};
    arena memory = {0};
    attention_declare(&layer, "field", &table);
    cr_assert_eq(attention_build(&layer, backend, &memory), STATUS_OK);
    const size_t n = 2 * pixels * s->channels;
    real *params = calloc(table.total, sizeof *params), *x = calloc(n, sizeof *x), *y = calloc(n, sizeof *y),
         *scratch = calloc(attention_scratch(s), sizeof *scratch);
    double *expected = calloc(n, sizeof *expected), largest = 0, error = 0;
    draw(table.total, 1, spread, params);
    draw(n, 2, 1, x);
    attention_set_params(&layer, backend, params);
    backend->attention(backend, s, layer.packed, x, y, scratch);
    for (size_t i = 0; i < n; i++) expected[i] = (double)x[i];
    for (size_t h = 0; h < s->heads; h++) plain_head(s, h, params + layer.in, params + layer.out, x, expected);
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(expected[i]));
        error = fmax(error, fabs((double)y[i] - expected[i]));
    }
    cr_assert_leq(error, (sizeof(real) == sizeof(float) ? tolerance : 1e-8 * tolerance) * largest,
                  "%zu pixels: %g of %g", pixels, error, largest);
    free(params), free(x), free(y), free(scratch), free(expected);
    arena_release(&memory);
}

/* One pixel, a block and partial blocks, rows that are not a multiple of a vector; logits of order one, and of order
 * 100, where the exponentials amplify rounding errors. */
Test(attention, blocks_give_the_plain_product) {
    static const size_t pixels[] = {1, 2, 15, 16, 32, 33, 49, 196};
    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
        compare_with_plain(pixels[i], 0.5, 2e-6);
        compare_with_plain(pixels[i], 3, 5e-5);
    }
}

/* Of order pixels, not of their square. */
Test(attention, memory_grows_with_pixels) {
    const attention_shape small = shape_of(28 * 28), large = shape_of(56 * 56);
    cr_assert_lt(attention_scratch(&large), 4 * attention_scratch(&small) + 1000);
    cr_assert_lt(attention_scratch(&large), large.pixels * large.pixels / 10);
}

/* A non-finite input gives non-finite outputs at all pixels. */
Test(attention, non_finite_inputs_give_non_finite_outputs) {
    const backend_ops *backend = cpu_backend(cpu_level_best());
    const attention_shape s = shape_of(20);
    const size_t n = 2 * s.pixels * s.channels;
    real *packed = calloc(attention_packed(&s), sizeof *packed), *x = calloc(n, sizeof *x), *y = calloc(n, sizeof *y),
         *scratch = calloc(attention_scratch(&s), sizeof *scratch);
    draw(attention_packed(&s), 3, 0.3, packed);
    draw(n, 4, 1, x);
    x[3] = (real)NAN;
    backend->attention(backend, &s, packed, x, y, scratch);
    for (size_t i = 0; i < s.pixels; i++) cr_assert(isnan(y[i * s.channels]), "pixel %zu", i);
    free(packed), free(x), free(y), free(scratch);
}

#ifndef AFFJORD_DOUBLE /* as test_run_images.c */

TestSuite(run_attention, .init = begin, .fini = end, .timeout = 240);

#define HEADS "--set image.attention_heads=2 --set image.attention_channels=6 "

Test(run_attention, a_training_learns_and_is_the_same_for_any_number_of_threads) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/one.db --quiet " HEADS);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/two.db --quiet --jobs 1 --threads 2 " HEADS);
    char *expected = results("one.db"), *seen = results("two.db");
    cr_assert_str_eq(seen, expected);
    free(expected), free(seen);
    /* Every epoch is better than the first, and not the run's without attention. */
    EXPECT(0,
           "$AFFJORD $TEST_DIR/small.ini --seeds 0 --db $TEST_DIR/one.db --quiet; sqlite3 $TEST_DIR/one.db \"SELECT "
           "count(*), sum(e.loss < f.loss) FROM epoch e JOIN epoch f USING (run_id) WHERE e.split = 'validation' AND "
           "f.split = 'validation' AND f.epoch = 1 AND e.epoch = 5; SELECT count(DISTINCT parameters), count(*) FROM "
           "run; SELECT count(*) FROM metric WHERE name LIKE 'parameters%%' AND value = (SELECT parameters FROM run r "
           "WHERE r.run_id = metric.run_id)\"");
    EXPECT_SAYS("4|4\n4|4\n");
}

Test(run_attention, is_rejected_where_unsupported) {
    static const struct {
        const char *options, *text;
    } wrong[] = {
        {"--set image.attention_heads=3 --set image.attention_channels=8",
         "attention of 8 channels: expected a multiple of its 3 heads"},
        {HEADS "--set experiment.data=ty --set flow.learn_end_time=no --set solver.method=rk4",
         "image.attention_heads = 2: points have no pixels to attend to; expected 0 for points"},
        {"--set image.attention_heads=-1", "image.attention_heads"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db %s", wrong[i].options);
        EXPECT_SAYS(wrong[i].text);
        EXPECT(1, "test -e $TEST_DIR/none.db");
    }
}

#endif
