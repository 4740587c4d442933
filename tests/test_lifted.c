/* test_lifted.c - flows whose augmented dimensions depend on the point: densities, gradients, inverses, and checks
 * whether they are one-to-one. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/small_matrix.h"
#include "field/mlp_field.h"
#include "points_support.h"

static const double pi = 3.14159265358979323846;
static const bool is_double = sizeof(real) == sizeof(double);

/* A lifted flow of D dimensions with A more, solved by 20 steps of RK4. */
static cnf_spec lifted_spec(size_t D, size_t A) {
    cnf_spec spec = points_spec(CNF_MLP, CONTEXT_LIFTED, D);
    spec.augmented_dimension = A;
    spec.learn_start = false;
    spec.solver = TABLEAU_RK4;
    spec.steps = 20;
    return spec;
}

static real *drawn(size_t n, uint64_t which, double by) {
    real *x = calloc(n, sizeof *x);
    cr_assert_not_null(x);
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_normal4((random_stream){.seed = 5, .purpose = RANDOM_PROBE, .iteration = which}, i, 0, u);
        x[i] = (real)(by * u[0]);
    }
    return x;
}

static real *parameters_of(const cnf *flow, double factor) {
    const size_t P = cnf_parameters(flow)->total;
    real *params = calloc(P, sizeof *params), *more = drawn(P, 77, 0.1);
    cr_assert_not_null(params);
    cnf_initialise(flow, 3, params);
    for (size_t i = 0; i < P; i++) params[i] = (real)(factor * (double)params[i]) + more[i];
    free(more);
    return params;
}

/* The parameters of this name. */
static real *named(const cnf *flow, real *params, const char *name, size_t count) {
    const parameter_table *table = cnf_parameters(flow);
    for (size_t k = 0; k < table->count; k++)
        if (strcmp(table->entries[k].name, name) == 0) {
            cr_assert_eq(table->entries[k].rows * table->entries[k].columns, count, "%s", name);
            return params + table->entries[k].offset;
        }
    cr_assert_fail("no parameters %s", name);
    return NULL;
}

/* --- A flow with a closed form --- */

/* One column and f = z*, h(x) = v act(x): z(T) = x + v (1 - e^-T) act(x). It folds if v (1 - e^-T) act' < -1
 * somewhere. */
static cnf *closed_form(activation function, double v, real params[7]) {
    cnf_spec spec = lifted_spec(1, 1);
    spec.mlp = (mlp_field_spec){.layer = IMAGE_IGNORE, .function = function};
    spec.augmented_width = 1;
    spec.steps = 60;
    cnf *flow = points_flow(spec, 64, NULL);
    cr_assert_eq(cnf_parameters(flow)->total, 7);
    memset(params, 0, 7 * sizeof *params);
    named(flow, params, "field.0.weight", 2)[1] = 1;
    named(flow, params, "lift.0.weight", 1)[0] = 1;
    named(flow, params, "lift.1.weight", 1)[0] = (real)v;
    return flow;
}

enum { LINE = 400 };

/* The mean of p over the interval [-10, 10], times its length. */
static double mass_on_line(cnf *flow, const real *params) {
    real x[LINE];
    double log_density[LINE], sum = 0;
    for (size_t i = 0; i < LINE; i++) x[i] = (real)(-10 + 20 * ((double)i + 0.5) / LINE);
    cr_assert_eq(cnf_log_density(flow, params, x, LINE, points_probe, log_density, NULL), STATUS_OK);
    for (size_t i = 0; i < LINE; i++) sum += exp(log_density[i]) * 20 / LINE;
    return sum;
}

Test(lifted, one_dimension_has_its_closed_form) {
    enum { N = 50 };
    real params[7], *x = drawn(N, 1, 2), z[N];
    cnf *flow = closed_form(ACTIVATION_TANH, 0.9, params);
    const double by = 0.9 * (1 - exp(-cnf_end_time(flow, params)));
    double log_density[N];
    cr_assert_eq(cnf_transform(flow, params, x, N, points_probe, z, log_density, NULL), STATUS_OK);
    for (size_t i = 0; i < N; i++) {
        const double at = (double)x[i], t = tanh(at), expected = at + by * t, slope = 1 + by * (1 - t * t);
        cr_expect_float_eq((double)z[i], expected, is_double ? 1e-8 : 1e-5);
        cr_expect_float_eq(log_density[i], -0.5 * log(2 * pi * 0.8) - expected * expected / 1.6 + log(slope),
                           is_double ? 1e-7 : 2e-5);
    }
    cr_expect_float_eq(mass_on_line(flow, params), 1, 1e-3);
    cnf_injectivity found;
    cr_assert_eq(cnf_examine(flow, params, x, N, &found), STATUS_OK);
    cr_expect_eq(found.folded, 0);
    cr_expect(found.least_singular_value >= 1 && found.least_singular_value < 1 + by);
    cr_expect(found.least_distance_ratio >= 1 && found.least_distance_ratio < 1 + by);
    free(x);
    cnf_destroy(&flow);
}

