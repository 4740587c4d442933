/* test_points.c - flows of points except the fused toy field: every field and solver, and their options. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "points_support.h"

static const double pi = 3.14159265358979323846;

static real *lively(const cnf *flow, double factor) {
    const size_t P = cnf_parameters(flow)->total;
    real *params = calloc(P, sizeof *params);
    cr_assert_not_null(params);
    cnf_initialise(flow, 7, params);
    for (size_t i = 0; i < P; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 4, .purpose = RANDOM_PROBE}, i, 0, u);
        params[i] = (real)(factor * (double)params[i] + 0.05 * u[0]);
    }
    return params;
}

static real *drawn(size_t n, double by) {
    real *x = calloc(n, sizeof *x);
    cr_assert_not_null(x);
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 9, .purpose = RANDOM_PROBE}, i, 0, u);
        x[i] = (real)(by * u[0]);
    }
    return x;
}

/* --- Values --- */

/* An mlp without hidden layers and without a context is f = A z + b: z(T) = exp(A T) z + ..., for a diagonal A. */
Test(points, a_linear_field_has_its_closed_form) {
    enum { N = 40, D = 3 };
    static const double A[D] = {0.4, -0.7, 0.1}, b[D] = {0.3, 0, -0.5};
    for (cnf_divergence divergence = DIVERGENCE_EXACT; divergence <= DIVERGENCE_RADEMACHER; divergence++) {
        cnf_spec spec = points_spec(CNF_MLP, CONTEXT_CLOCK, D);
        spec.mlp = (mlp_field_spec){.layer = IMAGE_IGNORE};
        spec.divergence = divergence; /* Rademacher's is exact for a diagonal Jacobian */
        cnf *flow = points_flow(spec, 16, NULL);
        const parameter_table *table = cnf_parameters(flow);
        cr_assert_eq(table->total, D * D + D);
        real params[D * D + D] = {0}, *x = drawn(N * D, 1), z[N * D];
        double log_density[N];
        for (size_t d = 0; d < D; d++) params[d * D + d] = (real)A[d], params[D * D + d] = (real)b[d];
        cr_assert_eq(cnf_transform(flow, params, x, N, points_probe, z, log_density, NULL), STATUS_OK);
        for (size_t i = 0; i < N; i++) {
            double expected = spec.end_time * (A[0] + A[1] + A[2]) - 0.5 * D * log(2 * pi * spec.base_variance);
            for (size_t d = 0; d < D; d++) {
                const double grown = exp(A[d] * spec.end_time);
                const double image = grown * (double)x[i * D + d] + b[d] * (grown - 1) / A[d];
                cr_expect_float_eq((double)z[i * D + d], image, 2e-5);
                expected -= image * image / (2 * spec.base_variance);
            }
            cr_expect_float_eq(log_density[i], expected, 1e-4);
        }
        free(x);
        cnf_destroy(&flow);
    }
}

Test(points, densities_integrate_to_one) {
    enum { CELLS = 80 };
    const double half = 7, width = 2 * half / CELLS;
    for (cnf_field field = CNF_HYPER_MLP; field < CNF_OWN; field++) {
        cnf_spec spec = points_spec(field, CONTEXT_AUGMENTED, 2);
        cnf *flow = points_flow(spec, 1600, NULL);
        real *params = lively(flow, 1), *x = calloc(2 * CELLS * CELLS, sizeof *x);
        double *log_density = calloc(CELLS * CELLS, sizeof *log_density), total = 0;
        for (size_t i = 0; i < CELLS * CELLS; i++) {
            x[2 * i] = (real)(((double)(i % CELLS) + 0.5) * width - half);
            x[2 * i + 1] = (real)(((double)(i / CELLS) + 0.5) * width - half);
        }
        cr_assert_eq(cnf_log_density(flow, params, x, CELLS * CELLS, points_probe, log_density, NULL), STATUS_OK);
        for (size_t i = 0; i < CELLS * CELLS; i++) total += exp(log_density[i]) * width * width;
        cr_expect_float_eq(total, 1, 2e-3, "field %d: %g", (int)field, total);
        free(x), free(log_density), free(params);
        cnf_destroy(&flow);
    }
}

