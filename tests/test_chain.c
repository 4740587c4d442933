/* test_chain.c - the multiscale model: determinants, probes, tolerances, and equal bits. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flow/chain.h"
#include "chain_support.h"
#ifdef AFFJORD_DOUBLE
#include "theory/matrix.h"
#endif

Test(chain, bits_count_bytes) {
    cr_assert_float_eq(bits_per_dim(0, 7), 8, 1e-15, "a uniform density");
    cr_assert_float_eq(bits_per_dim(10 * log(256), 10), 0, 1e-14, "one byte for sure");
}

Test(chain, stores_the_papers_effective_parameters) {
    static image_model counted;
    for (size_t k = 0; k < 2; k++) {
        chain_spec spec = small_spec(k ? IMAGE_AFFJORD : IMAGE_FFJORD, IMAGE_CONCAT);
        spec.model.variant = IMAGE_RELEASE; /* z* is not used at all */
        error_info err = {""};
        chain *model = NULL;
        cr_assert_eq(image_model_expand(&spec.model, &counted, &err), STATUS_OK);
        cr_assert_eq(chain_create(&spec, 2, false, NULL, &model, &err), STATUS_OK, "%s", err.text);
        cr_assert_eq(chain_parameters(model)->total, counted.effective);
        chain_destroy(&model);
    }
}

/* --- The density --- */

#ifdef AFFJORD_DOUBLE
/* With the exact trace, log p is that of the change of variables (eq. 1) with the whole Jacobian dz/dx, by central
 * differences of the map itself. */
Test(chain, log_density_is_that_of_the_whole_jacobian) {
    for (image_architecture architecture = IMAGE_FFJORD; architecture <= IMAGE_AFFJORD; architecture++) {
        chain_spec spec = small_spec(architecture, architecture == IMAGE_FFJORD ? IMAGE_CONCAT : IMAGE_HYPER);
        spec.divergence = DIVERGENCE_EXACT;
        spec.solver = (solve_spec){.method = tableau_get(TABLEAU_DOPRI5), .steps = 12};
        enum { D = 64 };
        bench exact, columns;
        bench_open(&exact, spec, 1, NULL);
        spec.divergence = DIVERGENCE_RADEMACHER; /* only for the map */
        bench_open(&columns, spec, 4 * D, NULL);
        transform(&exact, probe);
        const double h = 1e-3;
        for (size_t i = 0; i < 4 * D; i++) {
            memcpy(columns.x + i * D, exact.x, D * sizeof(real));
            columns.x[i * D + i % D] += (double[]){h, -h, 2 * h, -2 * h}[i / D];
        }
        transform(&columns, probe);
        double jacobian[D * D], base = 0;
        for (size_t j = 0; j < D; j++)
            for (size_t i = 0; i < D; i++) {
                const real *z = columns.z + j * D + i;
                const double near = (z[0] - z[D * D]) / (2 * h), far = (z[2 * D * D] - z[3 * D * D]) / (4 * h);
                jacobian[i * D + j] = (4 * near - far) / 3;
            }
        double determinant;
        cr_assert_eq(matrix_log_determinant(D, jacobian, &determinant), STATUS_OK);
        for (size_t i = 0; i < D; i++)
            base -= exact.z[i] * exact.z[i] / (2 * 1.3) + 0.5 * log(2 * 3.14159265358979323846 * 1.3);
        cr_assert_float_eq(exact.log_density[0], base + determinant, 2e-5);
        bench_close(&exact), bench_close(&columns);
    }
}
#endif

/* One image 64 times, 64 times over: 4,096 probes for each flow. */
Test(chain, hutchinson_estimates_have_the_exact_mean) {
    enum { N = 64, ROUNDS = 64 };
    for (cnf_divergence kind = DIVERGENCE_RADEMACHER; kind <= DIVERGENCE_GAUSSIAN; kind++) {
        chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_CONCAT);
        spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 2};
        spec.divergence = DIVERGENCE_EXACT;
        bench exact, estimated;
        bench_open(&exact, spec, 1, NULL);
        spec.divergence = kind;
        bench_open(&estimated, spec, N, NULL);
        transform(&exact, probe);
        for (size_t i = 0; i < N; i++) memcpy(estimated.x + i * exact.D, exact.x, exact.D * sizeof(real));
        double sum = 0, squares = 0;
        for (size_t round = 0; round < ROUNDS; round++) {
            transform(&estimated, (random_stream){.seed = 9, .purpose = RANDOM_PROBE, .iteration = round});
            for (size_t i = 0; i < N; i++) {
                const double error = estimated.log_density[i] - exact.log_density[0];
                sum += error;
                squares += error * error;
            }
        }
        const double count = N * ROUNDS, deviation = sqrt(squares / count);
        cr_assert_gt(deviation, 0.01, "the estimate varies");
        cr_assert_lt(fabs(sum / count), 4 * deviation / sqrt(count), "mean %g, deviation %g", sum / count, deviation);
        bench_close(&exact), bench_close(&estimated);
    }
}