/* The paper says that g = -z* provides bijectivity. This f and h are a counterexample for every T > log 2, and all
 * three measurements show it. */
Test(lifted, a_flow_may_fold_and_is_seen_to) {
    enum { N = 200 };
    real params[7], *x = drawn(N, 1, 1.5);
    cnf *flow = closed_form(ACTIVATION_TANH, -3, params);
    cr_expect_gt(mass_on_line(flow, params), 1.5);
    cnf_injectivity found;
    cr_assert_eq(cnf_examine(flow, params, x, N, &found), STATUS_OK);
    cr_expect(found.folded > 0.2 && found.folded <= 0.5, "%g", found.folded);
    cr_expect_lt(found.least_singular_value, 0.05);
    cr_expect_lt(found.least_distance_ratio, 0.05);
    free(x);
    cnf_destroy(&flow);
}

/* x - 2.7 softplus(x) has a maximum, above which no z has an x. */
Test(lifted, points_without_an_inverse_are_nan) {
    real params[7], x[3];
    const real z[3] = {-4, 5, -2};
    cnf *flow = closed_form(ACTIVATION_SOFTPLUS, -4, params);
    cr_assert_eq(cnf_invert(flow, params, z, 3, x, NULL), STATUS_OK);
    cr_expect(isfinite(x[0]) && isnan(x[1]) && isfinite(x[2]));
    cnf_destroy(&flow);
}

/* --- Against other solves --- */

/* dz(T)/dx by central differences of the whole map, and log p from its determinant. */
#ifdef AFFJORD_DOUBLE
Test(lifted, densities_are_those_of_the_maps_numerical_jacobian) {
    static const struct { size_t D, A; } sizes[] = {{1, 1}, {2, 1}, {2, 3}, {3, 2}, {5, 2}, {8, 9}};
    enum { N = 5 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t D = sizes[s].D;
        cnf *flow = points_flow(lifted_spec(D, sizes[s].A), 4, NULL);
        real *params = parameters_of(flow, 3), *x = drawn(N * D, 2, 1), *at = calloc(4 * D, sizeof *at), z[N * 8],
             y[32];
        double log_density[N], unused[4], jacobian[64], inverse[64];
        cr_assert_eq(cnf_transform(flow, params, x, N, points_probe, z, log_density, NULL), STATUS_OK);
        for (size_t i = 0; i < N; i++) {
            double expected = -0.5 * (double)D * log(2 * pi * 0.8);
            for (size_t j = 0; j < D; j++) {
                const double h = 1e-3, by[4] = {h, -h, 2 * h, -2 * h};
                for (size_t k = 0; k < 4; k++) {
                    memcpy(at + k * D, x + i * D, D * sizeof *at);
                    at[k * D + j] += by[k];
                }
                cr_assert_eq(cnf_transform(flow, params, at, 4, points_probe, y, unused, NULL), STATUS_OK);
                for (size_t d = 0; d < D; d++)
                    jacobian[d * D + j] = (8 * (y[d] - y[D + d]) - (y[2 * D + d] - y[3 * D + d])) / (12 * h);
            }
            for (size_t d = 0; d < D; d++) expected -= z[i * D + d] * z[i * D + d] / 1.6;
            expected += log(fabs(small_matrix_invert(D, jacobian, inverse)));
            cr_expect_float_eq(log_density[i], expected, 1e-8, "D = %zu: %.12g, %.12g", D, log_density[i], expected);
        }
        free(params), free(x), free(at);
        cnf_destroy(&flow);
    }
}
#endif

/* The joint equation [z; z*] with d(z*)/dt = -z* solved, instead of e^-t. */
typedef struct joint {
    field *f;
    const real *params;
} joint;

enum { JOINT_D = 2, JOINT_A = 3, JOINT = JOINT_D + JOINT_A };

static void evaluate_joint(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation;
    const joint *self = argument;
    const real time = (real)*t;
    field_prepare(self->f, self->params, &time);
    field_forward(self->f, 1, y, NULL, &(field_values){.f = dy});
    for (size_t a = JOINT_D; a < JOINT; a++) dy[a] = -y[a];
}

