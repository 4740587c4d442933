/* test_gradient.c - gradients of every parameter against finite differences, and discrete against adjoint gradients.
 *
 * Only in the double build; float differences are too coarse. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/cnf.h"

#ifdef AFFJORD_DOUBLE

enum { N = 5, D = 2 };

static const random_stream probe = {.seed = 1, .purpose = RANDOM_PROBE, .iteration = 1};
static const real x[N * D] = {0.3, -1.2, 1.4, 0.2, -0.7, -0.6, 0.9, 1.1, -1.5, 0.1};

static cnf_spec base_spec(cnf_context context) {
    return (cnf_spec){.dimension = D,
                      .width = 4,
                      .context = context,
                      .join = context == CONTEXT_AUGMENTED,
                      .hypernet_layers = 2,
                      .hypernet_width = 4,
                      .augmented_dimension = 2,
                      .augmented_width = 3,
                      .learn_start = true,
                      .end_time = 1.1,
                      .base_variance = 0.8,
                      .solver = TABLEAU_RK4,
                      .steps = 3};
}

static cnf *make(cnf_spec spec) {
    cnf *flow = NULL;
    error_info err = {""};
    cr_assert_eq(cnf_create(&spec, N, NULL, &flow, &err), STATUS_OK, "%s", err.text);
    return flow;
}

static real *lively(const cnf *flow) {
    const size_t P = cnf_parameters(flow)->total;
    real *params = calloc(P, sizeof *params);
    cnf_initialise(flow, 7, params);
    for (size_t i = 0; i < P; i++) params[i] *= 2;
    return params;
}

static double loss_of(cnf *flow, const real *params) {
    double log_density[N], sum = 0;
    cnf_log_density(flow, params, x, N, probe, log_density, NULL);
    for (size_t i = 0; i < N; i++) sum -= log_density[i] / N;
    return sum;
}

static double loss_moved(cnf *flow, real *params, size_t i, double by) {
    const real kept = params[i];
    params[i] = kept + by;
    const double loss = loss_of(flow, params);
    params[i] = kept;
    return loss;
}

/* Central differences, extrapolated once: the error is of fourth order. */
static double difference(cnf *flow, real *params, size_t i) {
    const double h = 2e-3;
    const double near = (loss_moved(flow, params, i, h) - loss_moved(flow, params, i, -h)) / (2 * h);
    const double far = (loss_moved(flow, params, i, 2 * h) - loss_moved(flow, params, i, -2 * h)) / (4 * h);
    return (4 * near - far) / 3;
}

/* Relative to the largest gradient of the same part, because small ones are sums of large terms. */
static double largest(const real *gradient, const parameter *part) {
    double size = 0;
    for (size_t i = 0; i < part->rows * part->columns; i++) size = fmax(size, fabs(gradient[part->offset + i]));
    return size;
}

static void check_differences(cnf_spec spec, const char *name) {
    cnf *flow = make(spec);
    const parameter_table *table = cnf_parameters(flow);
    real *params = lively(flow), *gradient = calloc(table->total, sizeof *gradient);
    double loss;
    cr_assert_eq(cnf_loss_gradient(flow, params, x, N, probe, &loss, gradient, NULL), STATUS_OK);
    cr_assert_float_eq(loss, loss_of(flow, params), 1e-14);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        const double scale = largest(gradient, part);
        cr_assert_gt(scale, 1e-6, "%s: %s has a gradient", name, part->name);
        for (size_t i = part->offset; i < part->offset + part->rows * part->columns; i++) {
            const double expected = difference(flow, params, i);
            cr_assert_float_eq(gradient[i], expected, 1e-7 * scale, "%s: %s[%zu] is %.12g, differences give %.12g",
                               name, part->name, i - part->offset, gradient[i], expected);
        }
    }
    free(params), free(gradient);
    cnf_destroy(&flow);
}

Test(gradient, discrete_equals_differences_for_each_solver) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++)
        for (tableau_id solver = TABLEAU_EULER; solver <= TABLEAU_RK4_38; solver++) {
            cnf_spec spec = base_spec(context);
            spec.solver = solver;
            check_differences(spec, "solver");
        }
}

Test(gradient, discrete_equals_differences_for_each_divergence) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++)
        for (cnf_divergence divergence = DIVERGENCE_EXACT; divergence <= DIVERGENCE_GAUSSIAN; divergence++) {
            cnf_spec spec = base_spec(context);
            spec.divergence = divergence;
            spec.join = context == CONTEXT_CLOCK; /* the opposite of the default */
            check_differences(spec, "divergence");
        }
}

