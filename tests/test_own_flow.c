/* test_own_flow.c - flows of points with a field of callbacks: training, wrong shapes, failures of callbacks. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "points_support.h"
#include "wave_support.h"

static cnf_spec wave_spec(const field_callbacks *by) {
    cnf_spec spec = points_spec(CNF_OWN, CONTEXT_CLOCK, 2);
    spec.own = by;
    return spec;
}

Test(own_flow, an_own_field_trains_with_every_solver) {
    wave user = {0};
    const field_callbacks by = wave_callbacks(&user);
    dataset *data = NULL;
    cr_assert_eq(dataset_open("rings", &data, NULL), STATUS_OK);
    for (tableau_id solver = TABLEAU_EULER; solver <= TABLEAU_DOPRI8; solver++)
        for (cnf_gradient gradient = GRADIENT_DISCRETE; gradient <= GRADIENT_ADJOINT; gradient++) {
            cnf_spec flow = wave_spec(&by);
            flow.solver = solver;
            flow.steps = solver < TABLEAU_HEUN2 ? 6 : 0;
            flow.options.atol = flow.options.rtol = 1e-4;
            flow.gradient = gradient;
            flow.learn_end_time = true;
            const objective_spec obj = {.flow = flow, .seed = 2, .batch = 32, .validation = 20};
            double first, last = points_train(&obj, data, 6, &first);
            cr_expect(isfinite(last));
        }
    dataset_close(&data);
}

Test(own_flow, an_own_field_of_another_shape_is_refused) {
    wave user = {0};
    field_callbacks by = wave_callbacks(&user);
    cnf *flow = NULL;
    error_info err = {""};
    cnf_spec spec = wave_spec(&by);
    spec.dimension = 3;
    cr_assert_eq(cnf_create(&spec, 4, NULL, &flow, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field wave: takes z of 2 numbers; expected 3, as the data has");
    spec = wave_spec(&by);
    spec.context = CONTEXT_AUGMENTED;
    cr_assert_eq(cnf_create(&spec, 4, NULL, &flow, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field wave: takes a context of 1 numbers; expected one of 2, as the flow's is");
    by.backward = NULL;
    spec = wave_spec(&by);
    cr_assert_eq(cnf_create(&spec, 4, NULL, &flow, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "field wave: has no backward callback; expected all that a gradient needs, to train");
    spec.kept_steps = 0;
    flow = points_flow(spec, 4, NULL);
    real params[2] = {1, 1}, x[2] = {(real)0.2, (real)0.4};
    double log_density, loss;
    cr_expect_eq(cnf_log_density(flow, params, x, 1, points_probe, &log_density, NULL), STATUS_OK);
    cr_expect_eq(cnf_loss_gradient(flow, params, x, 1, points_probe, &loss, params, NULL), STATUS_INVALID);
    cnf_destroy(&flow);
}

/* A field that fails, or writes NaN, from evaluation `at` on. */
typedef struct fragile {
    size_t calls, at;
    bool nan;
} fragile;

static status fragile_value(void *user, const real *p, const real *c, size_t n, const real *z, const real *e, real *f,
                            real *product) {
    fragile *self = user;
    const bool now = self->calls++ >= self->at;
    TRY(wave_value(NULL, p, c, n, z, e, f, product));
    if (now && self->nan) f[0] = (real)NAN;
    return now && !self->nan ? STATUS_IO : STATUS_OK;
}

Test(own_flow, a_failing_field_ends_the_solve_with_its_status_and_place) {
    fragile user = {.at = 7};
    field_callbacks by = wave_callbacks(NULL);
    by.user = &user;
    by.value = fragile_value;
    cnf_spec spec = wave_spec(&by);
    spec.kept_steps = 0;
    spec.divergence = DIVERGENCE_RADEMACHER; /* one call per evaluation */
    for (size_t k = 0; k < 2; k++) {
        spec.solver = k ? TABLEAU_DOPRI5 : TABLEAU_RK4;
        spec.steps = k ? 0 : 4;
        user.calls = 0;
        cnf *flow = points_flow(spec, 4, NULL);
        real params[2] = {1, (real)0.3}, x[4] = {(real)0.2, (real)0.4, 1, -1};
        double log_density[2];
        error_info err = {""};
        cr_expect_eq(cnf_log_density(flow, params, x, 2, points_probe, log_density, NULL), STATUS_IO);
        cr_expect_eq(user.calls, 8, "it is not called again");
        cnf_explain(flow, STATUS_IO, &err);
        if (k == 0) /* the last stage of the second of 4 steps of 1.1 */
            cr_expect_str_eq(err.text, "flow 0, forward: the field ended with status -3, at t = 0.55, evaluation 7");
        else cr_expect_not_null(strstr(err.text, "evaluation 7"), "%s", err.text);
        user.nan = true;
        user.calls = 0;
        cr_expect_eq(cnf_log_density(flow, params, x, 2, points_probe, log_density, NULL), STATUS_NON_FINITE);
        user.nan = false;
        user.at = 1000000;
        cr_expect_eq(cnf_log_density(flow, params, x, 2, points_probe, log_density, NULL), STATUS_OK, "it may recover");
        user.at = 7;
        cnf_destroy(&flow);
    }
}
