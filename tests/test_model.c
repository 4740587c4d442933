/* test_model.c - models from settings and files, through the library's interface. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/fit.h"
#include "model/model_parts.h"
#include "scratch.h"

static const model_rows unwanted = {.reals = NULL};
static const char *const small[] = {"width=8", "model.context=augmented", "steps=4", "batch=32", "epoch_iterations=10"};
enum { SMALL = sizeof small / sizeof *small, N = 2500, D = 2 };

static error_info err;

static model *create(const char *more) {
    const char *set[SMALL + 1];
    model *flow = NULL;
    memcpy(set, small, sizeof small);
    set[SMALL] = more;
    cr_assert_eq(model_create(D, SMALL + (more != NULL), set, 1, &flow, &err), STATUS_OK, "%s", err.text);
    return flow;
}

/* Rows around (3, -2), with different scales. */
static double *points(size_t n) {
    double *x = calloc(D * n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 2, .purpose = RANDOM_PROBE}, i, 0, u);
        x[D * i] = 3 + 0.5 * u[0], x[D * i + 1] = -2 + u[1];
    }
    return x;
}

static void fit(model *flow, double *x, size_t n, uint64_t iterations) {
    model_fit *training = NULL;
    model_epoch epoch = {.epoch = 0};
    cr_assert_eq(model_fit_create(flow, (model_rows){.doubles = x}, n, n / 10, iterations, 1, &training, &err),
                 STATUS_OK, "%s", err.text);
    while (!model_fit_finished(training)) {
        bool ended;
        cr_assert_eq(model_fit_step(training, &ended, &epoch, &err), STATUS_OK, "%s", err.text);
    }
    cr_expect_eq(epoch.iteration, iterations);
    cr_expect(isfinite(epoch.validation_loss));
    model_fit_end(&training);
}

static double *density(model *flow, double *x, size_t n) {
    double *log_p = calloc(n, sizeof *log_p);
    cr_assert_eq(model_transform(flow, (model_rows){.doubles = x}, 0, n, 0, unwanted, log_p, &err), STATUS_OK, "%s",
                 err.text);
    return log_p;
}

