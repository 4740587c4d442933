/* toy_curve.c - points along noisy curves, whose density has no closed form.
 *
 * Each sampler computes the formula in the text above it. The checksum is that of the text: change both together. */
#include "data/toy_curve.h"

#include <math.h>

#include "base/detmath.h"

static void curve_define(const void *shape, toy_line *line, void *argument) {
    line(argument, shape);
}

const char swissroll_formula[] = "t = 1.5 pi (1 + 2 u0); x = (t cos t + n0, t sin t + n1) / 5";

static void swissroll_sample(const void *shape, random_stream stream, uint64_t index, double x[2]) {
    (void)shape;
    double u[4], n[4], sine, cosine;
    random_uniform4(stream, index, 0, u);
    random_normal4(stream, index, 1, n);
    double half_turns = 1.5 * (1 + 2 * u[0]);
    double t = M_PI * half_turns;
    det_sincospi(half_turns, &sine, &cosine);
    x[0] = (t * cosine + n[0]) / 5;
    x[1] = (t * sine + n[1]) / 5;
}

const toy_ops swissroll_ops = {.sample = swissroll_sample, .define = curve_define};

const char moons_formula[] = "a = pi u1; y = u0 < 0.5 ? (cos a, sin a) : (1 - cos a, 0.5 - sin a); "
                             "x = 2 (y + 0.1 (n0, n1)) - (1, 0.2)";

static void moons_sample(const void *shape, random_stream stream, uint64_t index, double x[2]) {
    (void)shape;
    double u[4], n[4], sine, cosine;
    random_uniform4(stream, index, 0, u);
    random_normal4(stream, index, 1, n);
    det_sincospi(u[1], &sine, &cosine);
    double y[2] = {cosine, sine};
    if (u[0] >= 0.5) {
        y[0] = 1 - cosine;
        y[1] = 0.5 - sine;
    }
    x[0] = 2 * (y[0] + 0.1 * n[0]) - 1;
    x[1] = 2 * (y[1] + 0.1 * n[1]) - 0.2;
}

const toy_ops moons_ops = {.sample = moons_sample, .define = curve_define};

const char spirals_formula[] = "t = 3 pi sqrt(u0); y = (0.5 u1 - t cos t, 0.5 u2 + t sin t); "
                               "x = (u3 < 0.5 ? y : -y) / 3 + 0.1 (n0, n1)";

static void spirals_sample(const void *shape, random_stream stream, uint64_t index, double x[2]) {
    (void)shape;
    double u[4], n[4], sine, cosine;
    random_uniform4(stream, index, 0, u);
    random_normal4(stream, index, 1, n);
    double half_turns = 3 * sqrt(u[0]);
    double t = M_PI * half_turns;
    det_sincospi(half_turns, &sine, &cosine);
    double sign = u[3] < 0.5 ? 1 : -1;
    x[0] = sign * (0.5 * u[1] - t * cosine) / 3 + 0.1 * n[0];
    x[1] = sign * (0.5 * u[2] + t * sine) / 3 + 0.1 * n[1];
}

const toy_ops spirals_ops = {.sample = spirals_sample, .define = curve_define};

const char pinwheel_formula[] = "k = floor(5 u0); y = (1 + 0.3 n0, 0.1 n1); a = 0.4 pi k + 0.25 exp(y0); "
                                "x = 2 (y0 cos a + y1 sin a, y1 cos a - y0 sin a)";

static void pinwheel_sample(const void *shape, random_stream stream, uint64_t index, double x[2]) {
    (void)shape;
    double u[4], n[4], sine, cosine;
    random_uniform4(stream, index, 0, u);
    random_normal4(stream, index, 1, n);
    double blade = floor(5 * u[0]);
    double along = 1 + 0.3 * n[0], across = 0.1 * n[1];
    det_sincos(0.4 * M_PI * blade + 0.25 * det_exp(along), &sine, &cosine);
    x[0] = 2 * (along * cosine + across * sine);
    x[1] = 2 * (across * cosine - along * sine);
}

const toy_ops pinwheel_ops = {.sample = pinwheel_sample, .define = curve_define};
