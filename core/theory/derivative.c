/* derivative.c - four states that are integrated beside w, each for a solver or for backpropagation through its
 * steps. */
#include "theory/derivative.h"

#include <cblas.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "theory/matrix.h"

const char *derivative_name(derivative_way way) {
    static const char *const names[DERIVATIVE_WAYS] = {[DERIVATIVE_CABLE] = "cable rule",
                                                       [DERIVATIVE_FORWARD] = "forward sensitivity",
                                                       [DERIVATIVE_ADJOINT] = "adjoint",
                                                       [DERIVATIVE_STEPS] = "through the steps"};
    return names[way];
}

/* The state of one method. A and B belong to the present piece at the present w; B has all P columns. */
typedef struct taking {
    const derivative_piece *piece;
    size_t n, z, P;
    double *A; /* (n, n) */
    double *own; /* (n, P of the piece) */
    double *B; /* (n, P) */
    double *left, *right, *more; /* (n, P) and (n, n) */
    double *gradient; /* (P), of a backward pass */
} taking;

/* c (rows, columns) <- beta c + alpha a (rows, inner) b (inner, columns). */
static void product(size_t rows, size_t columns, size_t inner, double alpha, const double *a, const double *b,
                    double beta, double *c) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)columns, (int)inner, alpha, a, (int)inner, b,
                (int)columns, beta, c, (int)columns);
}

static void look(const taking *t, const real *w) {
    const derivative_piece *piece = t->piece;
    const size_t P = piece->of->parameters;
    dynamics_linearise(piece->of, w, t->A, t->own);
    memset(t->B, 0, t->n * t->P * sizeof *t->B);
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < P; k++) t->B[i * t->P + piece->first + k] = piece->factor * t->own[i * P + k];
    for (size_t i = 0; i < t->n * t->n; i++) t->A[i] *= piece->factor;
}

static void move(const taking *t, const real *w, real *dw) {
    dynamics_value(t->piece->of, w, dw);
    for (size_t i = 0; i < t->n; i++) dw[i] *= (real)t->piece->factor;
}

static void get(size_t count, const real *from, double *to) {
    for (size_t i = 0; i < count; i++) to[i] = (double)from[i];
}
static void put(size_t count, double factor, const double *from, real *to) {
    for (size_t i = 0; i < count; i++) to[i] = (real)(factor * from[i]);
}

/* [w | Y (n, n) | Q (n, P)]: Y' = A Y, Q' = Y^-1 B. */
static void evaluate_cable(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation, (void)s;
    const taking *t = argument;
    const size_t n = t->n;
    move(t, y, dy);
    look(t, y);
    get(n * n, y + n, t->more);
    product(n, n, n, 1, t->A, t->more, 0, t->left);
    put(n * n, 1, t->left, dy + n);
    matrix_solve(n, t->P, t->more, t->B); /* singular only if the solution has become non-finite */
    put(n * t->P, 1, t->B, dy + n + n * n);
}

/* [w | S (n, P)]: S' = A S + B. */
static void evaluate_forward(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation, (void)s;
    const taking *t = argument;
    move(t, y, dy);
    look(t, y);
    get(t->n * t->P, y + t->n, t->left);
    product(t->n, t->P, t->n, 1, t->A, t->left, 1, t->B);
    put(t->n * t->P, 1, t->B, dy + t->n);
}

/* [w | a (z, n) | q (z, P)]: a' = -a A, q' = -a B. */
static void evaluate_adjoint(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation, (void)s;
    const taking *t = argument;
    const size_t n = t->n, z = t->z;
    move(t, y, dy);
    look(t, y);
    get(z * n, y + n, t->more);
    product(z, n, n, 1, t->more, t->A, 0, t->left);
    put(z * n, -1, t->left, dy + n);
    product(z, t->P, n, 1, t->more, t->B, 0, t->right);
    put(z * t->P, -1, t->right, dy + n + z * n);
}

static void evaluate_alone(void *argument, size_t evaluation, const double *s, const real *y, real *dy) {
    (void)evaluation, (void)s;
    move(argument, y, dy);
}

static void backward_alone(void *argument, size_t evaluation, const double *s, const real *y, const real *k,
                           real *ybar) {
    (void)evaluation, (void)s;
    const taking *t = argument;
    look(t, y);
    get(t->n, k, t->more);
    product(1, t->n, t->n, 1, t->more, t->A, 0, t->left);
    put(t->n, 1, t->left, ybar);
    product(1, t->P, t->n, 1, t->more, t->B, 1, t->gradient);
}

static ode_system system_of(taking *t, size_t length,
                            void (*evaluate)(void *, size_t, const double *, const real *, real *)) {
    return (ode_system){.backend = t->piece->of->backend,
                        .length = length,
                        .context = t,
                        .evaluate = evaluate,
                        .backward = backward_alone};
}

static solve_spec rk4_steps(size_t steps) {
    return (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = steps};
}

