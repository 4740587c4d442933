/* test_temperature.c - samples at a temperature: the base points of temperature 1, scaled. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/model_parts.h"

enum { POINTS = 1500, IMAGES = 60, PIXELS = 64, SEED = 5 };

static error_info err;

static double logit(double alpha, double x) {
    const double y = alpha + (1 - 2 * alpha) * x;
    return log(y) - log1p(-y);
}

/* A flow without parameters is the identity. */
Test(temperature, samples_of_the_identity_are_scaled_base_points) {
    static const char *const set[] = {"base_variance=0.5", "solver.method=dopri5"};
    model *flow = NULL;
    cr_assert_eq(model_create(2, 2, set, 1, &flow, &err), STATUS_OK, "%s", err.text);
    real *one = calloc(4 * POINTS, sizeof *one), *other = one + 2 * POINTS;
    cr_assert_eq(model_sample(flow, SEED, 0, POINTS, (model_rows){.reals = other}, &err), STATUS_OK);
    cr_assert_eq(model_sample_at(flow, 1, SEED, 0, POINTS, (model_rows){.reals = one}, &err), STATUS_OK);
    cr_expect_arr_eq(one, other, 2 * POINTS * sizeof *one, "temperature 1 is none");
    for (double T = 0.25; T < 3; T *= 1.7) {
        double squares = 0;
        cr_assert_eq(model_sample_at(flow, T, SEED, 0, POINTS, (model_rows){.reals = other}, &err), STATUS_OK);
        for (size_t i = 0; i < 2 * POINTS; i++) {
            cr_expect_float_eq((double)other[i], T * (double)one[i], 1e-6 * (1 + fabs((double)other[i])));
            squares += (double)other[i] * (double)other[i] / (2 * POINTS);
        }
        cr_expect_float_eq(squares / (0.5 * T * T), 1, 0.1, "variance T^2 s^2");
    }
    cr_expect_eq(model_sample_at(flow, 0, SEED, 0, POINTS, (model_rows){.reals = other}, &err), STATUS_INVALID);
    cr_expect_eq(model_sample_at(flow, NAN, SEED, 0, POINTS, (model_rows){.reals = other}, &err), STATUS_INVALID);
    free(one);
    model_close(&flow);
}

static model *images_of(double scale, settings *values, real **params) {
    const specification_shape shape = {.dimension = PIXELS, .image = {1, 8, 8}};
    model *made = NULL;
    settings_default(values);
    values->model_context = CONTEXT_AUGMENTED;
    values->image_variant = IMAGE_PAPER;
    values->image_hidden_layers = 1;
    values->image_hidden_channels = 4;
    values->image_augmented_dims = 6;
    values->image_hypernet_inputs = 3;
    values->flow_end_time = 1;
    values->flow_divergence = DIVERGENCE_RADEMACHER;
    values->solver_method = TABLEAU_DOPRI5;
    values->image_alpha = 0.05;
    cr_assert_eq(model_build(values, &shape, NULL, NULL, NULL, &made, &err), STATUS_OK, "%s", err.text);
    const size_t P = model_table(made)->total;
    *params = calloc(P, sizeof **params);
    chain_initialise(made->images, 2, *params);
    for (size_t i = 0; i < P; i++) (*params)[i] *= (real)scale;
    model_lend(made, *params);
    return made;
}

Test(temperature, images_of_the_identity_are_scaled_before_the_logit) {
    settings values;
    real *params, one[IMAGES * PIXELS], other[IMAGES * PIXELS];
    model *flow = images_of(0, &values, &params);
    const double T = 0.6, alpha = values.image_alpha;
    cr_assert_eq(model_sample_at(flow, 1, SEED, 0, IMAGES, (model_rows){.reals = one}, &err), STATUS_OK);
    cr_assert_eq(model_sample_at(flow, T, SEED, 0, IMAGES, (model_rows){.reals = other}, &err), STATUS_OK);
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        cr_expect_float_eq(logit(alpha, (double)other[i]), T * logit(alpha, (double)one[i]), 1e-4);
    free(params);
    model_close(&flow);
}

/* Models with the same seed get the same base points, scaled: those that samples are taken back to. */
Test(temperature, samples_are_taken_back_to_the_scaled_base_points) {
    settings values;
    static real one[IMAGES * PIXELS], other[IMAGES * PIXELS], z[2][IMAGES * PIXELS];
    double log_density[IMAGES];
    for (int kind = 0; kind < 2; kind++) {
        real *params;
        model *flow = images_of(kind ? 1.5 : 0.7, &values, &params);
        const double T = 0.8;
        cr_assert_eq(model_sample_at(flow, T, SEED, 0, IMAGES, (model_rows){.reals = one}, &err), STATUS_OK);
        cr_assert_eq(model_transform(flow, (model_rows){.reals = one}, 0, IMAGES, 0, (model_rows){.reals = z[kind]},
                                     log_density, &err),
                     STATUS_OK);
        cr_assert_eq(model_sample(flow, SEED, 0, IMAGES, (model_rows){.reals = other}, &err), STATUS_OK);
        cr_assert_eq(model_transform(flow, (model_rows){.reals = other}, 0, IMAGES, 0, (model_rows){.reals = one},
                                     log_density, &err),
                     STATUS_OK);
        for (size_t i = 0; i < IMAGES * PIXELS; i++)
            cr_expect_float_eq((double)z[kind][i], T * (double)one[i], 2e-3, "model %d, number %zu", kind, i);
        free(params);
        model_close(&flow);
    }
    for (size_t i = 0; i < IMAGES * PIXELS; i++) cr_expect_float_eq((double)z[0][i], (double)z[1][i], 4e-3);
}