/* The toy field with fixed steps, by its fused solve and by the general one. */
Test(points, the_fused_solve_and_the_general_one_agree) {
    enum { N = 300, D = 3 };
    for (int way = 0; way < 6 * (int)CHOICE_COUNT(CNF_CONTEXTS); way++) {
        const cnf_context context = (cnf_context)(way / 6);
        const cnf_divergence divergence = (cnf_divergence)(way / 2 % 3);
        const cnf_gradient gradient = (cnf_gradient)(way % 2);
        if (context >= CONTEXT_GENERAL) continue; /* test_lifted.c has the lifted one */
        cnf_spec spec = points_spec(CNF_HYPER_MLP, context, D);
        spec.solver = TABLEAU_RK4;
        spec.steps = 12;
        spec.divergence = divergence;
        spec.gradient = gradient;
        cnf *fused = points_flow(spec, N, NULL);
        spec.kinetic = 1e-30; /* the fused solve has no regularizer */
        cnf *general = points_flow(spec, N, NULL);
        cr_assert(cnf_is_fused(fused) && !cnf_is_fused(general));
        const size_t P = cnf_parameters(fused)->total;
        cr_assert_eq(cnf_parameters(general)->total, P);
        for (size_t k = 0; k < cnf_parameters(fused)->count; k++)
            cr_assert_str_eq(cnf_parameters(general)->entries[k].name, cnf_parameters(fused)->entries[k].name);
        real *params = lively(fused, 2), *x = drawn(N * D, 1), *a = calloc(P, sizeof *a), *b = calloc(P, sizeof *b);
        real *samples[2] = {calloc(N * D, sizeof(real)), calloc(N * D, sizeof(real))};
        double loss[2], size = 0;
        cnf_statistics counts[2];
        cr_assert_eq(cnf_loss_gradient(fused, params, x, N, points_probe, &loss[0], a, &counts[0]), STATUS_OK);
        cr_assert_eq(cnf_loss_gradient(general, params, x, N, points_probe, &loss[1], b, &counts[1]), STATUS_OK);
        cr_expect_float_eq(loss[0], loss[1], 2e-6 * fabs(loss[0]));
        cr_expect_eq(counts[0].evaluations_forward, counts[1].evaluations_forward);
        cr_expect_eq(counts[0].end_time, counts[1].end_time);
        for (size_t i = 0; i < P; i++) size = fmax(size, fabs((double)a[i]));
        /* The two adjoints differ by quadrature errors. */
        const double tolerance = gradient == GRADIENT_ADJOINT ? 2e-3 : 2e-5;
        for (size_t i = 0; i < P; i++) cr_expect_float_eq((double)a[i], (double)b[i], tolerance * size, "%zu", i);
        const random_stream stream = {.seed = 2, .purpose = RANDOM_SAMPLING};
        cr_assert_eq(cnf_sample(fused, params, stream, 3, N, samples[0], NULL), STATUS_OK);
        cr_assert_eq(cnf_sample(general, params, stream, 3, N, samples[1], NULL), STATUS_OK);
        for (size_t i = 0; i < N * D; i++) cr_expect_float_eq((double)samples[0][i], (double)samples[1][i], 1e-5);
        free(params), free(x), free(a), free(b), free(samples[0]), free(samples[1]);
        cnf_destroy(&fused), cnf_destroy(&general);
    }
}

