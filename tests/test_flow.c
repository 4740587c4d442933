/* test_flow.c - log-densities with a closed form, round trips, counts, threads, memory. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/cnf.h"

static const random_stream probe = {.seed = 1, .purpose = RANDOM_PROBE, .iteration = 1};

static cnf_spec small_spec(void) {
    return (cnf_spec){.dimension = 2,
                      .width = 9,
                      .context = CONTEXT_AUGMENTED,
                      .join = true,
                      .hypernet_layers = 2,
                      .hypernet_width = 8,
                      .augmented_dimension = 3,
                      .augmented_width = 4,
                      .learn_start = true,
                      .end_time = 2,
                      .base_variance = 1,
                      .solver = TABLEAU_RK4,
                      .steps = 30};
}

static cnf *make(cnf_spec spec, size_t batch, parallel *workers) {
    cnf *flow = NULL;
    error_info err = {""};
    cr_assert_eq(cnf_create(&spec, batch, workers, &flow, &err), STATUS_OK, "%s", err.text);
    return flow;
}

/* Initial parameters, made larger so that the flow bends. */
static real *lively(const cnf *flow, double factor) {
    const size_t P = cnf_parameters(flow)->total;
    real *params = calloc(P, sizeof *params);
    cnf_initialise(flow, 7, params);
    for (size_t i = 0; i < P; i++) params[i] *= (real)factor;
    return params;
}

static void points(size_t n, size_t D, real *x) {
    for (size_t i = 0; i < n * D; i++) {
        double u[4];
        random_uniform4(probe, i, 3, u);
        x[i] = (real)(3 * u[0] - 1.5);
    }
}

/* Parameters under which f(z) = A z to the accuracy of tanh(w z) / w = z for small w: the hypernet's weights are zero
 * and its output's biases are the field's numbers. With s = sigmoid(g) = 1/2 for g = 0, f_d = 1/(2 W) sum_j u_jd
 * w_j.z. */
static void make_linear(const cnf *flow, const double A[2][2], real *params) {
    const parameter_table *table = cnf_parameters(flow);
    const size_t W = cnf_specification(flow)->width;
    memset(params, 0, table->total * sizeof *params);
    const parameter *bias = NULL;
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->entries[i].name, "hypernet.2.bias") == 0) bias = &table->entries[i];
    cr_assert_not_null(bias);
    real *w = params + bias->offset, *u = w + 2 * W;
#ifdef AFFJORD_DOUBLE
    const double small = 1e-5;
#else
    const double small = 3e-3;
#endif
    for (size_t j = 0; j < 2; j++) {
        w[j * W + j] = (real)small; /* unit j reads coordinate j */
        for (size_t d = 0; d < 2; d++) u[d * W + j] = (real)(2 * (double)W * A[d][j] / small);
    }
}

#ifdef AFFJORD_DOUBLE
static const double linear_tolerance = 1e-8, round_trip_tolerance = 1e-4;
#else
static const double linear_tolerance = 1e-4, round_trip_tolerance = 2e-4;
#endif