Test(lifted, the_decay_is_that_of_the_solved_equation) {
    cnf_spec spec = lifted_spec(JOINT_D, JOINT_A);
    spec.end_time = 3;
    spec.steps = 300;
    cnf *flow = points_flow(spec, 4, NULL);
    real *params = parameters_of(flow, 2), *x = drawn(JOINT_D, 3, 1), z[JOINT_D], y[JOINT], h[JOINT_A];
    double log_density;
    cr_assert_eq(cnf_transform(flow, params, x, 1, points_probe, z, &log_density, NULL), STATUS_OK);
    const backend_ops *backend = cpu_backend(cpu_level_best());
    mlp_field_spec layers = spec.mlp;
    layers.dimension = JOINT, layers.outputs = JOINT_D, layers.context = 1;
    parameter_table table = {0};
    joint self = {.params = params};
    cr_assert_eq(mlp_field_create(&layers, "field", NULL, backend, &table, &self.f, NULL), STATUS_OK);
    field_set_params(self.f, params);
    /* h by its formula */
    const size_t W = spec.augmented_width;
    const real *w = named(flow, params, "lift.0.weight", W * JOINT_D), *b = named(flow, params, "lift.0.bias", W);
    const real *v = named(flow, params, "lift.1.weight", JOINT_A * W), *c = named(flow, params, "lift.1.bias", JOINT_A);
    for (size_t a = 0; a < JOINT_A; a++) {
        double sum = (double)c[a];
        for (size_t j = 0; j < W; j++)
            sum += (double)v[a * W + j] * tanh((double)(w[2 * j] * x[0] + w[2 * j + 1] * x[1] + b[j]));
        h[a] = (real)sum;
    }
    memcpy(y, x, sizeof(real) * JOINT_D);
    memcpy(y + JOINT_D, h, sizeof h);
    const solve_spec by = {.method = tableau_get(TABLEAU_RK4), .steps = 300};
    const ode_system system = {.backend = backend, .length = JOINT, .context = &self, .evaluate = evaluate_joint};
    real *room = calloc(solve_workspace(&by, JOINT), sizeof *room);
    cr_assert_eq(solve_integrate(&by, 0, 3, &system, y, NULL, room, NULL), STATUS_OK);
    for (size_t d = 0; d < JOINT_D; d++)
        cr_expect_float_eq((double)z[d], (double)y[d], is_double ? 1e-9 : 2e-5, "%zu: %g", d, (double)z[d]);
    for (size_t a = 0; a < JOINT_A; a++)
        cr_expect_float_eq((double)y[JOINT_D + a], exp(-3) * (double)h[a], is_double ? 1e-9 : 1e-6);
    free(params), free(x), free(room);
    field_destroy(&self.f);
    cnf_destroy(&flow);
}

/* With h = 0 it is FFJORD's flow with the same layers, whose log-density is an integral of the trace. */
Test(lifted, without_h_it_is_ffjord) {
    enum { N = 20, D = 2, A = 3, H = 5 };
    cnf_spec spec = lifted_spec(D, A), plain = points_spec(CNF_MLP, CONTEXT_CLOCK, D);
    spec.steps = plain.steps = 200;
    plain.solver = TABLEAU_RK4;
    cnf *flow = points_flow(spec, 8, NULL), *ffjord = points_flow(plain, 8, NULL);
    real *params = parameters_of(flow, 2), *x = drawn(N * D, 4, 1), z[2][N * D];
    real *others = calloc(cnf_parameters(ffjord)->total, sizeof *others);
    double log_density[2][N];
    memset(named(flow, params, "lift.1.weight", A * 3), 0, A * 3 * sizeof(real));
    memset(named(flow, params, "lift.1.bias", A), 0, A * sizeof(real));
    /* The same parameters, but for the columns of z* in the first layer. */
    const parameter_table *table = cnf_parameters(ffjord);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *one = &table->entries[k];
        const bool first = strcmp(one->name, "field.0.weight") == 0;
        const size_t columns = one->columns + (first ? A : 0);
        const real *from = named(flow, params, one->name, one->rows * columns);
        for (size_t r = 0; r < one->rows; r++)
            memcpy(others + one->offset + r * one->columns, from + r * columns, one->columns * sizeof *from);
    }
    cr_assert_eq(cnf_transform(flow, params, x, N, points_probe, z[0], log_density[0], NULL), STATUS_OK);
    cr_assert_eq(cnf_transform(ffjord, others, x, N, points_probe, z[1], log_density[1], NULL), STATUS_OK);
    for (size_t i = 0; i < N * D; i++) cr_expect_float_eq((double)z[0][i], (double)z[1][i], is_double ? 1e-12 : 1e-5);
    for (size_t i = 0; i < N; i++) cr_expect_float_eq(log_density[0][i], log_density[1][i], is_double ? 1e-9 : 3e-5);
    free(params), free(x), free(others);
    cnf_destroy(&flow), cnf_destroy(&ffjord);
}