/* The fused solve keeps the weights that it prepared; a change in place, a gradient or another direction renews them. */
Test(points, prepared_weights_are_those_of_the_parameters) {
    enum { N = 5, D = 2, CALLS = 6 };
    cnf_spec spec = points_spec(CNF_HYPER_MLP, CONTEXT_AUGMENTED, D);
    spec.solver = TABLEAU_RK4;
    spec.steps = 6;
    cnf *flow = points_flow(spec, N, NULL);
    real *params = lively(flow, 1), *x = drawn(N * D, 1), z[N * D], expected[N * D];
    real *gradient = calloc(cnf_parameters(flow)->total, sizeof *gradient);
    double loss, log_density[N], known[N];
    const random_stream stream = {.seed = 2, .purpose = RANDOM_SAMPLING};
    for (int call = 0; call < CALLS; call++) {
        cnf *fresh = points_flow(spec, N, NULL);
        if (call == 1) params[cnf_parameters(flow)->total - 1] += (real)0.25;
        if (call == 3) params[0] += (real)0.5;
        if (call == 3)
            cr_assert_eq(cnf_loss_gradient(flow, params, x, N, points_probe, &loss, gradient, NULL), STATUS_OK);
        if (call == 5) params[0] -= (real)0.5;
        cr_assert_eq(cnf_transform(flow, params, x, N, points_probe, z, log_density, NULL), STATUS_OK);
        cr_assert_eq(cnf_transform(fresh, params, x, N, points_probe, expected, known, NULL), STATUS_OK);
        cr_expect_arr_eq(z, expected, sizeof z, "call %d", call);
        cr_expect_arr_eq(log_density, known, sizeof known, "call %d", call);
        if (call % 2 == 1) {
            cr_assert_eq(cnf_sample(flow, params, stream, 0, N, z, NULL), STATUS_OK);
            cr_assert_eq(cnf_sample(fresh, params, stream, 0, N, expected, NULL), STATUS_OK);
            cr_expect_arr_eq(z, expected, sizeof z, "samples, call %d", call);
        }
        cnf_destroy(&fresh);
    }
    free(params), free(x), free(gradient);
    cnf_destroy(&flow);
}

Test(points, samples_come_back_and_moments_are_between) {
    enum { N = 70, D = 2 };
    cnf_spec spec = points_spec(CNF_MLP, CONTEXT_AUGMENTED, D);
    spec.learn_end_time = true;
    cnf *flow = points_flow(spec, 32, NULL);
    real *params = lively(flow, 2), x[N * D], z[N * D], moment[N * D], base[N * D], dz[N * D], c[2];
    double log_density[N], seen[N];
    const random_stream stream = {.seed = 11, .purpose = RANDOM_SAMPLING};
    const size_t steps = cnf_moment_steps(flow);
    cr_assert_eq(cnf_sample(flow, params, stream, 0, N, x, NULL), STATUS_OK);
    cr_assert_eq(cnf_transform(flow, params, x, N, points_probe, z, log_density, NULL), STATUS_OK);
    cr_assert_eq(cnf_moment_sample(flow, params, steps, stream, 0, N, base), STATUS_OK);
    cr_assert_eq(cnf_moment_sample(flow, params, 0, stream, 0, N, moment), STATUS_OK);
    for (size_t i = 0; i < N * D; i++) {
        cr_expect_float_eq((double)z[i], (double)base[i], 2e-4);
        cr_expect_eq(moment[i], x[i]);
    }
    cr_assert_eq(cnf_moment_log_density(flow, params, 0, x, N, points_probe, seen), STATUS_OK);
    cr_expect_arr_eq(seen, log_density, sizeof seen);
    /* Along a path, log p_t(z(t)) + int_0^t tr = log p_0; the field at time t moves the points. */
    cr_assert_eq(cnf_moment_sample(flow, params, steps / 2, stream, 0, N, moment), STATUS_OK);
    cr_assert_eq(cnf_moment_sample(flow, params, steps / 2 + 1, stream, 0, N, z), STATUS_OK);
    cr_assert_eq(cnf_moment_field(flow, params, steps / 2, moment, N, dz, c), STATUS_OK);
    const double h = cnf_moment_time(flow, params, steps / 2 + 1) - cnf_moment_time(flow, params, steps / 2);
    cr_expect_float_eq(cnf_moment_time(flow, params, steps) / (double)steps, h, 1e-9);
    for (size_t i = 0; i < N * D; i++) cr_expect_float_eq(((double)z[i] - (double)moment[i]) / h, (double)dz[i], 0.02);
    free(params);
    cnf_destroy(&flow);
}

