/* test_fields.c - the fields of points against differences, plain formulas, and their own results with other threads;
 * fields of callbacks. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/random.h"
#include "field/hyper_mlp.h"
#include "field/mlp_field.h"
#include "field/own_field.h"
#include "wave_support.h"

#ifdef AFFJORD_DOUBLE
static const double check_tolerance = 1e-7, value_tolerance = 1e-13;
#else
static const double check_tolerance = 1e-3, value_tolerance = 2e-6;
#endif

static real *reals(size_t n) {
    real *x = calloc(n + 1, sizeof *x);
    cr_assert_not_null(x);
    return x;
}

static real *drawn(size_t n, uint32_t which, double by) {
    real *x = reals(n);
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 8, .purpose = RANDOM_PROBE}, i, which, u);
        x[i] = (real)(by * u[0]);
    }
    return x;
}

static mlp_field_spec small_mlp(image_layer layer, activation function) {
    return (mlp_field_spec){.dimension = 5,
                            .context = layer == IMAGE_IGNORE ? 1 : 3,
                            .hidden_layers = 3,
                            .hidden = {7, 9, 6},
                            .function = function,
                            .layer = layer};
}

static field *make_mlp(const mlp_field_spec *spec, parallel *workers, const backend_ops *backend,
                       parameter_table *table) {
    field *of = NULL;
    error_info err = {""};
    cr_assert_eq(mlp_field_create(spec, "field", workers, backend, table, &of, &err), STATUS_OK, "%s", err.text);
    return of;
}

/* Parameters of a seed; those that are initially zero are drawn too. */
static real *parameters_of(const field *of, const parameter_table *table) {
    real *params = reals(table->total), *more = drawn(table->total, 7, 0.1);
    field_initialise(of, 3, params);
    for (size_t i = 0; i < table->total; i++) params[i] += more[i];
    free(more);
    return params;
}

static void expect_right(field *of, const parameter_table *table, const char *name, double tolerance) {
    real *params = parameters_of(of, table);
    field_report report;
    cr_assert_eq(field_check(of, table, params, 5, &report), STATUS_OK, "%s", name);
    cr_expect_lt(report.error, tolerance, "%s: %s is %.10g, differences give %.10g", name, report.worst,
                 report.computed, report.expected);
    cr_expect_null(report.skipped);
    free(params);
}

Test(fields, mlp_agrees_with_differences) {
    static const char *const layers[] = {IMAGE_LAYERS(CHOICE_TEXT)};
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++)
        for (activation function = ACTIVATION_SOFTPLUS; function < ACTIVATION_COUNT; function++) {
            if (layer != IMAGE_CONCAT && function != ACTIVATION_TANH) continue; /* every layer, and every function */
            const mlp_field_spec spec = small_mlp(layer, function);
            parameter_table table = {0};
            field *of = make_mlp(&spec, NULL, cpu_backend(cpu_level_best()), &table);
            char name[64];
            snprintf(name, sizeof name, "%s, function %d", layers[layer], (int)function);
            /* elu bends at 0, which differences step over */
            expect_right(of, &table, name, function == ACTIVATION_ELU ? 5e-2 : check_tolerance);
            field_destroy(&of);
        }
}

Test(fields, hyper_mlp_agrees_with_differences) {
    for (int join = 0; join < 2; join++) {
        const hyper_mlp_spec spec = {.dimension = 3,
                                     .width = 6,
                                     .context = 2,
                                     .join = join,
                                     .layers = 2,
                                     .hidden = 5,
                                     .instants = 1,
                                     .batches = true};
        parameter_table table = {0};
        field *of = NULL;
        cr_assert_eq(hyper_mlp_create(&spec, NULL, cpu_backend(cpu_level_best()), &table, &of, NULL), STATUS_OK);
        expect_right(of, &table, join ? "joined" : "not joined", check_tolerance);
        field_destroy(&of);
    }
}

/* The cotangent of the probe is J^T k: its product with any d is that of k and J d. Columns that an mlp does not read
 * or change have no effect. */
