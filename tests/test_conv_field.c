/* test_conv_field.c - the convolutional field against float64 references (tests/golden/conv), finite differences of
 * every parameter, and its own results with other threads. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/random.h"
#include "field/conv_field.h"
#include "golden_support.h"

static const char folder[] = "tests/golden/conv";

#ifdef AFFJORD_DOUBLE
static const double value_tolerance = 1e-12, gradient_tolerance = 1e-12;
#else
static const double value_tolerance = 1e-5, gradient_tolerance = 2e-5;
#endif

/* --- Golden values --- */

/* Files without attention have no such setting: 0. */
static size_t optional(const golden *g, const char *key) {
    return checkpoint_get_text(g->file, key) ? number(g, key) : 0;
}

static conv_field_spec specification(const golden *g, conv_method method) {
    static const char *const functions[] = {"softplus", "tanh", "swish"};
    static const char *const layers[] = {IMAGE_LAYERS(CHOICE_TEXT)};
    conv_field_spec spec = {.channels = number(g, "channels"),
                            .height = number(g, "height"),
                            .width = number(g, "width"),
                            .function = (activation)choice(g, "function", 3, functions),
                            .layer = (image_layer)choice(g, "layer", 4, layers),
                            .context = number(g, "context"),
                            .fed = number(g, "fed"),
                            .joined = number(g, "joined"),
                            .attention_heads = optional(g, "heads"),
                            .attention_channels = optional(g, "attention"),
                            .method = method};
    char *end;
    for (const char *at = text(g, "hidden"); *at; at = end) spec.hidden[spec.hidden_layers++] = strtoul(at, &end, 10);
    return spec;
}

static void check_golden(const golden *g, conv_method method) {
    const conv_field_spec spec = specification(g, method);
    const size_t n = number(g, "batch");
    parameter_table table = {0};
    field *of = NULL;
    error_info err = {""};
    cr_assert_eq(conv_field_create(&spec, "field", NULL, cpu_backend(cpu_level_best()), &table, &of, &err), STATUS_OK,
                 "%s", err.text);
    const size_t all = n * of->dimension;
    real *params = reals(table.total), *gradient = reals(table.total);
    for (size_t k = 0; k < table.count; k++) {
        const parameter *part = &table.entries[k];
        const double *values = array(g, part->name, part->rows * part->columns);
        for (size_t i = 0; i < part->rows * part->columns; i++) params[part->offset + i] = (real)values[i];
    }
    real *z = as_reals(g, "z", all), *e = as_reals(g, "e", all), *c = as_reals(g, "c", spec.context);
    real *fbar = as_reals(g, "fbar", all), *product_bar = as_reals(g, "product_bar", all);
    real *f = reals(all), *product = reals(all), *zbar = reals(all), *cbar = reals(spec.context);

    field_set_params(of, params);
    field_prepare(of, params, c);
    const field_values values = {.f = f, .product = product}, bar = {.f = fbar, .product = product_bar}, none = {0};
    field_forward(of, n, z, e, &values);
    compare(g, "f", f, all, value_tolerance);
    compare(g, "product", product, all, value_tolerance);
    field_forward(of, n, z, NULL, &values);
    compare(g, "f", f, all, value_tolerance);
    for (size_t i = 0; i < all; i++) cr_assert_eq(product[i], 0, "without a probe");

    /* Backward twice with halves of the cotangents: contributions are added. */
    for (size_t i = 0; i < all; i++) fbar[i] /= 2, product_bar[i] /= 2;
    field_backward(of, n, z, e, &bar, &values, zbar);
    compare(g, "f", f, all, value_tolerance);
    compare(g, "product", product, all, value_tolerance);
    field_backward(of, n, z, e, &bar, &none, zbar);
    field_accumulate(of, params, c, gradient, cbar);
    for (size_t i = 0; i < all; i++) zbar[i] *= 2;
    compare(g, "gradient.z", zbar, all, gradient_tolerance);
    compare(g, "gradient.c", cbar, spec.context, gradient_tolerance);
    for (size_t k = 0; k < table.count; k++) {
        const parameter *part = &table.entries[k];
        char name[PARAMETER_NAME_MAX + 16];
        snprintf(name, sizeof name, "gradient.%s", part->name);
        compare(g, name, gradient + part->offset, part->rows * part->columns, gradient_tolerance);
    }
    /* accumulate has reset the sums. */
    real *nothing = reals(table.total);
    field_accumulate(of, params, c, nothing, cbar);
    for (size_t i = 0; i < table.total; i++) cr_assert_eq(nothing[i], 0);
    free(params), free(gradient), free(nothing), free(z), free(e), free(c), free(fbar), free(product_bar);
    free(f), free(product), free(zbar), free(cbar);
    field_destroy(&of);
}

