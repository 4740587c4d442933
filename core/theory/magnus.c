/* magnus.c - the terms of the series as differential equations, and as integrals over simplices. */
#include "theory/magnus.h"

#include <stdlib.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/matrix.h"

/* The state is [w (n) | Omega_1 .. Omega_4, Y (z, z) each]. */
typedef struct magnus_equation {
    dynamics *of;
    double *whole; /* (n, n) */
    double *A, *inner, *rate; /* (z, z) */
    double *state; /* (5, z, z): Omega_1 .. Omega_4, Y */
} magnus_equation;

static void put(size_t count, const double *from, real *to) {
    for (size_t i = 0; i < count; i++) to[i] = (real)from[i];
}

static void evaluate(void *argument, size_t evaluation, const double *t, const real *y, real *dy) {
    (void)evaluation, (void)t;
    const magnus_equation *e = argument;
    const size_t D = e->of->z, count = D * D, n = e->of->n;
    double *const omega1 = e->state, *const omega2 = omega1 + count, *const omega3 = omega2 + count;
    double *const Y = e->state + MAGNUS_TERMS * count, *const A = e->A, *const inner = e->inner, *const rate = e->rate;
    for (size_t i = 0; i < (MAGNUS_TERMS + 1) * count; i++) e->state[i] = (double)y[n + i];
    dynamics_value(e->of, y, dy);
    dynamics_linearise(e->of, y, e->whole, NULL);
    matrix_corner(n, e->whole, D, A); /* df/dz of dh/dw */
    real *out = dy + n;
    put(count, A, out);

    matrix_commute(D, -0.5, omega1, A, 0, rate);
    put(count, rate, out + count);

    matrix_commute(D, 1, omega1, A, 0, inner);
    matrix_commute(D, 1.0 / 12, omega1, inner, 0, rate);
    matrix_commute(D, -0.5, omega2, A, 1, rate);
    put(count, rate, out + 2 * count);

    matrix_commute(D, 1.0 / 12, omega2, inner, 0, rate); /* inner is still [Omega_1, A] */
    matrix_commute(D, 1, omega2, A, 0, inner);
    matrix_commute(D, 1.0 / 12, omega1, inner, 1, rate);
    matrix_commute(D, -0.5, omega3, A, 1, rate);
    put(count, rate, out + 3 * count);

    matrix_multiply(D, 1, A, Y, 0, rate);
    put(count, rate, out + 4 * count);
}

status magnus_solve(dynamics *self, const solve_spec *by, double T, real *w, double *omega, double *Y) {
    const size_t n = self->n, D = self->z, count = D * D, length = n + (MAGNUS_TERMS + 1) * count;
    real *y = calloc(length + solve_workspace(by, length), sizeof *y);
    double *room = malloc((n * n + 8 * count) * sizeof *room);
    status outcome = y && room ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) {
        double *const blocks = room + n * n;
        magnus_equation equation = {.of = self,
                                    .whole = room,
                                    .A = blocks,
                                    .inner = blocks + count,
                                    .rate = blocks + 2 * count,
                                    .state = blocks + 3 * count};
        const ode_system system = {
            .backend = self->backend, .length = length, .context = &equation, .evaluate = evaluate};
        memcpy(y, w, n * sizeof *w);
        for (size_t i = 0; i < D; i++) y[n + MAGNUS_TERMS * count + i * D + i] = 1;
        outcome = solve_integrate(by, 0, T, &system, y, NULL, y + length, NULL);
    }
    if (outcome == STATUS_OK) {
        memcpy(w, y, n * sizeof *w);
        for (size_t i = 0; i < MAGNUS_TERMS * count; i++) omega[i] = (double)y[n + i];
        for (size_t i = 0; i < count; i++) Y[i] = (double)y[n + MAGNUS_TERMS * count + i];
    }
    free(y);
    free(room);
    return outcome;
}