Test(fields, an_mlp_differentiates_its_probe_and_skips_columns) {
    enum { N = 70, D = 5, INPUTS = 4, OUTPUTS = 2 };
    mlp_field_spec spec = small_mlp(IMAGE_CONCATSQUASH, ACTIVATION_TANH);
    spec.inputs = INPUTS, spec.outputs = OUTPUTS;
    parameter_table table = {0};
    field *of = make_mlp(&spec, NULL, cpu_backend(cpu_level_best()), &table);
    cr_expect_eq(table.entries[0].columns, INPUTS);
    expect_right(of, &table, "columns left out", check_tolerance);
    const real c[] = {(real)0.3, (real)-0.2, (real)0.5};
    real *params = parameters_of(of, &table), *z = drawn(N * D, 1, 1), *e = drawn(N * D, 2, 1);
    real *d = drawn(N * D, 3, 1), *k = drawn(N * D, 4, 1), *f = reals(N * D), *along = reals(N * D);
    real *room = reals(N * D), *zbar = reals(N * D), *probe_bar = reals(N * D);
    field_set_params(of, params);
    cr_assert_eq(field_prepare(of, params, c), STATUS_OK);
    cr_assert_eq(field_forward(of, N, z, d, &(field_values){.f = f, .product = along}), STATUS_OK);
    cr_assert_eq(field_backward(of, N, z, e, &(field_values){.product = k},
                                &(field_values){.product = room, .probe_bar = probe_bar}, zbar),
                 STATUS_OK);
    for (size_t i = 0; i < N; i++) {
        double left = 0, right = 0;
        for (size_t j = 0; j < D; j++) {
            left += (double)probe_bar[i * D + j] * (double)d[i * D + j];
            right += (double)k[i * D + j] * (double)along[i * D + j];
            if (j >= OUTPUTS) cr_expect(f[i * D + j] == 0 && along[i * D + j] == 0);
            if (j >= INPUTS) cr_expect(probe_bar[i * D + j] == 0 && zbar[i * D + j] == 0);
        }
        cr_expect_float_eq(left, right, sizeof(real) == sizeof(float) ? 1e-5 : 1e-13, "row %zu", i);
    }
    free(params), free(z), free(e), free(d), free(k), free(f), free(along), free(room), free(zbar), free(probe_bar);
    field_destroy(&of);
}

/* One number by the formula, for concatsquash with softplus. */
Test(fields, concatsquash_is_ffjords_layer) {
    const mlp_field_spec spec = {.dimension = 2,
                                 .context = 1,
                                 .hidden_layers = 1,
                                 .hidden = {3},
                                 .function = ACTIVATION_SOFTPLUS,
                                 .layer = IMAGE_CONCATSQUASH};
    parameter_table table = {0};
    field *of = make_mlp(&spec, NULL, cpu_backend(cpu_level_best()), &table);
    static const char *const names[] = {
        "field.0.weight", "field.0.bias", "field.0.gate.weight", "field.0.gate.bias", "field.0.shift.weight",
        "field.1.weight", "field.1.bias", "field.1.gate.weight", "field.1.gate.bias", "field.1.shift.weight"};
    cr_assert_eq(table.count, 10);
    const real *part[10];
    real *params = parameters_of(of, &table), f[2];
    const real z[] = {(real)0.3, (real)-0.8}, c[] = {(real)0.6};
    for (size_t k = 0; k < 10; k++) {
        cr_assert_str_eq(table.entries[k].name, names[k]);
        part[k] = params + table.entries[k].offset;
    }
    double x[3] = {(double)z[0], (double)z[1], 0}, y[3];
    const size_t in[] = {2, 3}, out[] = {3, 2};
    for (size_t l = 0; l < 2; l++) {
        const real *const *p = part + 5 * l;
        for (size_t o = 0; o < out[l]; o++) {
            y[o] = (double)p[1][o];
            for (size_t i = 0; i < in[l]; i++) y[o] += (double)p[0][o * in[l] + i] * x[i];
            y[o] =
                y[o] / (1 + exp(-((double)p[2][o] * (double)c[0] + (double)p[3][o]))) + (double)p[4][o] * (double)c[0];
        }
        for (size_t o = 0; o < out[l]; o++) x[o] = l == 0 ? log1p(exp(y[o])) : y[o];
    }
    field_set_params(of, params);
    field_prepare(of, params, c);
    field_forward(of, 1, z, NULL, &(field_values){.f = f});
    for (size_t d = 0; d < 2; d++) cr_expect_float_eq((double)f[d], x[d], value_tolerance);
    free(params);
    field_destroy(&of);
}