Test(conv_field, values_and_gradients_are_those_of_the_reference) {
    DIR *all = opendir(folder);
    cr_assert_not_null(all, "%s", folder);
    size_t cases = 0;
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
        if (!strstr(entry->d_name, ".safetensors")) continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        golden g = {.name = entry->d_name};
        error_info err = {""};
        cr_assert_eq(checkpoint_read(path, &g.file, &err), STATUS_OK, "%s", err.text);
        check_golden(&g, CONV_AUTO);
        check_golden(&g, CONV_REFERENCE);
        checkpoint_destroy(&g.file);
        cases++;
    }
    closedir(all);
    cr_assert_geq(cases, 17, "every case was there");
}

/* --- Properties of the field --- */

static void draw(size_t n, uint64_t purpose, real *out) {
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 5, .purpose = RANDOM_PROBE, .iteration = purpose}, i, 0, u);
        out[i] = (real)u[0];
    }
}

/* A field with everything that a call on it needs. */
typedef struct bench {
    conv_field_spec spec;
    parameter_table table;
    field *field;
    size_t n, all;
    real *params, *gradient, *c, *cbar, *z, *e, *zbar;
    field_values out, bar; /* all five, and their cotangents */
} bench;

static void bench_open(bench *b, conv_field_spec spec, size_t n, parallel *workers, cpu_level level) {
    error_info err = {""};
    *b = (bench){.spec = spec, .n = n};
    cr_assert_eq(conv_field_create(&spec, "field", workers, cpu_backend(level), &b->table, &b->field, &err), STATUS_OK,
                 "%s", err.text);
    b->all = n * b->field->dimension;
    real **const batch[] = {&b->z, &b->e, &b->zbar, &b->bar.f, &b->out.f, &b->out.product, &b->bar.product};
    real **const each[] = {&b->out.divergence, &b->out.kinetic, &b->out.jacobian,
                           &b->bar.divergence, &b->bar.kinetic, &b->bar.jacobian};
    for (size_t i = 0; i < 7; i++) draw(b->all, i, *batch[i] = reals(b->all));
    for (size_t i = 0; i < 6; i++) draw(n, 20 + i, *each[i] = reals(n));
    b->params = reals(b->table.total), b->gradient = reals(b->table.total);
    b->c = reals(spec.context), b->cbar = reals(spec.context);
    draw(b->table.total, 10, b->params);
    for (size_t i = 0; i < b->table.total; i++) b->params[i] *= (real)0.2;
    draw(spec.context, 11, b->c);
}

static void bench_close(bench *b) {
    real *const all[] = {b->params,      b->gradient,     b->c,     b->cbar,        b->z,
                         b->e,           b->zbar,         b->out.f, b->out.product, b->out.divergence,
                         b->out.kinetic, b->out.jacobian, b->bar.f, b->bar.product, b->bar.divergence,
                         b->bar.kinetic, b->bar.jacobian};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    field_destroy(&b->field);
}

static void bench_run(bench *b) {
    field_set_params(b->field, b->params);
    field_prepare(b->field, b->params, b->c);
    field_forward(b->field, b->n, b->z, b->e, &b->out);
    field_backward(b->field, b->n, b->z, b->e, &b->bar, &(field_values){0}, b->zbar);
    field_accumulate(b->field, b->params, b->c, b->gradient, b->cbar);
}