/* --- Gradients --- */

#ifdef AFFJORD_DOUBLE

enum { ROWS = 3 };

static double loss_at(cnf *flow, real *params, const real *x, size_t i, double by) {
    const real kept = params[i];
    double log_density[ROWS], sum = 0;
    params[i] = kept + by;
    cr_assert_eq(cnf_log_density(flow, params, x, ROWS, points_probe, log_density, NULL), STATUS_OK);
    params[i] = kept;
    for (size_t k = 0; k < ROWS; k++) sum -= log_density[k] / ROWS;
    return sum;
}

static void expect_differences(cnf_spec spec, double tolerance) {
    cnf *flow = points_flow(spec, ROWS, NULL);
    const parameter_table *table = cnf_parameters(flow);
    real *params = parameters_of(flow, 2), *x = drawn(ROWS * spec.dimension, 6, 1);
    real *gradient = calloc(table->total, sizeof *gradient);
    double loss;
    cr_assert_eq(cnf_loss_gradient(flow, params, x, ROWS, points_probe, &loss, gradient, NULL), STATUS_OK);
    cr_expect_float_eq(loss, loss_at(flow, params, x, 0, 0), 1e-12);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        double largest = 1e-3;
        for (size_t i = 0; i < part->rows * part->columns; i++)
            largest = fmax(largest, fabs(gradient[part->offset + i]));
        for (size_t j = 0; j < part->rows * part->columns; j++) {
            const size_t i = part->offset + j;
            const double h = 3e-4, near = (loss_at(flow, params, x, i, h) - loss_at(flow, params, x, i, -h)) / (2 * h);
            const double far = (loss_at(flow, params, x, i, 2 * h) - loss_at(flow, params, x, i, -2 * h)) / (4 * h);
            cr_expect_float_eq(gradient[i], (4 * near - far) / 3, tolerance * largest, "%s[%zu]: %.10g, not %.10g",
                               part->name, j, gradient[i], (4 * near - far) / 3);
        }
    }
    free(params), free(x), free(gradient);
    cnf_destroy(&flow);
}

Test(lifted, gradients_equal_differences, .timeout = 300) {
    for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++) {
        cnf_spec spec = lifted_spec(2, 3);
        spec.mlp.layer = layer;
        spec.steps = 4;
        spec.keep_stages = layer == IMAGE_CONCAT;
        expect_differences(spec, 1e-7);
    }
    cnf_spec spec = lifted_spec(3, 1);
    spec.steps = 4;
    expect_differences(spec, 1e-7);
    spec.steps = 0;
    spec.solver = TABLEAU_DOPRI5;
    spec.options = (adaptive_options){.atol = 1e-9, .rtol = 1e-9, .stop_at_end = true};
    spec.kept_steps = 400;
    expect_differences(spec, 1e-4);
}

#endif

/* --- Inverses, bits --- */

Test(lifted, samples_come_back) {
    enum { N = 60 };
    for (size_t D = 1; D <= 4; D++) {
        cnf *flow = points_flow(lifted_spec(D, 2), 16, NULL);
        real *params = parameters_of(flow, 2), x[N * 4], z[N * 4], base[N * 4], again[N * 4];
        double log_density[N];
        const random_stream stream = {.seed = 2, .purpose = RANDOM_SAMPLING};
        cnf_statistics statistics;
        cr_assert_eq(cnf_sample(flow, params, stream, 0, N, x, &statistics), STATUS_OK);
        cr_expect_geq(statistics.evaluations_forward, 3 * 20 * 4, "the solve back, and two for Newton's method");
        cr_assert_eq(cnf_transform(flow, params, x, N, points_probe, z, log_density, NULL), STATUS_OK);
        /* h is not 0, so the backward solve alone does not give x; z(T) equals the base point only after Newton's
         * steps. */
        cr_assert_eq(cnf_invert(flow, params, z, N, again, NULL), STATUS_OK);
        for (size_t i = 0; i < N * D; i++) cr_expect_float_eq((double)again[i], (double)x[i], is_double ? 1e-8 : 2e-3);
        cr_assert_eq(cnf_sample(flow, params, stream, 7, N - 7, base, NULL), STATUS_OK);
        for (size_t i = 0; i < (N - 7) * D; i++)
            cr_expect_eq(base[i], x[7 * D + i], "a sample depends on its number alone");
        free(params);
        cnf_destroy(&flow);
    }
}

