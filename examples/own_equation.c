/* own_equation.c - solve your own equation and compute the gradient of its solution.
 *
 *   dy/dt = r y (1 - y / K),    y(T) = K / (1 + (K / y0 - 1) exp(-r T))
 *
 * Dopri5 solves it with adaptive steps; the backward solve computes dy(T)/dy0, dy(T)/dr and dy(T)/dK. The program
 * compares all four with the closed form. */
#include <affjord/affjord.h>

#include <math.h>
#include <stdio.h>

enum { LENGTH = 1, STEPS = 200, WORKSPACE = 64 };

typedef struct growth {
    double r, K;
    double rbar, Kbar; /* gradients, accumulated by the backward solve */
} growth;

/* dy <- F(t, y) */
static void evaluate(void *context, size_t evaluation, const double *t, const real *y, real *dy) {
    const growth *self = context;
    (void)evaluation, (void)t;
    dy[0] = (real)(self->r * y[0] * (1 - y[0] / self->K));
}

/* For a cotangent k of F: ybar <- k dF/dy; add k dF/dr to rbar and k dF/dK to Kbar. */
static void backward(void *context, size_t evaluation, const double *t, const real *y, const real *k, real *ybar) {
    growth *self = context;
    (void)evaluation, (void)t;
    ybar[0] = (real)(k[0] * self->r * (1 - 2 * y[0] / self->K));
    self->rbar += k[0] * y[0] * (1 - y[0] / self->K);
    self->Kbar += k[0] * self->r * y[0] * y[0] / (self->K * self->K);
}

static int compare(const char *name, double computed, double exact) {
    const double error = fabs(computed - exact) / fabs(exact);
    printf("%-10s %12.8f   exact %12.8f   relative error %.1e\n", name, computed, exact, error);
    return error < 1e-4; /* enough for float arithmetic and tolerances of 1e-6 */
}

int main(void) {
    const double y0 = 0.3, T = 2;
    growth self = {.r = 1.5, .K = 2};
    const ode_system system = {.backend = cpu_backend(cpu_level_best()),
                               .length = LENGTH,
                               .context = &self,
                               .evaluate = evaluate,
                               .backward = backward};
    const solve_spec by = {.method = tableau_find("dopri5"),
                           .options = {.atol = 1e-6, .rtol = 1e-6, .stop_at_end = true}};

    /* The caller owns all memory; the solve allocates nothing. */
    double times[STEPS], sizes[STEPS];
    real kept[STEPS * LENGTH], workspace[WORKSPACE], y = (real)y0, ybar = 1;
    adaptive_record record = {.capacity = STEPS, .time = times, .step = sizes, .states = kept};
    adaptive_statistics out, back;
    if (solve_workspace(&by, LENGTH) > WORKSPACE || solve_backward_workspace(&by, LENGTH) > WORKSPACE) return 1;
    if (solve_integrate(&by, 0, T, &system, &y, &record, workspace, &out) != STATUS_OK) return 1;
    if (solve_backward(&by, &record, &system, &ybar, workspace, &back) != STATUS_OK) return 1;
    printf("%zu steps, %zu evaluations, %zu reversals\n", out.accepted, out.evaluations, back.vjps);

    const double e = exp(-self.r * T), q = 1 + (self.K / y0 - 1) * e;
    int right = compare("y(T)", y, self.K / q);
    right &= compare("dy(T)/dy0", ybar, self.K * self.K * e / (q * q * y0 * y0));
    right &= compare("dy(T)/dr", self.rbar, self.K * (self.K / y0 - 1) * T * e / (q * q));
    right &= compare("dy(T)/dK", self.Kbar, (1 - e) / (q * q));
    return right ? 0 : 1;
}