/* A diagonal flow: z(T) = exp(A T) x and log|det| = T trace A, so log p is known. */
static void check_linear(cnf_context context, cnf_divergence divergence) {
    cnf_spec spec = small_spec();
    spec.context = context;
    spec.join = false;
    spec.steps = 200;
    spec.divergence = divergence;
    spec.base_variance = 0.4;
    cnf *flow = make(spec, 50, NULL);
    const double A[2][2] = {{0.3, 0}, {0, -0.7}};
    real *params = calloc(cnf_parameters(flow)->total, sizeof *params), x[100], z[100];
    double log_density[50];
    make_linear(flow, A, params);
    points(50, 2, x);
    cnf_transform(flow, params, x, 50, probe, z, log_density, NULL);
    for (size_t i = 0; i < 50; i++) {
        double expected = spec.end_time * (A[0][0] + A[1][1]) - log(2 * 3.14159265358979323846 * spec.base_variance);
        for (size_t d = 0; d < 2; d++) {
            const double image = exp(A[d][d] * spec.end_time) * (double)x[2 * i + d];
            cr_assert_float_eq((double)z[2 * i + d], image, linear_tolerance);
            expected -= image * image / (2 * spec.base_variance);
        }
        cr_assert_float_eq(log_density[i], expected, 10 * linear_tolerance, "point %zu: %.10g, expected %.10g", i,
                           log_density[i], expected);
    }
    /* Samples use the inverse: x = exp(-A T) z has deviation s exp(-A T). */
#ifdef AFFJORD_DOUBLE
    enum { N = 2000 };
#else
    enum { N = 20000 };
#endif
    real *samples = malloc(2 * N * sizeof *samples);
    cnf_sample(flow, params, (random_stream){.seed = 5, .purpose = RANDOM_SAMPLING}, 0, N, samples, NULL);
    for (size_t d = 0; d < 2; d++) {
        double square = 0;
        for (size_t i = 0; i < N; i++) square += (double)samples[2 * i + d] * (double)samples[2 * i + d];
        const double variance = spec.base_variance * exp(-2 * A[d][d] * spec.end_time);
        cr_assert_float_eq(square / N / variance, 1, 5 * sqrt(2.0 / N));
    }
    free(samples), free(params);
    cnf_destroy(&flow);
}

Test(flow, linear_field_has_its_closed_form) {
    check_linear(CONTEXT_CLOCK, DIVERGENCE_EXACT);
    check_linear(CONTEXT_AUGMENTED, DIVERGENCE_EXACT);
}

/* For a diagonal Jacobian, Rademacher's estimate has no variance. */
Test(flow, rademacher_is_exact_for_a_diagonal_field) {
    check_linear(CONTEXT_CLOCK, DIVERGENCE_RADEMACHER);
}

Test(flow, hutchinson_is_unbiased) {
    enum { N = 8000 };
    for (cnf_divergence divergence = DIVERGENCE_RADEMACHER; divergence <= DIVERGENCE_GAUSSIAN; divergence++) {
        cnf_spec spec = small_spec();
        real x[2 * N];
        for (size_t i = 0; i < N; i++) x[2 * i] = (real)0.4, x[2 * i + 1] = (real)-0.9;
        static double log_density[N];
        cnf *exact = make(spec, 1, NULL);
        real *params = lively(exact, 3);
        double truth, mean = 0, square = 0;
        cnf_log_density(exact, params, x, 1, probe, &truth, NULL);
        spec.divergence = divergence;
        cnf *estimated = make(spec, 1, NULL);
        cnf_log_density(estimated, params, x, N, probe, log_density, NULL);
        for (size_t i = 0; i < N; i++) mean += log_density[i] / N;
        for (size_t i = 0; i < N; i++) square += (log_density[i] - mean) * (log_density[i] - mean) / N;
        cr_assert_gt(square, 1e-6, "one draw for each row");
        cr_assert_lt(fabs(mean - truth), 5 * sqrt(square / N), "mean %g, exact %g +- %g", mean, truth,
                     sqrt(square / N));
        free(params);
        cnf_destroy(&exact), cnf_destroy(&estimated);
    }
}

Test(flow, density_integrates_to_one) {
    enum { CELLS = 160 };
    const double half = 8, width = 2 * half / CELLS;
    cnf *flow = make(small_spec(), 1, NULL);
    real *params = lively(flow, 3), *x = malloc(2 * CELLS * CELLS * sizeof *x);
    double *log_density = malloc(CELLS * CELLS * sizeof *log_density), total = 0;
    for (size_t i = 0; i < CELLS * CELLS; i++) {
        x[2 * i] = (real)(((double)(i % CELLS) + 0.5) * width - half);
        x[2 * i + 1] = (real)(((double)(i / CELLS) + 0.5) * width - half);
    }
    cnf_log_density(flow, params, x, CELLS * CELLS, probe, log_density, NULL);
    for (size_t i = 0; i < CELLS * CELLS; i++) total += exp(log_density[i]) * width * width;
    cr_assert_float_eq(total, 1, 1e-3);
    free(x), free(log_density), free(params);
    cnf_destroy(&flow);
}