Test(chain, error_follows_the_tolerance) {
    for (image_architecture architecture = IMAGE_FFJORD; architecture <= IMAGE_AFFJORD; architecture++) {
        chain_spec spec = small_spec(architecture, IMAGE_CONCAT);
        double reference = 0, errors[3];
        const double tolerances[] = {sizeof(real) == 4 ? 3e-6 : 1e-11, 1e-2, 1e-3, 1e-4};
        for (size_t k = 0; k < 4; k++) {
            bench b;
            spec.solver.options.atol = spec.solver.options.rtol = tolerances[k];
            bench_open(&b, spec, 3, NULL);
            transform(&b, probe);
            double sum = 0;
            for (size_t i = 0; i < b.n; i++) sum += b.log_density[i];
            if (k == 0) reference = sum;
            else errors[k - 1] = fabs(sum - reference) / (double)(b.n * b.D);
            bench_close(&b);
        }
        for (size_t k = 0; k < 3; k++)
            cr_assert_lt(errors[k], 5 * tolerances[k + 1], "at %g: %g", tolerances[k + 1], errors[k]);
        cr_assert_lt(errors[2], errors[0]);
    }
}

Test(chain, images_come_back) {
    for (size_t k = 0; k < 4; k++) {
        chain_spec spec = small_spec(k % 2 ? IMAGE_AFFJORD : IMAGE_FFJORD, k < 2 ? IMAGE_CONCAT : IMAGE_HYPER);
        bench b;
        bench_open(&b, spec, 5, NULL);
        for (size_t i = 0; i < b.P; i++) b.params[i] *= (real)0.7; /* about as large as at the start of a training */
        transform(&b, probe);
        cr_assert_eq(chain_invert(b.model, b.params, b.z, b.n, b.back, &b.statistics), STATUS_OK);
        for (size_t i = 0; i < b.n * b.D; i++)
            cr_assert_float_eq((double)b.back[i], (double)b.x[i], 1e-4, "case %zu, number %zu: %g, %g", k, i,
                               (double)b.back[i], (double)b.x[i]);
        /* Samples are the inverse of base points. */
        real *few = reals(b.n * b.D);
        const random_stream stream = {.seed = 2, .purpose = RANDOM_SAMPLING};
        cr_assert_eq(chain_sample(b.model, b.params, stream, 0, b.n, b.back, NULL), STATUS_OK);
        cr_assert_eq(chain_sample(b.model, b.params, stream, 0, b.n, few, NULL), STATUS_OK);
        cr_assert_arr_eq(few, b.back, b.n * b.D * sizeof(real));
        cr_assert_eq(chain_sample(b.model, b.params, stream, 1, b.n, few, NULL), STATUS_OK);
        for (size_t i = 0; i < (b.n - 1) * b.D; i++)
            cr_assert_float_eq((double)few[i], (double)b.back[i + b.D], 1e-4, "sample 1 is 1 whatever comes first");
        free(few);
        bench_close(&b);
    }
}

/* --- Regularizers --- */

/* Zero the parameters of all flows but one, and keep their end times. */
static void leave_one(bench *b, size_t f) {
    char prefix[16];
    const int length = snprintf(prefix, sizeof prefix, "flow.%zu.", f);
    const parameter_table *table = chain_parameters(b->model);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        if (strncmp(part->name, prefix, (size_t)length) == 0 || strstr(part->name, "end_time")) continue;
        memset(b->params + part->offset, 0, part->rows * part->columns * sizeof(real));
    }
}