/* Everything that a forward, a backward and an accumulate give, one after another. */
static real *everything(field *of, const parameter_table *table, size_t n, size_t *count) {
    const size_t D = of->dimension, all = n * D, P = table->total, C = of->context;
    *count = 3 * all + 3 * n + P + C;
    real *out = reals(*count), *at = out, *params = parameters_of(of, table);
    real *z = drawn(all, 0, 1), *e = drawn(all, 1, 1), *c = drawn(C, 2, 1), *bars = drawn(2 * all + 3 * n, 3, 1);
    field_values values = {.f = at, .product = at + all, .divergence = at + 2 * all};
    values.kinetic = values.divergence + n, values.jacobian = values.kinetic + n;
    field_values bar = {.f = bars, .product = bars + all, .divergence = bars + 2 * all};
    bar.kinetic = bar.divergence + n, bar.jacobian = bar.kinetic + n;
    real *zbar = values.jacobian + n, *gradient = zbar + all, *cbar = gradient + P;
    field_set_params(of, params);
    field_prepare(of, params, c);
    field_forward(of, n, z, e, &values);
    field_backward(of, n, z, e, &bar, &(field_values){0}, zbar);
    field_accumulate(of, params, c, gradient, cbar);
    free(params), free(z), free(e), free(c), free(bars);
    return out;
}

Test(fields, same_bits_for_any_threads_and_on_every_level) {
    enum { N = 1500 };
    mlp_field_spec spec = small_mlp(IMAGE_CONCATSQUASH, ACTIVATION_SWISH);
    spec.hidden[1] = 40; /* wider than a padded row */
    const hyper_mlp_spec hyper = {
        .dimension = 3, .width = 20, .context = 2, .layers = 1, .hidden = 9, .instants = 1, .batches = true};
    for (int kind = 0; kind < 2; kind++) {
        real *expected = NULL;
        size_t count = 0, other;
        for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++)
            for (size_t threads = 1; threads <= 3; threads++) {
                if (!cpu_backend(level)) continue;
                parallel *workers = NULL;
                parameter_table table = {0};
                field *of = NULL;
                cr_assert_eq(parallel_create(threads, &workers), STATUS_OK);
                if (kind == 0) of = make_mlp(&spec, workers, cpu_backend(level), &table);
                else cr_assert_eq(hyper_mlp_create(&hyper, workers, cpu_backend(level), &table, &of, NULL), STATUS_OK);
                real *seen = everything(of, &table, N, &other);
                if (!expected) expected = seen, count = other;
                cr_assert_eq(count, other);
                cr_assert_eq(memcmp(seen, expected, count * sizeof *seen), 0, "level %d, %zu threads", (int)level,
                             threads);
                if (seen != expected) free(seen);
                field_destroy(&of);
                parallel_destroy(&workers);
            }
        free(expected);
    }
}

/* The value, the slope and their ends, and NaN is passed on. */
Test(fields, elu_is_right_everywhere) {
    static const double points[] = {-200, -90, -30, -5, -1, -1e-3, -1e-6, -1e-30, 0, 1e-30, 1e-3, 1, 20, 1e4};
    enum { POINTS = sizeof points / sizeof points[0] };
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
        if (!cpu_backend(level)) continue;
        const backend_ops *backend = cpu_backend(level);
        real h[2 * (POINTS + 1)], y[2 * (POINTS + 1)], bias[POINTS + 1] = {0};
        for (size_t i = 0; i < POINTS; i++) h[i] = (real)points[i];
        h[POINTS] = (real)NAN;
        for (size_t i = 0; i <= POINTS; i++) h[POINTS + 1 + i] = 1;
        const dual_shape shape = {ACTIVATION_ELU, 1, 1, POINTS + 1, 1, NULL};
        backend->dual_activate(backend, &shape, bias, true, h, y);
        for (size_t i = 0; i < POINTS; i++) {
            const double x = (double)(real)points[i], value = x < 0 ? expm1(x) : x, slope = x < 0 ? exp(x) : 1;
            cr_expect_float_eq((double)y[i], value, 5e-7 * fabs(value), "elu %g is %.10g", x, (double)y[i]);
            cr_expect_float_eq((double)y[POINTS + 1 + i], slope, 5e-7 * slope + 1.7e-38, "slope at %g", x);
        }
        cr_assert(isnan(y[POINTS]) && isnan(y[2 * POINTS + 1]));
    }
}