Test(lifted, same_bits_for_any_threads) {
    enum { N = 300, D = 3 };
    real *first = NULL;
    for (size_t threads = 1; threads <= 3; threads++) {
        parallel *workers;
        cr_assert_eq(parallel_create(threads, &workers), STATUS_OK);
        cnf *flow = points_flow(lifted_spec(D, 2), N, workers);
        const size_t P = cnf_parameters(flow)->total;
        real *params = parameters_of(flow, 2), *x = drawn(N * D, 1, 1), *gradient = calloc(P, sizeof *gradient);
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

Test(lifted, training_lowers_the_loss) {
    dataset *data = NULL;
    error_info err;
    cr_assert_eq(dataset_open("ty", &data, &err), STATUS_OK, "%s", err.text);
    objective_spec obj = {.flow = lifted_spec(2, 2), .seed = 1, .batch = 128, .validation = 512};
    obj.flow.mlp.hidden[0] = obj.flow.mlp.hidden[1] = 16;
    obj.flow.steps = 8;
    double first;
    const double last = points_train(&obj, data, 150, &first);
    cr_expect_lt(last, first - 0.2, "%g, then %g", first, last);
    dataset_close(&data);
}

/* --- Refusals --- */

static void expect_refused(cnf_spec spec, const char *words) {
    error_info err = {""};
    cr_expect_eq(cnf_check(&spec, &err), STATUS_INVALID, "%s", words);
    cr_expect_not_null(strstr(err.text, words), "\"%s\" for \"%s\"", err.text, words);
}

Test(lifted, unsupported_settings_are_rejected_by_name) {
    const cnf_spec good = lifted_spec(2, 2);
    cr_assert_eq(cnf_check(&good, NULL), STATUS_OK);
    cnf_spec spec = good;
    spec.dimension = 9;
    expect_refused(spec, "model.context = lifted: data of 9 columns; expected at most 8");
    spec = good, spec.field = CNF_HYPER_MLP;
    expect_refused(spec, "model.field = hyper_mlp or callbacks with model.context = lifted");
    spec = good, spec.gradient = GRADIENT_ADJOINT;
    expect_refused(spec, "solver.gradient = adjoint with model.context = lifted");
    spec = good, spec.divergence = DIVERGENCE_GAUSSIAN;
    expect_refused(spec, "flow.divergence = rademacher or gaussian with model.context = lifted");
    spec = good, spec.learn_end_time = true;
    expect_refused(spec, "flow.learn_end_time = yes with model.context = lifted: T is fixed; expected no");
    spec = good, spec.jacobian = 1;
    expect_refused(spec, "flow.kinetic or flow.jacobian with model.context = lifted");
    spec = good, spec.learn_start = true;
    expect_refused(spec, "model.initial_state = learned or model.dynamics = fixed with model.context = lifted");
    spec = good, spec.augmented_dimension = 0;
    expect_refused(spec, "augmented context of dimension 0");
}

Test(lifted, other_views_of_a_flow_are_refused) {
    cnf *flow = points_flow(lifted_spec(2, 2), 4, NULL), *other;
    real *params = parameters_of(flow, 1), x[8] = {0}, z[8], c[2];
    const double times[1] = {0.5};
    double log_density[4];
    cnf_injectivity found;
    const random_stream stream = {.seed = 1, .purpose = RANDOM_SAMPLING};
    cr_expect_eq(cnf_trajectory(flow, params, x, 4, 1, times, z), STATUS_INVALID);
    cr_expect_eq(cnf_score(flow, params, x, 4, points_probe, z, params), STATUS_INVALID);
    cr_expect_eq(cnf_moment_field(flow, params, 1, x, 4, z, c), STATUS_INVALID);
    cr_expect_eq(cnf_moment_sample(flow, params, 1, stream, 0, 4, z), STATUS_INVALID);
    cr_expect_eq(cnf_moment_log_density(flow, params, 1, x, 4, points_probe, log_density), STATUS_INVALID);
    cr_expect_eq(cnf_examine(flow, params, x, 1, &found), STATUS_INVALID, "one point has no neighbour");
    other = points_flow(points_spec(CNF_MLP, CONTEXT_CLOCK, 2), 4, NULL);
    cr_expect_eq(cnf_examine(other, params, x, 4, &found), STATUS_INVALID);
    free(params);
    cnf_destroy(&flow), cnf_destroy(&other);
}