/* A fixed context has zero gradients; the others are those with a learned context. */
Test(gradient, a_fixed_context_has_none) {
    for (cnf_gradient way = GRADIENT_DISCRETE; way <= GRADIENT_ADJOINT; way++) {
        cnf_spec spec = base_spec(CONTEXT_AUGMENTED);
        spec.gradient = way;
        cnf *learned = make(spec);
        spec.fixed_context = true;
        cnf *fixed = make(spec);
        const parameter_table *table = cnf_parameters(fixed);
        real *params = lively(fixed), *a = calloc(table->total, sizeof *a), *b = calloc(table->total, sizeof *b);
        double first, second;
        cr_assert_eq(cnf_loss_gradient(learned, params, x, N, probe, &first, a, NULL), STATUS_OK);
        cr_assert_eq(cnf_loss_gradient(fixed, params, x, N, probe, &second, b, NULL), STATUS_OK);
        cr_expect_eq(first, second);
        size_t contexts = 0;
        for (size_t k = 0; k < table->count; k++) {
            const parameter *part = &table->entries[k];
            const bool context = strncmp(part->name, "context.", 8) == 0;
            contexts += context;
            cr_expect_gt(largest(a, part), 0, "%s", part->name);
            if (context) cr_expect_eq(largest(b, part), 0, "%s", part->name);
            else
                cr_expect_arr_eq(b + part->offset, a + part->offset, part->rows * part->columns * sizeof *a, "%s",
                                 part->name);
        }
        cr_expect_gt(contexts, 3);
        free(params), free(a), free(b);
        cnf_destroy(&learned);
        cnf_destroy(&fixed);
    }
}

Test(gradient, adjoint_equals_differences_on_a_fine_grid) {
    cnf_spec spec = base_spec(CONTEXT_AUGMENTED);
    spec.gradient = GRADIENT_ADJOINT;
    spec.steps = 48;
    check_differences(spec, "adjoint");
    spec = base_spec(CONTEXT_CLOCK);
    spec.gradient = GRADIENT_ADJOINT;
    spec.divergence = DIVERGENCE_RADEMACHER;
    spec.join = true;
    spec.steps = 48;
    check_differences(spec, "adjoint");
}

/* Largest distance between the two gradients, relative in each part. */
static double distance(cnf_spec spec) {
    spec.gradient = GRADIENT_DISCRETE;
    cnf *discrete = make(spec);
    spec.gradient = GRADIENT_ADJOINT;
    cnf *adjoint = make(spec);
    const parameter_table *table = cnf_parameters(discrete);
    real *params = lively(discrete);
    real *first = calloc(table->total, sizeof *first), *second = calloc(table->total, sizeof *second);
    double loss, same, worst = 0;
    cr_assert_eq(cnf_loss_gradient(discrete, params, x, N, probe, &loss, first, NULL), STATUS_OK);
    cr_assert_eq(cnf_loss_gradient(adjoint, params, x, N, probe, &same, second, NULL), STATUS_OK);
    cr_assert_eq(loss, same);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        const double scale = largest(first, part);
        for (size_t i = part->offset; i < part->offset + part->rows * part->columns; i++)
            worst = fmax(worst, fabs(first[i] - second[i]) / scale);
    }
    free(params), free(first), free(second);
    cnf_destroy(&discrete), cnf_destroy(&adjoint);
    return worst;
}

Test(gradient, adjoint_approaches_discrete_with_the_order_of_the_solver) {
    const double orders[] = {1, 2, 4, 4};
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++)
        for (tableau_id solver = TABLEAU_EULER; solver <= TABLEAU_RK4_38; solver++)
            for (cnf_divergence divergence = DIVERGENCE_EXACT; divergence <= DIVERGENCE_GAUSSIAN; divergence++) {
                cnf_spec spec = base_spec(context);
                spec.solver = solver;
                spec.divergence = divergence;
                spec.steps = solver >= TABLEAU_RK4 ? 64 : 80;
                const double coarse = distance(spec);
                spec.steps *= 2;
                const double fine = distance(spec);
                cr_assert_gt(log2(coarse / fine), orders[solver] - 0.4, "context %d, solver %d, divergence %d: %g, %g",
                             (int)context, (int)solver, (int)divergence, coarse, fine);
                if (solver >= TABLEAU_RK4) cr_assert_lt(fine, 1e-6);
            }
}

#endif