Test(points, same_bits_for_any_threads) {
    enum { N = 700, D = 4 };
    for (cnf_field field = CNF_HYPER_MLP; field < CNF_OWN; field++) {
        cnf_spec spec = points_spec(field, CONTEXT_AUGMENTED, D);
        spec.divergence = DIVERGENCE_RADEMACHER;
        real *first = NULL;
        for (size_t threads = 1; threads <= 3; threads++) {
            parallel *workers;
            cr_assert_eq(parallel_create(threads, &workers), STATUS_OK);
            cnf *flow = points_flow(spec, N, workers);
            const size_t P = cnf_parameters(flow)->total;
            real *params = lively(flow, 2), *x = drawn(N * D, 1), *gradient = calloc(P, sizeof *gradient);
            double loss;
            cr_assert_eq(cnf_loss_gradient(flow, params, x, N, points_probe, &loss, gradient, NULL), STATUS_OK);
            if (first) cr_expect_eq(memcmp(first, gradient, P * sizeof *first), 0, "%zu threads", threads);
            free(params), free(x);
            if (first) free(gradient);
            else first = gradient;
            cnf_destroy(&flow);
            parallel_destroy(&workers);
        }
        free(first);
    }
}

/* --- Gradients --- */

#ifdef AFFJORD_DOUBLE

enum { ROWS = 4 };

/* The loss of the gradient, from a transform and the regularizers. Their values follow from losses with and without
 * weights, so this loss is without them. */
static double loss_at(cnf *flow, real *params, const real *x, size_t i, double by) {
    const real kept = params[i];
    double log_density[ROWS], sum = 0;
    params[i] = kept + by;
    cr_assert_eq(cnf_log_density(flow, params, x, ROWS, points_probe, log_density, NULL), STATUS_OK);
    params[i] = kept;
    for (size_t k = 0; k < ROWS; k++) sum -= log_density[k] / ROWS;
    return sum;
}

static void expect_differences(cnf_spec spec, double tolerance, const char *name) {
    cnf *flow = points_flow(spec, ROWS, NULL);
    const parameter_table *table = cnf_parameters(flow);
    real *params = lively(flow, 1.5), *x = drawn(ROWS * spec.dimension, 1),
         *gradient = calloc(table->total, sizeof *gradient);
    double loss;
    cr_assert_eq(cnf_loss_gradient(flow, params, x, ROWS, points_probe, &loss, gradient, NULL), STATUS_OK);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        const bool of_context = strncmp(part->name, "context", 7) == 0;
        /* The second derivative of g's elu jumps at 0, where a path may pass: differences lose an order there. */
        const double within = of_context ? fmax(tolerance, 2e-5) : tolerance;
        double largest = 1e-3;
        for (size_t i = 0; i < part->rows * part->columns; i++)
            largest = fmax(largest, fabs(gradient[part->offset + i]));
        const size_t count = part->rows * part->columns, which[] = {count / 2, 0, count - 1};
        for (size_t j = 0; j < (count < 3 ? count : 3); j++) {
            const size_t i = part->offset + which[j];
            const double h = 1e-3, near = (loss_at(flow, params, x, i, h) - loss_at(flow, params, x, i, -h)) / (2 * h);
            const double far = (loss_at(flow, params, x, i, 2 * h) - loss_at(flow, params, x, i, -2 * h)) / (4 * h);
            const double expected = spec.fixed_context && of_context ? 0 : (4 * near - far) / 3;
            cr_expect_float_eq(gradient[i], expected, within * largest, "%s, %s[%zu]: %.10g, differences give %.10g",
                               name, part->name, i - part->offset, gradient[i], expected);
        }
    }
    free(params), free(x), free(gradient);
    cnf_destroy(&flow);
}