/* For each piece, dw/dtheta at its end is Y (dw/dtheta at its start) + Y Q. */
static void take_cable(taking *t, size_t pieces, const derivative_piece *piece, size_t steps, real *y, real *work,
                       double *all) {
    const solve_spec by = rk4_steps(steps);
    const size_t n = t->n, P = t->P;
    for (size_t p = 0; p < pieces; p++) {
        t->piece = &piece[p];
        memset(y + n, 0, (n * n + n * P) * sizeof *y);
        for (size_t i = 0; i < n; i++) y[n + i * n + i] = 1;
        const ode_system system = system_of(t, n + n * n + n * P, evaluate_cable);
        solve_integrate(&by, 0, t->piece->time, &system, y, NULL, work, NULL);
        get(n * n, y + n, t->more);
        get(n * P, y + n + n * n, t->right);
        for (size_t i = 0; i < n * P; i++) t->right[i] += all[i];
        product(n, P, n, 1, t->more, t->right, 0, all);
    }
}

static void take_forward(taking *t, size_t pieces, const derivative_piece *piece, size_t steps, real *y, real *work,
                         double *all) {
    const solve_spec by = rk4_steps(steps);
    memset(y + t->n, 0, t->n * t->P * sizeof *y);
    for (size_t p = 0; p < pieces; p++) {
        t->piece = &piece[p];
        const ode_system system = system_of(t, t->n + t->n * t->P, evaluate_forward);
        solve_integrate(&by, 0, t->piece->time, &system, y, NULL, work, NULL);
    }
    get(t->n * t->P, y + t->n, all);
}

static void take_adjoint(taking *t, size_t pieces, const derivative_piece *piece, size_t steps, real *y, real *work,
                         double *all) {
    const solve_spec by = rk4_steps(steps);
    const size_t n = t->n, z = t->z;
    for (size_t p = 0; p < pieces; p++) {
        t->piece = &piece[p];
        const ode_system system = system_of(t, n, evaluate_alone);
        solve_integrate(&by, 0, t->piece->time, &system, y, NULL, work, NULL);
    }
    memset(y + n, 0, z * (n + t->P) * sizeof *y);
    for (size_t i = 0; i < z; i++) y[n + i * n + i] = 1;
    for (size_t p = pieces; p-- > 0;) {
        t->piece = &piece[p];
        const ode_system system = system_of(t, n + z * (n + t->P), evaluate_adjoint);
        solve_integrate(&by, t->piece->time, 0, &system, y, NULL, work, NULL);
    }
    get(z * t->P, y + n + z * n, all);
}

/* One backward pass for each entry of z; states (pieces, 4 steps, n) are those of all evaluations. */
static void take_steps(taking *t, size_t pieces, const derivative_piece *piece, size_t steps, real *y, real *work,
                       real *states, double *all) {
    const size_t n = t->n, each = 4 * steps * n;
    const solve_spec by = rk4_steps(steps);
    adaptive_record record = {.capacity = steps, .stages = true};
    for (size_t p = 0; p < pieces; p++) {
        t->piece = &piece[p];
        const ode_system system = system_of(t, n, evaluate_alone);
        record.states = states + p * each;
        solve_integrate(&by, 0, t->piece->time, &system, y, &record, work, NULL);
    }
    for (size_t i = 0; i < t->z; i++) {
        t->gradient = all + i * t->P;
        memset(y, 0, n * sizeof *y);
        y[i] = 1;
        for (size_t p = pieces; p-- > 0;) {
            t->piece = &piece[p];
            const ode_system system = system_of(t, n, evaluate_alone);
            record.states = states + p * each, record.reached = record.end = t->piece->time;
            solve_backward(&by, &record, &system, y, work, NULL);
        }
    }
}

status derivative_take(derivative_way way, size_t pieces, const derivative_piece *piece, size_t P, size_t steps,
                       const real *w, double *derivative) {
    const size_t n = piece[0].of->n, z = piece[0].of->z, wide = n * (P > n ? P : n), length = n + n * n + n * P;
    const solve_spec by = rk4_steps(steps);
    const size_t work = solve_backward_workspace(&by, length), kept = pieces * 4 * steps * n;
    real *y = calloc(length + work + (way == DERIVATIVE_STEPS ? kept : 0), sizeof *y);
    double *room = calloc(n * n + 5 * wide + n * P, sizeof *room);
    if (!y || !room) {
        free(y);
        free(room);
        return STATUS_MEMORY;
    }
    taking t = {.n = n, .z = z, .P = P, .A = room};
    t.own = t.A + n * n;
    t.B = t.own + wide;
    t.left = t.B + wide;
    t.right = t.left + wide;
    t.more = t.right + wide;
    double *all = t.more + wide;
    memcpy(y, w, n * sizeof *y);
    switch (way) {
    case DERIVATIVE_CABLE: take_cable(&t, pieces, piece, steps, y, y + length, all); break;
    case DERIVATIVE_FORWARD: take_forward(&t, pieces, piece, steps, y, y + length, all); break;
    case DERIVATIVE_ADJOINT: take_adjoint(&t, pieces, piece, steps, y, y + length, all); break;
    case DERIVATIVE_STEPS: take_steps(&t, pieces, piece, steps, y, y + length, y + length + work, all); break;
    case DERIVATIVE_WAYS: break;
    }
    memcpy(derivative, all, z * P * sizeof *derivative);
    bool finite = true;
    for (size_t i = 0; i < z * P; i++) finite = finite && derivative[i] - derivative[i] == 0;
    free(y);
    free(room);
    return finite ? STATUS_OK : STATUS_NON_FINITE;
}