/* In the data's own units and in standard ones. */
Test(model, trained_written_and_read_it_is_the_same) {
    char folder[64], path[128];
    scratch_create(folder);
    scratch_path(folder, "m.safetensors", path);
    for (int standardised = 0; standardised < 2; standardised++) {
        double *x = points(N), slopes[D], base[D], back[D];
        model *flow = create(standardised ? "standardise=yes" : "standardise=no"), *read = NULL;
        fit(flow, x, N, 40);
        cr_assert_eq(model_write(flow, path, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(model_open(path, 3, &read, &err), STATUS_OK, "%s", err.text);
        cr_expect_null(model_note(read, 0));
        cr_expect_str_eq(model_text(read, "solver.steps"), "4");
        cr_expect_str_eq(model_text(read, "train.iterations"), "40");
        double *one = density(flow, x, N), *other = density(read, x, N);
        cr_expect_arr_eq(one, other, N * sizeof *one);
        const double h = 1e-2;
        cr_assert_eq(model_score(read, (model_rows){.doubles = x}, 0, 1, 0, (model_rows){.doubles = slopes}, &err),
                     STATUS_OK);
        for (size_t d = 0; d < D; d++) {
            double near[2 * D] = {x[0], x[1], x[0], x[1]};
            near[d] += h, near[D + d] -= h;
            double *sides = density(read, near, 2);
            cr_expect_float_eq(slopes[d], (sides[0] - sides[1]) / (2 * h), 5e-3, "%g, %g", slopes[d],
                               (sides[0] - sides[1]) / (2 * h));
            free(sides);
        }
        cr_assert_eq(
            model_transform(read, (model_rows){.doubles = x}, 0, 1, 0, (model_rows){.doubles = base}, NULL, &err),
            STATUS_OK);
        cr_assert_eq(model_invert(read, (model_rows){.doubles = base}, 0, 1, (model_rows){.doubles = back}, &err),
                     STATUS_OK);
        for (size_t d = 0; d < D; d++) cr_expect_float_eq(back[d], x[d], 0.05);
        free(one), free(other), free(x);
        model_close(&flow);
        model_close(&read);
    }
    scratch_remove(folder);
}

/* Reals, doubles, and parts from a multiple of the batch. */
Test(model, a_matrix_in_parts_has_the_same_bits) {
    const size_t part = 1024;
    double *x = points(N), in_parts[N];
    real *narrow = calloc(D * N, sizeof *narrow), *samples = calloc(D * N, sizeof *samples);
    real *later = calloc(D * N, sizeof *later);
    for (size_t i = 0; i < D * N; i++) x[i] = (double)(narrow[i] = (real)x[i]);
    model *flow = create("method=dopri5");
    cr_assert_eq(model_batch(flow), part);
    fit(flow, x, N, 5);
    double *whole = density(flow, x, N);
    for (size_t first = 0; first < N; first += part)
        cr_assert_eq(model_transform(flow, (model_rows){.reals = narrow + D * first}, first,
                                     N - first < part ? N - first : part, 0, unwanted, in_parts + first, &err),
                     STATUS_OK);
    cr_expect_arr_eq(in_parts, whole, sizeof in_parts);
    cr_assert_eq(model_sample(flow, 3, 0, N, (model_rows){.reals = samples}, &err), STATUS_OK);
    cr_assert_eq(model_sample(flow, 3, part, N - part, (model_rows){.reals = later}, &err), STATUS_OK);
    cr_expect_arr_eq(later, samples + D * part, D * (N - part) * sizeof *later);
    free(x), free(narrow), free(samples), free(later), free(whole);
    model_close(&flow);
}

Test(model, images_are_those_of_their_bytes) {
    enum { IMAGES = 120, PIXELS = 3 * 8 * 8, FIRST = 50 };
    const specification_shape shape = {.dimension = PIXELS, .image = {3, 8, 8}};
    unsigned char bytes[IMAGES * PIXELS];
    settings values;
    settings_default(&values);
    values.image_hidden_channels = 3, values.image_hidden_layers = 1, values.flow_end_time = 1;
    values.flow_divergence = DIVERGENCE_RADEMACHER;
    values.solver_method = TABLEAU_DOPRI5, values.solver_atol = values.solver_rtol = 1e-2;
    model *flow = NULL;
    cr_assert_eq(model_build(&values, &shape, NULL, NULL, NULL, &flow, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(model_own_parameters(flow, &err), STATUS_OK);
    chain_initialise(flow->images, 4, flow->own_params);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 37 % 251);
    real *x = calloc(IMAGES * PIXELS, sizeof *x), *slopes = calloc(IMAGES * PIXELS, sizeof *slopes);
    model_dequantize(flow, bytes, IMAGES, 6, x);
    for (size_t i = 0; i < PIXELS; i++) /* channels first, then last */
        cr_assert_eq((unsigned char)(256 * x[i]), bytes[i % 3 * 64 + i / 3]);
    double whole[IMAGES], rest[IMAGES - FIRST];
    cr_assert_eq(model_transform(flow, (model_rows){.reals = x}, 0, IMAGES, 1, unwanted, whole, &err), STATUS_OK);
    cr_assert_eq(model_transform(flow, (model_rows){.reals = x + FIRST * PIXELS}, FIRST, IMAGES - FIRST, 1, unwanted,
                                 rest, &err),
                 STATUS_OK);
    cr_expect_arr_eq(rest, whole + FIRST, sizeof rest);
    cr_assert_eq(model_score(flow, (model_rows){.reals = x}, 0, 2, 1, (model_rows){.reals = slopes}, &err), STATUS_OK);
    cr_expect(isfinite((double)slopes[0]) && slopes[0] != 0);
    cr_expect_eq(model_trajectory(flow, (model_rows){.reals = x}, 1, 0, NULL, unwanted, &err), STATUS_INVALID);
    cr_expect_eq(model_end_time(flow), 0);
    free(x), free(slopes);
    model_close(&flow);
}

Test(model, errors_have_messages) {
    static const struct {
        const char *set, *sentence;
    } cases[] = {{"contxt=augmented", "unknown setting model.contxt; the nearest is model.context"},
                 {"solver.steps", "expected NAME=VALUE"},
                 {"name=mine", "unknown setting model.name"},
                 {"steps=0", "solver.steps = 0: expected an integer"},
                 {"context=general", "there is no density"}};
    model *flow = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(model_create(D, 1, &cases[i].set, 1, &flow, &err), STATUS_INVALID);
        cr_expect_not_null(strstr(err.text, cases[i].sentence), "%s: %s", cases[i].set, err.text);
        cr_assert_null(flow);
    }
    static const char *const lifted[] = {"context=lifted", "field=mlp"};
    real at[D] = {0}, slope[D];
    cr_assert_eq(model_create(D, 2, lifted, 1, &flow, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(model_score(flow, (model_rows){.reals = at}, 0, 1, 0, (model_rows){.reals = slope}, &err),
                 STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "model.context = lifted: it has no trajectories"), "%s", err.text);
    model_close(&flow);
    cr_expect_eq(model_open("nowhere.safetensors", 1, &flow, &err), STATUS_IO);
    flow = create(NULL);
    double x[2 * D] = {1, 2, 3, (double)NAN};
    model_fit *training = NULL;
    cr_expect_eq(model_fit_create(flow, (model_rows){.doubles = x}, 2, 1, 1, 0, &training, &err), STATUS_FORMAT);
    cr_expect_not_null(strstr(err.text, "row 2, column 2"), "%s", err.text);
    x[3] = 4;
    cr_expect_eq(model_fit_create(flow, (model_rows){.doubles = x}, 2, 2, 1, 0, &training, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "2 of 2 points held out"), "%s", err.text);
    cr_expect_null(training);
    model_close(&flow);
}