Test(points, gradients_equal_differences, .timeout = 600) {
    static const char *const names[] = {CNF_FIELDS(CHOICE_TEXT)};
    for (cnf_field field = CNF_HYPER_MLP; field < CNF_OWN; field++)
        for (cnf_context context = CONTEXT_CLOCK; context < CHOICE_COUNT(CNF_CONTEXTS); context++)
            for (cnf_divergence divergence = DIVERGENCE_EXACT; divergence <= DIVERGENCE_RADEMACHER; divergence++) {
                if (context >= CONTEXT_GENERAL) continue; /* test_lifted.c has the lifted one */
                cnf_spec spec = points_spec(field, context, 3);
                spec.learn_end_time = true;
                spec.divergence = divergence;
                spec.solver = TABLEAU_RK4; /* differences need fixed steps */
                spec.steps = 4;
                expect_differences(spec, 1e-7, names[field]);
                spec.solver = TABLEAU_DOPRI5;
                spec.steps = 0;
                spec.options = (adaptive_options){.atol = 1e-9, .rtol = 1e-9, .stop_at_end = true};
                spec.kept_steps = 400;
                expect_differences(spec, 1e-4, names[field]);
                spec.gradient = GRADIENT_ADJOINT;
                spec.seminorm = false;
                expect_differences(spec, 1e-4, names[field]);
                spec.error_norm = ERROR_STATE;
                expect_differences(spec, 1e-4, names[field]);
            }
}

Test(points, a_fixed_context_has_no_gradient) {
    cnf_spec spec = points_spec(CNF_MLP, CONTEXT_AUGMENTED, 2);
    spec.fixed_context = true;
    spec.steps = 5;
    spec.solver = TABLEAU_RK4;
    expect_differences(spec, 1e-7, "fixed");
}

/* A field that does not use z* has the same steps as with the time as context, bit for bit, unless the error of z*
 * counts too. */
Test(points, the_error_of_the_context_counts_only_by_setting) {
    enum { N = 20, D = 2 };
    static const struct {
        cnf_context context;
        cnf_error_norm norm;
    } ways[] = {{CONTEXT_CLOCK, ERROR_STATE_AND_CONTEXT},
                {CONTEXT_CLOCK, ERROR_STATE},
                {CONTEXT_AUGMENTED, ERROR_STATE},
                {CONTEXT_AUGMENTED, ERROR_STATE_AND_CONTEXT}};
    for (int gradient = 0; gradient < 4; gradient++) { /* discrete, adjoint; the error with or without z* */
        double loss[4];
        cnf_statistics counts[4];
        for (int way = 0; way < 4; way++) {
            cnf_spec spec = points_spec(CNF_MLP, ways[way].context, D);
            spec.mlp.layer = IMAGE_IGNORE;
            spec.error_norm = ways[way].norm;
            spec.gradient = gradient % 2 ? GRADIENT_ADJOINT : GRADIENT_DISCRETE;
            spec.seminorm = gradient < 2;
            cnf *flow = points_flow(spec, N, NULL);
            const size_t P = cnf_parameters(flow)->total;
            real *params = lively(flow, 1), *x = drawn(N * D, 1), *bar = calloc(P, sizeof *bar);
            size_t first = P; /* of the context's parameters, which come last: a z* that moves fast */
            for (size_t k = cnf_parameters(flow)->count; k-- > 0;)
                if (strncmp(cnf_parameters(flow)->entries[k].name, "context", 7) == 0)
                    first = cnf_parameters(flow)->entries[k].offset;
            for (size_t i = first; i < P; i++) params[i] *= 6;
            cr_assert_eq(cnf_loss_gradient(flow, params, x, N, points_probe, &loss[way], bar, &counts[way]), STATUS_OK);
            free(params), free(x), free(bar);
            cnf_destroy(&flow);
        }
        for (int way = 1; way < 3; way++) {
            cr_expect_eq(loss[way], loss[0]);
            cr_expect_eq(counts[way].evaluations_forward, counts[0].evaluations_forward);
        }
        cr_expect_eq(counts[1].evaluations_backward, counts[0].evaluations_backward);
        if (gradient < 2) cr_expect_eq(counts[2].evaluations_backward, counts[0].evaluations_backward);
        cr_expect_gt(counts[3].evaluations_forward, counts[0].evaluations_forward);
        cr_expect_gt(counts[3].evaluations_backward, counts[0].evaluations_backward);
        cr_expect_float_eq(loss[3], loss[0], 1e-4);
    }
}

/* The gradient is that of loss + weights times regularizers: the derivative by a weight is the regularizer's gradient,
 * which is known for a field that is constant in z: f = b, so |f|^2 = |b|^2 and J = 0. */