Test(flow, samples_return_to_the_base) {
    enum { N = 300 };
    cnf_spec spec = small_spec();
    spec.steps = 100;
    cnf *flow = make(spec, 1, NULL);
    real *params = lively(flow, 3), samples[2 * N], z[2 * N], identity[2 * N];
    const random_stream stream = {.seed = 11, .purpose = RANDOM_SAMPLING};
    double log_density[N];
    cnf_sample(flow, params, stream, 40, N, samples, NULL);
    cnf_transform(flow, params, samples, N, probe, z, log_density, NULL);
    /* A flow with a zero field returns the base points. */
    real *zero = calloc(cnf_parameters(flow)->total, sizeof *zero);
    cnf_sample(flow, zero, stream, 40, N, identity, NULL);
    for (size_t i = 0; i < 2 * N; i++) cr_assert_float_eq((double)z[i], (double)identity[i], round_trip_tolerance);
    free(params), free(zero);
    cnf_destroy(&flow);
}

Test(flow, counts_its_evaluations) {
    const uint64_t expected[] = {30, 60, 120, 120};
    for (tableau_id solver = TABLEAU_EULER; solver <= TABLEAU_RK4_38; solver++) {
        cnf_spec spec = small_spec();
        spec.solver = solver;
        cnf *flow = make(spec, 10, NULL);
        real *params = lively(flow, 1), *gradient = malloc(cnf_parameters(flow)->total * sizeof *gradient), x[20];
        cnf_statistics statistics = {0};
        double loss;
        points(10, 2, x);
        cr_assert_eq(cnf_loss_gradient(flow, params, x, 10, probe, &loss, gradient, &statistics), STATUS_OK);
        cr_assert_eq(statistics.evaluations_forward, expected[solver]);
        cr_assert_eq(statistics.evaluations_backward, expected[solver]);
        cr_assert_gt(cnf_bytes(flow), 0);
        free(params), free(gradient);
        cnf_destroy(&flow);
    }
}

/* A point's result has the same bits for any number of threads and in any batch. */
Test(flow, threads_and_batches_do_not_change_a_bit) {
    enum { N = 700 };
    cnf_spec spec = small_spec();
    cnf *alone = make(spec, N, NULL);
    const size_t P = cnf_parameters(alone)->total;
    real *params = lively(alone, 2), x[2 * N], *first = malloc(P * sizeof *first), *other = malloc(P * sizeof *other);
    double loss, same, log_density[N], single;
    points(N, 2, x);
    cr_assert_eq(cnf_loss_gradient(alone, params, x, N, probe, &loss, first, NULL), STATUS_OK);
    for (size_t threads = 2; threads <= 4; threads++) {
        parallel *workers = NULL;
        cr_assert_eq(parallel_create(threads, &workers), STATUS_OK);
        cnf *flow = make(spec, N, workers);
        cr_assert_eq(cnf_loss_gradient(flow, params, x, N, probe, &same, other, NULL), STATUS_OK);
        cr_assert_eq(memcmp(&loss, &same, sizeof loss), 0);
        cr_assert_eq(memcmp(first, other, P * sizeof *first), 0, "%zu threads", threads);
        cnf_destroy(&flow);
        parallel_destroy(&workers);
    }
    cnf_log_density(alone, params, x, N, probe, log_density, NULL);
    for (size_t i = 0; i < N; i += 37) {
        cnf_log_density(alone, params, x + 2 * i, 1, probe, &single, NULL);
        cr_assert_eq(memcmp(&single, &log_density[i], sizeof single), 0);
    }
    free(params), free(first), free(other);
    cnf_destroy(&alone);
}