Test(fields, shapes_out_of_range_are_refused) {
    parameter_table table = {0};
    field *of = NULL;
    error_info err;
    const backend_ops *backend = cpu_backend(CPU_PORTABLE);
    mlp_field_spec spec = small_mlp(IMAGE_CONCAT, ACTIVATION_TANH);
    spec.dimension = 513;
    cr_assert_eq(mlp_field_create(&spec, "field", NULL, backend, &table, &of, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field mlp: 513 columns; expected 1 to 512");
    spec = small_mlp(IMAGE_CONCAT, ACTIVATION_TANH);
    spec.hidden[1] = 0;
    cr_assert_eq(mlp_field_create(&spec, "field", NULL, backend, &table, &of, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field mlp: hidden layer 1 of 0 units; expected 1 to 4096");
    spec = small_mlp(IMAGE_CONCAT, ACTIVATION_TANH);
    spec.outputs = 6;
    cr_assert_eq(mlp_field_create(&spec, "field", NULL, backend, &table, &of, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field mlp: 0 inputs and 6 outputs; expected at most 5, the columns");
    spec = small_mlp(IMAGE_CONCAT, ACTIVATION_TANH);
    spec.hidden_layers = 9;
    cr_assert_eq(mlp_field_create(&spec, "field", NULL, backend, &table, &of, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field mlp: 9 hidden layers; expected 0 to 8");
    cr_assert(!of && table.count == 0);
}

/* --- Fields of callbacks --- */

Test(fields, a_check_names_the_wrong_entry) {
    wave user = {0};
    field_callbacks by = wave_callbacks(&user);
    field_report report;
    error_info err = {""};
    cr_assert_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_OK, "%s", err.text);
    cr_expect_lt(report.error, check_tolerance, "%s", report.worst);
    user.wrong = 1;
    cr_assert_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_OK, "%s", err.text);
    cr_expect_gt(report.error, 1e-2);
    cr_expect_str_eq(report.worst, "gradient of parameter \"field.b\", entry 0");
}

Test(fields, a_check_lists_skipped_parts) {
    wave user = {0};
    field_callbacks by = wave_callbacks(&user);
    field_report report;
    error_info err = {""};
    by.backward = NULL;
    cr_assert_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_OK, "%s", err.text);
    cr_expect_str_eq(report.skipped, "has no backward callback");
    cr_expect_lt(report.error, check_tolerance);
    by.vjp = wave_vjp;
    cr_assert_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_OK, "%s", err.text);
    cr_expect_not_null(strstr(report.skipped, "vjp of z"));
    cr_expect_lt(report.error, check_tolerance, "%s", report.worst);
}

Test(fields, callbacks_that_do_not_fit_are_refused) {
    wave user = {0};
    field_callbacks by = wave_callbacks(&user);
    field_report report;
    error_info err = {""};
    by.value = NULL;
    cr_expect_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field wave: has no value callback; expected one that gives f and J e");
    by.value = wave_refuses;
    cr_expect_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_IO, "a callback's status is passed on");
    by = wave_callbacks(&user);
    by.dimension = 0;
    cr_expect_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field wave: z of 0 numbers and a context of 1; expected at least 1 of both");
    const field_parameter empty[] = {{"a", 1, 1}, {"b", 0, 1}};
    by = wave_callbacks(&user);
    by.parameters = empty;
    cr_expect_eq(field_check_callbacks(&by, 1, &report, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field wave: parameter 1, \"b\", is of 0 x 1; expected a name and at least 1 x 1");
}
