/* test_moments.c - snapshots of a flow: both ends, and consistency of field, samples and densities in between. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/cnf.h"

enum { N = 200, STEPS = 20, A = 3 };

static const random_stream probe = {.seed = 1, .purpose = RANDOM_PROBE};
static const random_stream base = {.seed = 5, .purpose = RANDOM_SAMPLING};

static cnf *make(cnf_context context, tableau_id solver, size_t steps) {
    const cnf_spec spec = {.dimension = 2,
                           .width = 9,
                           .context = context,
                           .join = context == CONTEXT_AUGMENTED,
                           .hypernet_layers = 2,
                           .hypernet_width = 8,
                           .augmented_dimension = A,
                           .augmented_width = 4,
                           .learn_start = true,
                           .end_time = 2,
                           .base_variance = 0.5,
                           .solver = solver,
                           .steps = steps};
    cnf *flow = NULL;
    error_info err = {""};
    cr_assert_eq(cnf_create(&spec, 1, NULL, &flow, &err), STATUS_OK, "%s", err.text);
    return flow;
}

static real *lively(const cnf *flow) {
    const size_t P = cnf_parameters(flow)->total;
    real *params = calloc(P, sizeof *params);
    cr_assert_not_null(params);
    cnf_initialise(flow, 7, params);
    for (size_t i = 0; i < P; i++) params[i] *= 2;
    return params;
}

Test(moments, at_both_ends_they_are_data_and_base) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        cnf *flow = make(context, TABLEAU_RK4, STEPS);
        real *params = lively(flow), x[2 * N], z[2 * N];
        double expected[N], seen[N];
        cr_expect_eq(cnf_moment_time(flow, params, 0), 0);
        cr_expect_eq(cnf_moment_time(flow, params, STEPS), 2);
        cnf_sample(flow, params, base, 3, N, x, NULL);
        cnf_moment_sample(flow, params, 0, base, 3, N, z);
        cr_expect_arr_eq(z, x, sizeof x);
        cnf_log_density(flow, params, x, N, probe, expected, NULL);
        cnf_moment_log_density(flow, params, 0, x, N, probe, seen);
        cr_expect_arr_eq(seen, expected, sizeof seen);

        cnf_moment_sample(flow, params, STEPS, base, 3, N, z);
        cnf_moment_log_density(flow, params, STEPS, z, N, probe, seen);
        double square = 0;
        for (size_t i = 0; i < N; i++) {
            const double r = (double)z[2 * i] * (double)z[2 * i] + (double)z[2 * i + 1] * (double)z[2 * i + 1];
            cr_expect_float_eq(seen[i], -r - log(M_PI), 1e-5 + 1e-6 * r); /* of variance 1/2 */
            square += r / N;
        }
        cr_expect_float_eq(square, 1, 0.3);
        free(params);
        cnf_destroy(&flow);
    }
}

/* The density at z(t) for z(0) = x: log p_t(z(t)) = log p(x) - int_0^t tr df/dz, whatever t. So its mean over moving
 * samples changes only by the trace, and the density at each time integrates to one. */
Test(moments, densities_integrate_to_one) {
    enum { CELLS = 120, POINTS = CELLS * CELLS };
    cnf *flow = make(CONTEXT_AUGMENTED, TABLEAU_RK4, STEPS);
    real *params = lively(flow), *z = calloc(2 * POINTS, sizeof *z);
    double *log_density = calloc(POINTS, sizeof *log_density);
    cr_assert(z && log_density);
    for (size_t i = 0; i < POINTS; i++) {
        z[2 * i] = (real)(-6 + 12 * ((double)(i % CELLS) + 0.5) / CELLS);
        z[2 * i + 1] = (real)(-6 + 12 * ((double)(i / CELLS) + 0.5) / CELLS);
    }
    for (size_t step = 0; step <= STEPS; step += 5) {
        double sum = 0;
        cnf_moment_log_density(flow, params, step, z, POINTS, probe, log_density);
        for (size_t i = 0; i < POINTS; i++) sum += exp(log_density[i]) * 144 / POINTS;
        cr_expect_float_eq(sum, 1, 2e-3, "step %zu: %g", step, sum);
    }
    free(z), free(log_density), free(params);
    cnf_destroy(&flow);
}

/* Samples move by the field: (z(t + h) - z(t - h)) / 2 h is f(z(t), c(t)), to second order. */
Test(moments, samples_move_by_the_field) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++)
        for (tableau_id solver = TABLEAU_MIDPOINT; solver <= TABLEAU_RK4_38; solver++) {
            cnf *flow = make(context, solver, 100);
            const double h = 0.02;
            real *params = lively(flow), before[2 * N], here[2 * N], after[2 * N], rate[2 * N], c[A], start[A];
            double largest = 0;
            for (size_t step = 1; step < 100; step += 33) {
                cnf_moment_sample(flow, params, step - 1, base, 0, N, before);
                cnf_moment_sample(flow, params, step, base, 0, N, here);
                cnf_moment_sample(flow, params, step + 1, base, 0, N, after);
                cnf_moment_field(flow, params, step, here, N, rate, c);
                for (size_t i = 0; i < 2 * (size_t)N; i++) {
                    const double difference = ((double)after[i] - (double)before[i]) / (2 * h);
                    cr_expect_float_eq(rate[i], difference, 2e-3, "step %zu", step);
                    largest = fmax(largest, fabs((double)rate[i]));
                }
                if (context == CONTEXT_CLOCK) cr_expect_float_eq(c[0], (double)step * h, 1e-6);
            }
            cr_expect_gt(largest, 0.1, "the flow does move");
            if (context == CONTEXT_AUGMENTED) {
                cnf_moment_field(flow, params, 0, here, N, rate, start);
                cr_expect_neq(memcmp(start, c, sizeof c), 0, "z* moves too");
                const parameter_table *table = cnf_parameters(flow);
                for (size_t k = 0; k < table->count; k++)
                    if (strcmp(table->entries[k].name, "context.start") == 0)
                        cr_expect_arr_eq(start, params + table->entries[k].offset, sizeof start);
            }
            free(params);
            cnf_destroy(&flow);
        }
}