/* If only one flow, of dimension D_f, has a non-zero field, its integrals are divided by D_f instead of D, and the
 * kinetic one by 2. */
Test(chain, finlays_regularizers_are_means_over_each_flows_own_dimension) {
    chain_spec spec = small_spec(IMAGE_FFJORD, IMAGE_CONCAT);
    spec.kinetic = 0.3, spec.jacobian = 0.2;
    static const double share[] = {1, 1, 2}; /* D / D_f: half of the channels leave behind the second flow */
    for (size_t f = 0; f < sizeof share / sizeof *share; f++) {
        bench data, finlay;
        spec.regularizers = REGULARIZERS_DATA;
        bench_open(&data, spec, 3, NULL);
        spec.regularizers = REGULARIZERS_FINLAY;
        bench_open(&finlay, spec, 3, NULL);
        cr_assert_eq(chain_flow_count(data.model), sizeof share / sizeof *share);
        leave_one(&data, f), leave_one(&finlay, f);
        take_gradient(&data), take_gradient(&finlay);
        cr_expect_eq(finlay.loss.bits, data.loss.bits);
        cr_expect_gt(data.loss.kinetic, 1e-4);
        cr_expect_gt(data.loss.jacobian, 1e-4);
        cr_expect_float_eq(finlay.loss.kinetic, share[f] / 2 * data.loss.kinetic, 1e-6 * data.loss.kinetic);
        cr_expect_float_eq(finlay.loss.jacobian, share[f] * data.loss.jacobian, 1e-6 * data.loss.jacobian);
        bench_close(&data), bench_close(&finlay);
    }
}

/* f = b everywhere has |f|^2 = D_f b^2: K is the sum over flows of T b^2 / 2. */
Test(chain, the_kinetic_regularizer_of_constant_fields) {
    chain_spec spec = small_spec(IMAGE_FFJORD, IMAGE_CONCAT);
    const double b = 0.3;
    spec.kinetic = 0.5;
    spec.regularizers = REGULARIZERS_FINLAY;
    bench one;
    bench_open(&one, spec, 2, NULL);
    const parameter_table *table = chain_parameters(one.model);
    for (size_t k = 0; k < table->count; k++) {
        const parameter *part = &table->entries[k];
        const bool shift = strstr(part->name, "field.2.bias") != NULL; /* of the last of three convolutions */
        for (size_t i = 0; i < part->rows * part->columns; i++)
            if (!strstr(part->name, "end_time")) one.params[part->offset + i] = shift ? (real)b : 0;
            else one.params[part->offset + i] = (real)sqrt(spec.end_time);
    }
    take_gradient(&one);
    cr_expect_float_eq(one.loss.kinetic, (double)chain_flow_count(one.model) * spec.end_time * b * b / 2, 1e-6);
    cr_expect_eq(one.loss.jacobian, 0);
    bench_close(&one);
}

/* --- Bits, outcomes --- */

Test(chain, same_bits_for_any_number_of_threads) {
    for (image_architecture architecture = IMAGE_FFJORD; architecture <= IMAGE_AFFJORD; architecture++)
        for (cnf_gradient gradient = GRADIENT_DISCRETE; gradient <= GRADIENT_ADJOINT; gradient++) {
            chain_spec spec = small_spec(architecture, IMAGE_HYPER);
            spec.gradient = gradient;
            spec.kinetic = 0.1;
            spec.solver.options.atol = spec.solver.options.rtol = 1e-3;
            bench alone;
            bench_open(&alone, spec, 40, NULL);
            take_gradient(&alone);
            for (size_t threads = 2; threads <= 4; threads += 2) {
                parallel *workers = NULL;
                cr_assert_eq(parallel_create(threads, &workers), STATUS_OK);
                bench together;
                bench_open(&together, spec, 40, workers);
                take_gradient(&together);
                cr_assert_eq(memcmp(&alone.loss, &together.loss, sizeof alone.loss), 0);
                cr_assert_arr_eq(alone.gradient, together.gradient, alone.P * sizeof(real));
                bench_close(&together);
                parallel_destroy(&workers);
            }
            bench_close(&alone);
        }
}