static void expect_same(const bench *a, const bench *b) {
    cr_assert_arr_eq(a->out.f, b->out.f, a->all * sizeof(real));
    cr_assert_arr_eq(a->out.product, b->out.product, a->all * sizeof(real));
    cr_assert_arr_eq(a->out.divergence, b->out.divergence, a->n * sizeof(real));
    cr_assert_arr_eq(a->out.kinetic, b->out.kinetic, a->n * sizeof(real));
    cr_assert_arr_eq(a->out.jacobian, b->out.jacobian, a->n * sizeof(real));
    cr_assert_arr_eq(a->zbar, b->zbar, a->all * sizeof(real));
    cr_assert_arr_eq(a->cbar, b->cbar, a->spec.context * sizeof(real));
    cr_assert_arr_eq(a->gradient, b->gradient, a->table.total * sizeof(real));
}

static conv_field_spec small_spec(image_layer layer, activation function) {
    return (conv_field_spec){.channels = 3,
                             .height = 7,
                             .width = 5,
                             .hidden_layers = 2,
                             .hidden = {16, 21},
                             .function = function,
                             .layer = layer,
                             .context = 4,
                             .fed = 2};
}

/* With three heads over 35 pixels: two blocks of rows. */
static conv_field_spec attending_spec(image_layer layer, activation function) {
    conv_field_spec spec = small_spec(layer, function);
    spec.attention_heads = 3;
    spec.attention_channels = 12;
    return spec;
}

Test(conv_field, same_bits_for_any_number_of_threads) {
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++) {
        bench alone;
        bench_open(&alone, attending_spec(layer, ACTIVATION_SOFTPLUS), 150, NULL, cpu_level_best());
        bench_run(&alone);
        for (size_t threads = 2; threads <= 4; threads++) {
            parallel *workers = NULL;
            cr_assert_eq(parallel_create(threads, &workers), STATUS_OK);
            bench together;
            bench_open(&together, attending_spec(layer, ACTIVATION_SOFTPLUS), 150, workers, cpu_level_best());
            bench_run(&together);
            expect_same(&alone, &together);
            bench_close(&together);
            parallel_destroy(&workers);
        }
        bench_close(&alone);
    }
}

Test(conv_field, same_bits_on_every_level) {
    for (activation function = ACTIVATION_SOFTPLUS; function < ACTIVATION_COUNT; function++) {
        const conv_field_spec spec = attending_spec(IMAGE_CONCAT, function);
        bench portable;
        bench_open(&portable, spec, 20, NULL, CPU_PORTABLE);
        bench_run(&portable);
        for (cpu_level level = CPU_AVX2; level < CPU_LEVELS; level++) {
            if (!cpu_backend(level)) continue;
            bench other;
            bench_open(&other, spec, 20, NULL, level);
            bench_run(&other);
            expect_same(&portable, &other);
            bench_close(&other);
        }
        bench_close(&portable);
    }
}

/* Images are independent: a batch equals its parts. */
Test(conv_field, a_batch_equals_its_images) {
    bench whole, part;
    bench_open(&whole, attending_spec(IMAGE_HYPER, ACTIVATION_TANH), 21, NULL, cpu_level_best());
    bench_open(&part, attending_spec(IMAGE_HYPER, ACTIVATION_TANH), 1, NULL, cpu_level_best());
    bench_run(&whole);
    const size_t D = part.all;
    for (size_t i = 0; i < whole.n; i++) {
        memcpy(part.z, whole.z + i * D, D * sizeof(real));
        memcpy(part.e, whole.e + i * D, D * sizeof(real));
        memcpy(part.bar.f, whole.bar.f + i * D, D * sizeof(real));
        memcpy(part.bar.product, whole.bar.product + i * D, D * sizeof(real));
        part.bar.divergence[0] = whole.bar.divergence[i];
        part.bar.kinetic[0] = whole.bar.kinetic[i];
        part.bar.jacobian[0] = whole.bar.jacobian[i];
        bench_run(&part);
        cr_assert_arr_eq(part.out.f, whole.out.f + i * D, D * sizeof(real));
        cr_assert_arr_eq(part.out.product, whole.out.product + i * D, D * sizeof(real));
        cr_assert_eq(part.out.jacobian[0], whole.out.jacobian[i]);
        cr_assert_arr_eq(part.zbar, whole.zbar + i * D, D * sizeof(real));
    }
    double largest = 0; /* and the gradients add up */
    for (size_t i = 0; i < whole.table.total; i++) largest = fmax(largest, fabs((double)whole.gradient[i]));
    for (size_t i = 0; i < whole.table.total; i++)
        cr_assert_float_eq((double)part.gradient[i], (double)whole.gradient[i], 1e-5 * largest);
    bench_close(&whole), bench_close(&part);
}

