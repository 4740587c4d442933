/* adaptive_support.c - equations for the tests of adaptive solves. */
#include "adaptive_support.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"

static void pendulum(double t, double strength, const real *y, real *dy) {
    dy[0] = y[1];
    dy[1] = (real)(-sin((double)y[0]) + 0.5 * strength * cos(t));
}

static double pendulum_vjp(double t, double strength, const real *y, const real *k, real *ybar) {
    (void)strength;
    ybar[0] = (real)(-cos((double)y[0]) * (double)k[1]);
    ybar[1] = k[0];
    return 0.5 * cos(t) * (double)k[1];
}

/* Slow, then a pulse at t = 2. */
static void pulse(double t, double strength, const real *y, real *dy) {
    dy[0] = (real)(-0.5 * (double)y[0] + 12 * strength * exp(-40 * (t - 2) * (t - 2)));
    dy[1] = y[0] * y[2] - y[1];
    dy[2] = (real)(-0.3 * (double)y[2]);
}

static double pulse_vjp(double t, double strength, const real *y, const real *k, real *ybar) {
    (void)strength;
    ybar[0] = (real)(-0.5 * (double)k[0]) + k[1] * y[2];
    ybar[1] = -k[1];
    ybar[2] = k[1] * y[0] - (real)(0.3 * (double)k[2]);
    return 12 * exp(-40 * (t - 2) * (t - 2)) * (double)k[0];
}

/* A small flow, [z | l]: f = strength sum_j u_j tanh(w_j . z + j t / 8), and its divergence. */
enum { HIDDEN = 8, DIMENSION = 3 };

static double weight(size_t j, size_t d) {
    return sin((double)(1 + 3 * j + 7 * d));
}
static double output(size_t j, size_t d) {
    return cos((double)(2 + 5 * j + 11 * d));
}
static double hidden(double t, const real *y, size_t j) {
    double sum = (double)j * t / HIDDEN;
    for (size_t d = 0; d < DIMENSION; d++) sum += weight(j, d) * (double)y[d];
    return tanh(sum);
}

static void network(double t, double strength, const real *y, real *dy) {
    double sum[DIMENSION + 1] = {0};
    for (size_t j = 0; j < HIDDEN; j++) {
        const double h = hidden(t, y, j);
        for (size_t d = 0; d < DIMENSION; d++) {
            sum[d] += output(j, d) * h;
            sum[DIMENSION] += (1 - h * h) * output(j, d) * weight(j, d);
        }
    }
    for (size_t d = 0; d <= DIMENSION; d++) dy[d] = (real)(strength * sum[d]);
}

static double network_vjp(double t, double strength, const real *y, const real *k, real *ybar) {
    double sum[DIMENSION] = {0}, by_strength = 0;
    for (size_t j = 0; j < HIDDEN; j++) {
        const double h = hidden(t, y, j), slope = 1 - h * h;
        double trace = 0, value = 0;
        for (size_t d = 0; d < DIMENSION; d++) {
            trace += output(j, d) * weight(j, d);
            value += output(j, d) * (double)k[d];
        }
        const double l = (double)k[DIMENSION], by_h = value - 2 * h * trace * l;
        for (size_t d = 0; d < DIMENSION; d++) sum[d] += strength * slope * by_h * weight(j, d);
        by_strength += h * value + slope * trace * l;
    }
    for (size_t d = 0; d < DIMENSION; d++) ybar[d] = (real)sum[d];
    ybar[DIMENSION] = 0;
    return by_strength;
}

equation equation_make(size_t which) {
    static const equation all[EQUATIONS] = {
        {.name = "pendulum", .length = 2, .f = pendulum, .vjp = pendulum_vjp, .end = 8, .start = {1, (real)0.2}},
        {.name = "pulse",
         .length = 3,
         .f = pulse,
         .vjp = pulse_vjp,
         .end = 4,
         .start = {(real)0.3, (real)-0.2, (real)0.5}},
        {.name = "network",
         .length = DIMENSION + 1,
         .f = network,
         .vjp = network_vjp,
         .end = 3,
         .start = {(real)0.4, (real)-0.9, (real)0.2, 0}},
    };
    equation e = all[which];
    e.strength = 1;
    e.in_order = true;
    return e;
}

static void evaluate(void *context, size_t evaluation, const double *t, const real *y, real *dy) {
    equation *e = context;
    e->in_order = e->in_order && evaluation == e->evaluations;
    e->evaluations++;
    e->f(*t, e->strength, y, dy);
}

static void backward(void *context, size_t evaluation, const double *t, const real *y, const real *k, real *ybar) {
    (void)evaluation;
    equation *e = context;
    e->vjps++;
    e->gradient += e->vjp(*t, e->strength, y, k, ybar);
}

ode_system equation_system(equation *e) {
    return (ode_system){.backend = cpu_backend(cpu_level_best()),
                        .length = e->length,
                        .context = e,
                        .evaluate = evaluate,
                        .backward = backward};
}

void solution_find(const tableau *pair, equation *e, double start, double end, const adaptive_options *options,
                   solution *s) {
    real workspace[(RK_STAGES_MAX + 3) * LENGTH_MAX];
    const ode_system system = equation_system(e);
    memcpy(s->y, e->start, sizeof s->y);
    s->record = (adaptive_record){.capacity = STEPS_MAX, .time = s->time, .step = s->step, .states = s->states};
    const solve_spec by = {.method = pair, .options = *options};
    s->outcome = solve_integrate(&by, start, end, &system, s->y, &s->record, workspace, &s->count);
}