Test(chain, same_bits_for_any_stored_states) {
    for (size_t steps = 0; steps < 4; steps += 3) {
        chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_HYPER);
        spec.solver.steps = steps; /* adaptive and fixed */
        spec.jacobian = 0.1;
        bench less, more;
        bench_open(&less, spec, 4, NULL);
        spec.keep_stages = true;
        bench_open(&more, spec, 4, NULL);
        take_gradient(&less), take_gradient(&more);
        cr_assert_eq(memcmp(&less.loss, &more.loss, sizeof less.loss), 0);
        cr_assert_arr_eq(less.gradient, more.gradient, less.P * sizeof(real));
        for (size_t f = 0; f < chain_flow_count(less.model); f++) {
            cr_assert_eq(more.statistics.flows[f].backward.evaluations, 0);
            cr_assert_eq(less.statistics.flows[f].backward.evaluations, less.statistics.flows[f].backward.vjps);
            cr_assert_eq(more.statistics.flows[f].backward.vjps, less.statistics.flows[f].backward.vjps);
        }
        const size_t states = steps ? 6 : 7; /* an adaptive step keeps its last stage too */
        cr_assert_eq(chain_kept_bytes(more.model), states * chain_kept_bytes(less.model));
        bench_close(&less), bench_close(&more);
    }
}

/* Every failure has its status and its flow. */
static void expect_failure(chain_spec spec, real spoil, status expected, size_t flow, bool backward) {
    bench b;
    bench_open(&b, spec, 3, NULL);
    if (isnan(spoil)) {
        const parameter_table *table = chain_parameters(b.model);
        for (size_t k = 0; k < table->count; k++)
            if (strcmp(table->entries[k].name, "flow.1.field.0.weight") == 0)
                b.params[table->entries[k].offset] = spoil;
    }
    const status outcome = chain_loss_gradient(b.model, b.params, b.x, b.n, probe, &b.loss, b.gradient, &b.statistics);
    cr_assert_eq(outcome, expected, "status %d, expected %d", (int)outcome, (int)expected);
    cr_assert_eq(b.statistics.failed, flow);
    cr_assert_eq(b.statistics.failed_backward, backward);
    bench_close(&b);
}

Test(chain, failures_have_their_status_and_their_flow) {
    chain_spec spec = small_spec(IMAGE_FFJORD, IMAGE_CONCAT);
    expect_failure(spec, (real)NAN, STATUS_NON_FINITE, 1, false);
    spec.kept_steps = 1;
    expect_failure(spec, 0, STATUS_RECORD_FULL, 0, false);
    spec = small_spec(IMAGE_FFJORD, IMAGE_CONCAT);
    spec.solver.options.max_attempts = 1;
    expect_failure(spec, 0, STATUS_TOO_MANY_STEPS, 0, false);
    spec.solver.options.max_attempts = 0;
    spec.solver.options.min_step = spec.solver.options.first_step = 0.9;
    spec.solver.options.atol = spec.solver.options.rtol = 1e-7;
    expect_failure(spec, 0, STATUS_STEP_TOO_SMALL, 0, false);
}

Test(chain, rejects_invalid_specifications) {
    error_info err = {""};
    chain *model = NULL;
    chain_spec spec = small_spec(IMAGE_FFJORD, IMAGE_CONCAT);
    spec.alpha = 0;
    cr_expect_eq(chain_create(&spec, 2, true, NULL, &model, &err), STATUS_INVALID);
    spec = small_spec(IMAGE_FFJORD, IMAGE_CONCAT);
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4)};
    cr_expect_eq(chain_create(&spec, 2, true, NULL, &model, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "rk4 has no estimate of its error"));
    spec = small_spec(IMAGE_AFFJORD, IMAGE_CONCAT);
    spec.model.height = spec.model.width = 4;
    spec.model.moving = 20; /* of 16 */
    cr_expect_eq(chain_create(&spec, 2, true, NULL, &model, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "20 entries of z* that move, of 16"), "%s", err.text);
    cr_expect_null(model);
    bench b;
    bench_open(&b, small_spec(IMAGE_FFJORD, IMAGE_CONCAT), 2, NULL);
    cr_expect_eq(chain_transform(b.model, b.params, b.x, 3, probe, NULL, b.log_density, NULL), STATUS_INVALID);
    cr_expect_eq(chain_transform(b.model, b.params, b.x, 0, probe, NULL, b.log_density, NULL), STATUS_INVALID);
    bench_close(&b);
}