Test(flow, reports_non_finite_numbers) {
    cnf *flow = make(small_spec(), 10, NULL);
    real *params = lively(flow, 1), *gradient = malloc(cnf_parameters(flow)->total * sizeof *gradient), x[20];
    double loss;
    points(10, 2, x);
    x[7] = (real)NAN;
    cr_assert_eq(cnf_loss_gradient(flow, params, x, 10, probe, &loss, gradient, NULL), STATUS_NON_FINITE);
    cr_assert_eq(cnf_loss_gradient(flow, params, x, 11, probe, &loss, gradient, NULL), STATUS_INVALID);
    cr_assert_eq(cnf_loss_gradient(flow, params, x, 0, probe, &loss, gradient, NULL), STATUS_INVALID);
    free(params), free(gradient);
    cnf_destroy(&flow);
}

Test(flow, rejects_invalid_specifications) {
    cnf *flow = NULL;
    error_info err;
    cnf_spec spec = small_spec();
    spec.end_time = -1;
    cr_assert_eq(cnf_create(&spec, 1, NULL, &flow, &err), STATUS_INVALID);
    cr_assert_str_eq(err.text, "end time -1: expected a positive number");
    spec = small_spec();
    spec.dimension = CNF_HYPER_DIMENSION_MAX + 1;
    cr_assert_eq(cnf_create(&spec, 1, NULL, &flow, &err), STATUS_INVALID);
    cr_assert_str_eq(err.text, "data of 65 dimensions: expected 1 to 64");
    spec = small_spec();
    spec.steps = (size_t)1 << 50;
    cr_assert_eq(cnf_create(&spec, 512, NULL, &flow, &err), STATUS_MEMORY);
    cr_assert_null(flow);
}

Test(flow, parameter_counts_are_the_papers_effective_ones) {
    cnf_spec spec = small_spec();
    spec.width = 64;
    spec.hypernet_width = 32;
    spec.augmented_dimension = 2;
    spec.augmented_width = 3;
    cnf *affjord = make(spec, 1, NULL);
    /* 28,608 of the release's hypernet, less the 64 (2 + 2) weights and gates of outputs that it drops, each with 32
     * weights and a bias; 17 of g; 2 of z*(0). */
    cr_assert_eq(cnf_parameters(affjord)->total, 28608 - 256 * 33 + 17 + 2);
    spec.context = CONTEXT_CLOCK;
    spec.join = false;
    cnf *ffjord = make(spec, 1, NULL);
    cr_assert_eq(cnf_parameters(ffjord)->total, 15904);
    cnf_destroy(&affjord), cnf_destroy(&ffjord);
}

/* malloc of the C library, counted while a flow integrates; visible, so that shared libraries call it too. */
static _Thread_local size_t allocations;

__attribute__((visibility("default"))) void *malloc(size_t size) {
    static void *(*next)(size_t);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    allocations++;
    return next(size);
}

Test(flow, allocates_nothing_while_integrating) {
    for (cnf_gradient kind = GRADIENT_DISCRETE; kind <= GRADIENT_ADJOINT; kind++) {
        cnf_spec spec = small_spec();
        spec.gradient = kind;
        cnf *flow = make(spec, 200, NULL);
        real *params = lively(flow, 1), *gradient = calloc(cnf_parameters(flow)->total, sizeof *gradient), x[400];
        double loss, log_density[200];
        points(200, 2, x);
        free(malloc(1)); /* check that the hook counts */
        cr_assert_gt(allocations, 0);
        const size_t before = allocations;
        cnf_loss_gradient(flow, params, x, 200, probe, &loss, gradient, NULL);
        cnf_log_density(flow, params, x, 200, probe, log_density, NULL);
        cnf_sample(flow, params, probe, 0, 200, x, NULL);
        cr_assert_eq(allocations, before);
        free(params), free(gradient);
        cnf_destroy(&flow);
    }
}
