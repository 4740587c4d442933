/* cable.c - the state [w (n) | Y (n, n) | int tr dh/dw | int tr df/dz] as one equation. */
#include "theory/cable.h"

#include <stdlib.h>
#include <string.h>

#include "theory/matrix.h"

typedef struct cable_equation {
    dynamics *of;
    double *A, *product, *Y; /* (n, n) */
} cable_equation;

static void evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation, (void)t;
    const cable_equation *e = argument;
    const size_t n = e->of->n;
    dynamics_value(e->of, y, dy);
    dynamics_linearise(e->of, y, e->A, NULL);
    for (size_t i = 0; i < n * n; i++) e->Y[i] = (double)y[n + i];
    matrix_multiply(n, 1, e->A, e->Y, 0, e->product);
    for (size_t i = 0; i < n * n; i++) dy[n + i] = (real)e->product[i];
    double trace = 0, trace_z = 0;
    for (size_t i = 0; i < n; i++) trace += e->A[i * n + i];
    for (size_t i = 0; i < e->of->z; i++) trace_z += e->A[i * n + i];
    dy[n + n * n] = (real)trace;
    dy[n + n * n + 1] = (real)trace_z;
}

static void evaluate_alone(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation, (void)t;
    dynamics_value(argument, y, dy);
}

/* Solve with a newly allocated workspace. */
static status solve(const solve_spec *by, const ode_system *system, double T, real *y) {
    real *workspace = calloc(solve_workspace(by, system->length), sizeof *workspace);
    if (!workspace) return STATUS_MEMORY;
    const status outcome = solve_integrate(by, 0, T, system, y, NULL, workspace, NULL);
    free(workspace);
    return outcome;
}

status cable_move(dynamics *self, const solve_spec *by, double T, real *w) {
    const ode_system system = {
        .backend = self->backend, .length = self->n, .context = self, .evaluate = evaluate_alone};
    return solve(by, &system, T, w);
}

status cable_solve(dynamics *self, const solve_spec *by, double T, real *w, cable *out) {
    const size_t n = self->n, length = n + n * n + 2;
    real *y = calloc(length, sizeof *y);
    double *room = malloc(3 * n * n * sizeof *room);
    status outcome = y && room ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        cable_equation equation = {.of = self, .A = room, .product = room + n * n, .Y = room + 2 * n * n};
        const ode_system system = {
            .backend = self->backend, .length = length, .context = &equation, .evaluate = evaluate};
        memcpy(y, w, n * sizeof *w);
        for (size_t i = 0; i < n; i++) y[n + i * n + i] = 1;
        outcome = solve(by, &system, T, y);
    }
    if (outcome == STATUS_OK) {
        memcpy(w, y, n * sizeof *w);
        for (size_t i = 0; i < n * n; i++) out->Y[i] = (double)y[n + i];
        out->trace = (double)y[n + n * n];
        out->trace_z = (double)y[n + n * n + 1];
    }
    free(y);
    free(room);
    return outcome;
}

status cable_product(dynamics *self, size_t steps, double T, real *w, double *Y) {
    const size_t n = self->n;
    const double epsilon = T / (double)steps;
    double *A = malloc(2 * n * n * sizeof *A);
    real *h = malloc(n * sizeof *h);
    if (!A || !h) {
        free(A);
        free(h);
        return STATUS_MEMORY;
    }
    double *before = A + n * n;
    matrix_unit(n, Y);
    for (size_t k = 0; k < steps; k++) {
        dynamics_linearise(self, w, A, NULL);
        dynamics_value(self, w, h);
        memcpy(before, Y, n * n * sizeof *Y);
        matrix_multiply(n, epsilon, A, before, 1, Y);
        for (size_t i = 0; i < n; i++) w[i] += (real)epsilon * h[i];
    }
    free(A);
    free(h);
    return STATUS_OK;
}

status cable_differences(dynamics *self, const solve_spec *by, double T, const real *w, double h, double *Y) {
    const size_t n = self->n;
    const double by_h[4] = {h, -h, 2 * h, -2 * h};
    real *moved = malloc(4 * n * sizeof *moved);
    status outcome = moved ? STATUS_OK : STATUS_MEMORY;
    for (size_t j = 0; j < n && outcome == STATUS_OK; j++) {
        for (size_t k = 0; k < 4 && outcome == STATUS_OK; k++) {
            memcpy(moved + k * n, w, n * sizeof *w);
            moved[k * n + j] += (real)by_h[k];
            outcome = cable_move(self, by, T, moved + k * n);
        }
        for (size_t i = 0; i < n && outcome == STATUS_OK; i++) {
            const double d1 = (double)(moved[i] - moved[n + i]) / (2 * h);
            const double d2 = (double)(moved[2 * n + i] - moved[3 * n + i]) / (4 * h);
            Y[i * n + j] = (4 * d1 - d2) / 3;
        }
    }
    free(moved);
    return outcome;
}