/* A (nodes, z, z) <- df/dz at the midpoints of `nodes` equal parts of [0, T]. */
static status sample(dynamics *self, const solve_spec *by, double T, const real *w, size_t nodes, double *A) {
    const size_t n = self->n, count = self->z * self->z;
    const double h = T / (double)nodes;
    real *at = malloc(n * sizeof *at);
    double *whole = malloc(n * n * sizeof *whole);
    status outcome = at && whole ? STATUS_OK : STATUS_MEMORY;
    if (outcome == STATUS_OK) memcpy(at, w, n * sizeof *w);
    for (size_t k = 0; k < nodes && outcome == STATUS_OK; k++) {
        outcome = cable_move(self, by, k == 0 ? h / 2 : h, at); /* h is autonomous */
        dynamics_linearise(self, at, whole, NULL);
        matrix_corner(n, whole, self->z, A + k * count);
    }
    free(at);
    free(whole);
    return outcome;
}

/* Each pair or triple of midpoints below the diagonals represents its cell. A cell on a diagonal counts with the part
 * of it below the diagonal: half of a square, on which [A, A] is zero, and half or a sixth of a cube with two or three
 * equal times. */
static void add_integrals(size_t D, size_t nodes, double h, const double *A, double *room, double *omega) {
    const size_t count = D * D;
    double *const omega1 = omega, *const omega2 = omega + count, *const omega3 = omega2 + count, *const inner = room;
    memset(omega, 0, 3 * count * sizeof *omega);
    for (size_t i = 0; i < nodes; i++) {
        const double *Ai = A + i * count;
        for (size_t k = 0; k < count; k++) omega1[k] += h * Ai[k];
        for (size_t j = 0; j <= i; j++) {
            const double *Aj = A + j * count;
            matrix_commute(D, h * h / 2, Ai, Aj, 1, omega2); /* zero for j = i */
            for (size_t k = 0; k <= j; k++) {
                const double *Ak = A + k * count;
                const double part = i == j && j == k ? 0 : i == j || j == k ? 0.5 : 1;
                if (part == 0) continue;
                matrix_commute(D, 1, Aj, Ak, 0, inner);
                matrix_commute(D, part * h * h * h / 6, Ai, inner, 1, omega3);
                matrix_commute(D, 1, Aj, Ai, 0, inner);
                matrix_commute(D, part * h * h * h / 6, Ak, inner, 1, omega3);
            }
        }
    }
}

status magnus_integrals(dynamics *self, const solve_spec *by, double T, const real *w, size_t nodes, double *omega) {
    const size_t count = self->z * self->z;
    double *A = malloc((nodes + 1) * count * sizeof *A);
    if (!A) return STATUS_MEMORY;
    const status outcome = sample(self, by, T, w, nodes, A);
    if (outcome == STATUS_OK) add_integrals(self->z, nodes, T / (double)nodes, A, A + nodes * count, omega);
    free(A);
    return outcome;
}

status magnus_exponential(size_t n, size_t terms, const double *omega, double *series) {
    double *sum = calloc(n * n, sizeof *sum);
    if (!sum) return STATUS_MEMORY;
    for (size_t k = 0; k < terms; k++)
        for (size_t i = 0; i < n * n; i++) sum[i] += omega[k * n * n + i];
    const status outcome = matrix_exponential(n, sum, series);
    free(sum);
    return outcome;
}

status magnus_reach(dynamics *self, const solve_spec *by, double T, const real *w, size_t nodes, double *out) {
    const size_t count = self->z * self->z;
    double *A = malloc(nodes * count * sizeof *A), sum = 0;
    if (!A) return STATUS_MEMORY;
    status outcome = sample(self, by, T, w, nodes, A);
    for (size_t k = 0; k < nodes && outcome == STATUS_OK; k++) {
        double norm = 0;
        outcome = matrix_norm(self->z, A + k * count, &norm);
        sum += norm * T / (double)nodes;
    }
    free(A);
    if (outcome == STATUS_OK) *out = sum;
    return outcome;
}