/* Softplus at large arguments: no overflow, an accurate tail, and NaN stays NaN. */
Test(conv_field, softplus_is_right_everywhere) {
    static const double points[] = {-200, -90, -30, -5, -1e-3, -1e-30, 0, 1e-30, 1e-3, 1, 20, 90, 1e4};
    enum { POINTS = sizeof points / sizeof points[0] };
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
        if (!cpu_backend(level)) continue;
        real h[2 * (POINTS + 1)], y[2 * (POINTS + 1)], bias[POINTS + 1] = {0};
        for (size_t i = 0; i < POINTS; i++) h[i] = (real)points[i];
        h[POINTS] = (real)NAN;
        for (size_t i = 0; i <= POINTS; i++) h[POINTS + 1 + i] = 1;
        const backend_ops *backend = cpu_backend(level);
        const dual_shape shape = {ACTIVATION_SOFTPLUS, 1, 1, POINTS + 1, 1, NULL};
        backend->dual_activate(backend, &shape, bias, true, h, y);
        for (size_t i = 0; i < POINTS; i++) {
            const double x = (double)(real)points[i];
            const double value = fmax(x, 0) + log1p(exp(-fabs(x))), slope = 1 / (1 + exp(-x));
            /* Below exp(-87), a float result is exp(-87). */
            cr_assert_float_eq((double)y[i], value, 5e-7 * value + 1.7e-38, "softplus %g is %g", x, (double)y[i]);
            cr_assert_float_eq((double)y[POINTS + 1 + i], slope, 5e-7 * slope + 1.7e-38, "slope at %g", x);
        }
        cr_assert(isnan(y[POINTS]) && isnan(y[2 * POINTS + 1]));
    }
}

/* The number of stored parameters equals the effective parameters of the image model. */
Test(conv_field, stores_the_models_effective_parameters) {
    static image_model model;
    const struct {
        image_architecture architecture;
        image_layer layer;
    } cases[] = {{IMAGE_FFJORD, IMAGE_CONCAT}, {IMAGE_AFFJORD, IMAGE_CONCAT}};
    for (size_t k = 0; k < 2; k++) {
        const image_spec spec = {.channels = 3,
                                 .height = 32,
                                 .width = 32,
                                 .architecture = cases[k].architecture,
                                 .layer = cases[k].layer,
                                 .variant = IMAGE_RELEASE,
                                 .hidden_layers = 3,
                                 .hidden = {64, 64, 64},
                                 .moving = 20,
                                 .fed = 10};
        error_info err = {""};
        cr_assert_eq(image_model_expand(&spec, &model, &err), STATUS_OK, "%s", err.text);
        for (size_t f = 2; f < model.flow_count; f++) { /* the first two are large */
            const conv_field_spec one = conv_field_specify(&model.spec, &model.flows[f], ACTIVATION_SOFTPLUS);
            parameter_table table = {0};
            field *of = NULL;
            cr_assert_eq(conv_field_create(&one, "field", NULL, cpu_backend(CPU_PORTABLE), &table, &of, &err),
                         STATUS_OK);
            cr_assert_eq(table.total + 1, model.flows[f].effective, "%zu and the end time", table.total);
            field_destroy(&of);
        }
    }
}

Test(conv_field, rejects_invalid_specifications) {
    parameter_table table = {0};
    field *of = NULL;
    error_info err;
    conv_field_spec spec = small_spec(IMAGE_HYPER, ACTIVATION_TANH);
    spec.fed = 5;
    cr_assert_eq(conv_field_create(&spec, "field", NULL, cpu_backend(CPU_PORTABLE), &table, &of, &err), STATUS_INVALID);
    spec.fed = 2;
    spec.joined = 1; /* 35 entries of a context of 4 */
    cr_assert_eq(conv_field_create(&spec, "field", NULL, cpu_backend(CPU_PORTABLE), &table, &of, &err), STATUS_INVALID);
    spec.joined = 0;
    spec.attention_heads = 3, spec.attention_channels = 8;
    cr_assert_eq(conv_field_create(&spec, "field", NULL, cpu_backend(CPU_PORTABLE), &table, &of, &err), STATUS_INVALID);
    cr_assert_str_eq(err.text, "attention of 8 channels: expected a multiple of its 3 heads");
    spec.attention_channels = 9;
    backend_ops lacking = *cpu_backend(CPU_PORTABLE);
    lacking.attention = NULL, lacking.name = "cuda";
    cr_assert_eq(conv_field_create(&spec, "field", NULL, &lacking, &table, &of, &err), STATUS_INVALID);
    cr_assert_str_eq(err.text, "attention: device cuda does not have it; use --device cpu");
    spec.attention_heads = 0;
    spec.hidden_layers = 0;
    cr_assert_eq(conv_field_create(&spec, "field", NULL, cpu_backend(CPU_PORTABLE), &table, &of, &err), STATUS_INVALID);
    cr_assert_null(of);
    cr_assert_eq(table.total, 0);
}