Test(points, the_kinetic_regularizer_of_a_constant_field) {
    enum { D = 3 };
    cnf_spec spec = points_spec(CNF_MLP, CONTEXT_CLOCK, D);
    spec.mlp = (mlp_field_spec){.layer = IMAGE_IGNORE};
    spec.steps = 3;
    spec.solver = TABLEAU_RK4;
    real *x = drawn(ROWS * D, 1), params[D * D + D] = {0}, gradient[3][D * D + D];
    double loss[3];
    for (size_t d = 0; d < D; d++) params[D * D + d] = 0.3 + (double)d;
    for (size_t k = 0; k < 3; k++) {
        spec.kinetic = k ? 0.5 : 1e-300;
        spec.regularizers = k == 2 ? REGULARIZERS_FINLAY : REGULARIZERS_DATA;
        cnf *flow = points_flow(spec, ROWS, NULL);
        cr_assert_eq(cnf_loss_gradient(flow, params, x, ROWS, points_probe, &loss[k], gradient[k], NULL), STATUS_OK);
        cnf_destroy(&flow);
    }
    cr_expect_eq(loss[0], loss[1], "the loss is without it");
    for (size_t d = 0; d < D; d++) { /* d/db_d of 0.5/D T |b|^2, and of half of it */
        const double expected = 0.5 / D * spec.end_time * 2 * params[D * D + d];
        cr_expect_float_eq(gradient[1][D * D + d] - gradient[0][D * D + d], expected, 1e-12);
        cr_expect_float_eq(gradient[2][D * D + d] - gradient[0][D * D + d], expected / 2, 1e-12);
    }
    free(x);
}
#endif

/* --- Training --- */

/* A table of correlated columns on a disk. */
static dataset *table_of(size_t rows, size_t columns) {
    char path[] = "/tmp/test_points.XXXXXX.csv";
    const int file = mkstemps(path, 4);
    cr_assert_geq(file, 0);
    FILE *stream = fdopen(file, "w");
    cr_assert_not_null(stream);
    for (size_t i = 0; i < rows; i++) {
        double u[4], common;
        random_normal4((random_stream){.seed = 6, .purpose = RANDOM_TARGET}, i, 0, u);
        common = u[0];
        for (size_t k = 0; k < columns; k++) {
            random_normal4((random_stream){.seed = 6, .purpose = RANDOM_TARGET}, i, (uint32_t)(k + 1), u);
            fprintf(stream, "%s%.6f", k ? "," : "", 0.5 * u[0] + common + 0.3 * sin((double)k));
        }
        fputc('\n', stream);
    }
    cr_assert_eq(fclose(stream), 0);
    dataset *data = NULL;
    error_info err = {""};
    cr_assert_eq(dataset_open(path, &data, &err), STATUS_OK, "%s", err.text);
    remove(path);
    return data;
}

Test(points, a_hundred_columns_train, .timeout = 600) {
    dataset *data = table_of(300, 100);
    cnf_spec flow = points_spec(CNF_MLP, CONTEXT_AUGMENTED, 100);
    flow.mlp.hidden[0] = flow.mlp.hidden[1] = 16;
    flow.divergence = DIVERGENCE_RADEMACHER;
    flow.end_time = 1;
    flow.base_variance = 1;
    flow.options.atol = flow.options.rtol = 1e-3;
    const objective_spec obj = {.flow = flow, .seed = 2, .batch = 32, .validation = 20};
    double first, last = points_train(&obj, data, 20, &first);
    cr_expect_lt(last, first - 5, "%g, then %g nats", first, last);
    dataset_close(&data);
}

Test(points, an_exact_divergence_of_many_columns_is_refused) {
    cnf_spec spec = points_spec(CNF_MLP, CONTEXT_CLOCK, 33);
    cnf *flow = NULL;
    error_info err = {""};
    cr_assert_eq(cnf_create(&spec, 4, NULL, &flow, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "the exact divergence of 33 dimensions: expected at most 32 to train, or rademacher or "
                               "gaussian");
    spec.kept_steps = 0; /* to be evaluated, not trained */
    flow = points_flow(spec, 4, NULL);
    cnf_destroy(&flow);
}
