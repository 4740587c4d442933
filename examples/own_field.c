/* own_field.c - define a field, check it by finite differences, train it, and draw samples.
 *
 *   f(z, t) = A z + t b,    J e = A e
 *
 * The parameters are A (2, 2) and b (2). This flow maps Gaussians to Gaussians: here a correlated one to N(0, I). */
#include <affjord/affjord.h>

#include <math.h>
#include <stdio.h>

enum { D = 2, P = D * D + D, N = 512, STEPS = 300 };

/* f <- A z + t b and, if there is a probe e, product <- A e; p holds A, then b. */
static status value(void *user, const real *p, const real *t, size_t n, const real *z, const real *e, real *f,
                    real *product) {
    (void)user;
    for (size_t i = 0; i < n * D; i++) {
        const real *row = p + D * (i % D), *x = z + i / D * D, *v = e ? e + i / D * D : NULL;
        f[i] = row[0] * x[0] + row[1] * x[1] + t[0] * p[D * D + i % D];
        if (e) product[i] = row[0] * v[0] + row[1] * v[1];
    }
    return STATUS_OK;
}

/* For cotangents fbar of f and q of A e: zbar <- fbar A; add to the cotangents of A, b and t. */
static status backward(void *user, const real *p, const real *t, size_t n, const real *z, const real *e,
                       const real *fbar, const real *q, real *zbar, real *gradient, real *tbar) {
    (void)user;
    for (size_t i = 0; i < n * D; i++) zbar[i] = fbar[i / D * D] * p[i % D] + fbar[i / D * D + 1] * p[D + i % D];
    for (size_t i = 0; i < n * D; i++) {
        real *row = gradient + D * (i % D);
        for (size_t k = 0; k < D; k++) row[k] += fbar[i] * z[i / D * D + k] + (q ? q[i] * e[i / D * D + k] : 0);
        gradient[D * D + i % D] += fbar[i] * t[0];
        tbar[0] += fbar[i] * p[D * D + i % D];
    }
    return STATUS_OK;
}

int main(void) {
    const field_parameter parameters[] = {{"A", D, D}, {"b", D, 1}};
    const field_callbacks own = {.name = "linear",
                                 .dimension = D,
                                 .context = 1,
                                 .parameter_count = 2,
                                 .parameters = parameters,
                                 .value = value,
                                 .backward = backward};
    const cnf_spec spec = {.dimension = D,
                           .field = CNF_OWN,
                           .own = &own,
                           .end_time = 1,
                           .base_variance = 1,
                           .solver = TABLEAU_DOPRI5,
                           .options = {.atol = 1e-5, .rtol = 1e-5},
                           .kept_steps = 100};
    error_info err = {""};
    field_report report;
    if (field_check_callbacks(&own, 1, &report, &err) != STATUS_OK) return 1;
    printf("differences: worst %s, relative error %.1e\n", report.worst, report.error);
    cnf *flow;
    if (cnf_create(&spec, N, NULL, &flow, &err) != STATUS_OK) return 1;
    real params[P], gradient[P], x[N * D];
    double loss = 0;
    cnf_initialise(flow, 0, params);
    for (uint64_t i = 1; i <= STEPS; i++) {
        random_stream points = {.seed = 1, .purpose = RANDOM_TRAINING, .iteration = i};
        for (size_t k = 0; k < N; k++) {
            double u[4];
            random_normal4(points, k, 0, u);
            x[D * k] = (real)u[0], x[D * k + 1] = (real)(0.5 * u[1] + 0.8 * u[0]); /* determinant 1/2 */
        }
        if (cnf_loss_gradient(flow, params, x, N, points, &loss, gradient, NULL) != STATUS_OK) return 1;
        for (size_t k = 0; k < P; k++) params[k] -= (real)0.05 * gradient[k];
    }
    const double entropy = log(2 * 3.14159265358979 * exp(1) / 2);
    printf("loss %.3f nats, entropy of the data %.3f\n", loss, entropy);
    cnf_destroy(&flow);
    return report.error < 1e-3 && fabs(loss - entropy) < 0.1 ? 0 : 1;
}