#ifdef AFFJORD_DOUBLE

static double loss_of(bench *b) {
    field_set_params(b->field, b->params);
    field_prepare(b->field, b->params, b->c);
    field_forward(b->field, b->n, b->z, b->e, &b->out);
    const field_values *out = &b->out, *bar = &b->bar;
    double sum = 0;
    for (size_t i = 0; i < b->all; i++) sum += bar->f[i] * out->f[i] + bar->product[i] * out->product[i];
    for (size_t i = 0; i < b->n; i++)
        sum += bar->divergence[i] * out->divergence[i] + bar->kinetic[i] * out->kinetic[i] +
               bar->jacobian[i] * out->jacobian[i];
    return sum;
}

/* Central differences, extrapolated once: the error is of fourth order. */
static double difference(bench *b, real *entry) {
    const double h = 2e-3, kept = *entry, by[4] = {h, -h, 2 * h, -2 * h};
    double loss[4];
    for (size_t i = 0; i < 4; i++) {
        *entry = kept + by[i];
        loss[i] = loss_of(b);
    }
    *entry = kept;
    return (4 * (loss[0] - loss[1]) / (2 * h) - (loss[2] - loss[3]) / (4 * h)) / 3;
}

static void check_part(bench *b, real *values, const real *gradient, size_t count, const char *name) {
    double scale = 0;
    for (size_t i = 0; i < count; i++) scale = fmax(scale, fabs(gradient[i]));
    cr_assert_gt(scale, 1e-3, "%s has a gradient", name);
    const size_t step = count > 40 ? count / 40 : 1; /* about forty entries of a part, evenly spaced */
    for (size_t i = 0; i < count; i += step)
        cr_assert_float_eq(gradient[i], difference(b, values + i), 1e-7 * scale, "%s[%zu]", name, i);
}

static void check_differences(conv_field_spec spec) {
    bench b;
    bench_open(&b, spec, 2, NULL, CPU_PORTABLE);
    bench_run(&b);
    for (size_t k = 0; k < b.table.count; k++) {
        const parameter *part = &b.table.entries[k];
        check_part(&b, b.params + part->offset, b.gradient + part->offset, part->rows * part->columns, part->name);
    }
    check_part(&b, b.z, b.zbar, b.all, "z");
    if (spec.layer != IMAGE_IGNORE || spec.joined) check_part(&b, b.c, b.cbar, spec.joined ? 20 : spec.fed, "c");
    bench_close(&b);
}

/* Except elu, whose slope jumps at 0, so that J e jumps there; tests/test_fields.c tests it. */
Test(conv_field, gradients_equal_differences_for_every_layer_and_function) {
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++)
        for (activation function = ACTIVATION_SOFTPLUS; function < ACTIVATION_COUNT; function++) {
            if (function == ACTIVATION_ELU) continue;
            conv_field_spec spec = small_spec(layer, function);
            spec.height = 4, spec.hidden[0] = 4, spec.hidden[1] = 3;
            check_differences(spec);
        }
}

Test(conv_field, gradients_equal_differences_with_a_joined_image) {
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++) {
        if (layer == IMAGE_CONCAT) continue;
        conv_field_spec spec = small_spec(layer, ACTIVATION_SOFTPLUS);
        spec.height = 4, spec.hidden[0] = 4, spec.hidden[1] = 3;
        spec.context = 45, spec.joined = 2;
        check_differences(spec);
    }
}

#endif
