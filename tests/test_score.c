/* test_score.c - the gradient of log p by the data, and trajectories. */
#include <criterion/criterion.h>
#include <math.h>

#include "flow/cnf.h"
#include "chain_support.h"

static cnf_spec spec_of(cnf_field field, cnf_context context, cnf_gradient gradient) {
    return (cnf_spec){
        .dimension = 2,
        .field = field,
        .mlp = {.hidden_layers = 1, .hidden = {6}, .function = ACTIVATION_TANH, .layer = IMAGE_CONCATSQUASH},
        .width = 6,
        .context = context,
        .join = field == CNF_HYPER_MLP && context == CONTEXT_AUGMENTED,
        .hypernet_layers = 1,
        .hypernet_width = 4,
        .augmented_dimension = 2,
        .augmented_width = 3,
        .end_time = 1.3,
        .base_variance = 0.8,
        .solver = TABLEAU_RK4,
        .steps = 60,
        .gradient = gradient,
        .kept_steps = 60,
        .general = true};
}

/* A flow, its parameters, and points. */
typedef struct points {
    cnf *flow;
    real *params, *room, *x, *z, *dx;
    double *log_density;
} points;

enum { N = 11, D = 2, TIMES = 5 };

static void points_open(points *p, cnf_spec spec) {
    error_info err = {""};
    cr_assert_eq(cnf_create(&spec, 4, NULL, &p->flow, &err), STATUS_OK, "%s", err.text); /* fewer than N */
    const size_t P = cnf_parameters(p->flow)->total;
    p->params = reals(P), p->room = reals(P), p->x = reals(N * D), p->z = reals(TIMES * N * D), p->dx = reals(N * D);
    p->log_density = calloc(N, sizeof *p->log_density);
    cnf_initialise(p->flow, 7, p->params);
    for (size_t i = 0; i < P; i++) p->params[i] *= 2;
    for (size_t i = 0; i < N * D; i++) p->x[i] = (real)sin(3 * (double)i + 1);
}

static void points_close(points *p) {
    cnf_destroy(&p->flow);
    free(p->params), free(p->room), free(p->x), free(p->z), free(p->dx), free(p->log_density);
}

static void transform_points(points *p) {
    cr_assert_eq(cnf_transform(p->flow, p->params, p->x, N, probe, p->z, p->log_density, NULL), STATUS_OK);
}

#ifdef AFFJORD_DOUBLE /* float is too coarse */

Test(score, equals_differences_of_log_p) {
    for (cnf_field field = CNF_HYPER_MLP; field < CNF_OWN; field++)
        for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++)
            for (cnf_gradient gradient = GRADIENT_DISCRETE; gradient <= GRADIENT_ADJOINT; gradient++) {
                const double h = 1e-4, tolerance = gradient == GRADIENT_DISCRETE ? 1e-7 : 1e-5;
                points p;
                points_open(&p, spec_of(field, context, gradient));
                cr_assert_eq(cnf_score(p.flow, p.params, p.x, N, probe, p.dx, p.room), STATUS_OK);
                for (size_t i = 0; i < N * D; i++) {
                    const real kept = p.x[i];
                    double near[2];
                    for (int side = 0; side < 2; side++) {
                        p.x[i] = kept + (side ? h : -h);
                        transform_points(&p);
                        near[side] = p.log_density[i / D];
                    }
                    p.x[i] = kept;
                    cr_expect_float_eq(p.dx[i], (near[1] - near[0]) / (2 * h), tolerance,
                                       "field %d, context %d, %zu: %g, %g", (int)field, (int)context, i, p.dx[i],
                                       (near[1] - near[0]) / (2 * h));
                }
                points_close(&p);
            }
}

Test(score, of_images_equals_differences_with_the_same_probes) {
    chain_spec spec = small_spec(IMAGE_AFFJORD, IMAGE_CONCAT);
    spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 6};
    bench b;
    bench_open(&b, spec, 2, NULL);
    real *dx = reals(b.n * b.D);
    cr_assert_eq(chain_score(b.model, b.params, b.x, b.n, probe, dx, b.gradient, NULL), STATUS_OK);
    for (size_t i = 0; i < b.n * b.D; i += 13) {
        const real kept = b.x[i];
        const double h = 1e-4;
        double near[2];
        for (int side = 0; side < 2; side++) {
            b.x[i] = kept + (side ? h : -h);
            transform(&b, probe);
            near[side] = b.log_density[i / b.D];
        }
        b.x[i] = kept;
        const double expected = (near[1] - near[0]) / (2 * h);
        cr_expect_float_eq(dx[i], expected, 1e-5 * fmax(1, fabs(expected)), "%zu: %g, %g", i, dx[i], expected);
    }
    free(dx);
    bench_close(&b);
}

#endif

/* With fixed steps, intervals between times have their share of the steps, so the end equals that of the transform. */
Test(score, trajectories_pass_from_data_to_base_and_come_back) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        const double times[TIMES] = {0, 0.26, 0.26, 0.65, 1.3};
        points p;
        points_open(&p, spec_of(CNF_HYPER_MLP, context, GRADIENT_DISCRETE));
        real *way = reals(TIMES * N * D), *back = reals(N * D);
        cr_assert_eq(cnf_trajectory(p.flow, p.params, p.x, N, TIMES, times, way), STATUS_OK);
        transform_points(&p);
        const size_t all = N * D;
        double moved = 0;
        for (size_t i = 0; i < all; i++) {
            cr_expect_eq(way[i], p.x[i]);
            cr_expect_eq(way[all + i], way[2 * all + i], "no time passes");
            cr_expect_float_eq(way[4 * all + i], p.z[i], 2e-6, "%g, %g", (double)way[4 * all + i], (double)p.z[i]);
            moved = fmax(moved, fabs((double)way[3 * all + i] - (double)way[all + i]));
        }
        cr_expect_gt(moved, 1e-3);
        cr_assert_eq(cnf_invert(p.flow, p.params, p.z, N, back, NULL), STATUS_OK);
        for (size_t i = 0; i < all; i++) cr_expect_float_eq(back[i], p.x[i], 1e-5);
        free(way), free(back);
        points_close(&p);
    }
}

Test(score, invalid_requests_are_rejected) {
    const double late[] = {0.5, 1.4}, back[] = {0.5, 0.4};
    points p;
    points_open(&p, spec_of(CNF_HYPER_MLP, CONTEXT_AUGMENTED, GRADIENT_DISCRETE));
    cr_expect_eq(cnf_trajectory(p.flow, p.params, p.x, N, 2, late, p.z), STATUS_INVALID);
    cr_expect_eq(cnf_trajectory(p.flow, p.params, p.x, N, 2, back, p.z), STATUS_INVALID);
    points_close(&p);
    cnf_spec fused = spec_of(CNF_HYPER_MLP, CONTEXT_AUGMENTED, GRADIENT_DISCRETE);
    fused.general = false;
    points_open(&p, fused);
    cr_assert(cnf_is_fused(p.flow));
    cr_expect_eq(cnf_trajectory(p.flow, p.params, p.x, N, 1, late, p.z), STATUS_INVALID);
    cr_expect_eq(cnf_score(p.flow, p.params, p.x, N, probe, p.dx, p.room), STATUS_INVALID);
    points_close(&p);
}
