/* toy_ring.c - mixtures of noisy concentric circles.
 *
 * The density at distance q from the origin, averaged over K circles, is
 *
 *   p(q) = 1/K sum_k 1/(2 pi s^2) exp(-(q^2 + r_k^2) / (2 s^2)) I_0(q r_k / s^2)
 *        = 1/K sum_k 1/(2 pi s^2) exp(-(q - r_k)^2 / (2 s^2)) [exp(-y) I_0(y)],  y = q r_k / s^2,
 *
 * and the entropy is -2 pi int q p log p dq. */
#include "data/toy_ring.h"

#include <math.h>

#include "base/detmath.h"
#include "base/number.h"
#include "data/quadrature.h"

double bessel_i0_scaled(double x) {
    if (x < 20) {
        /* I_0(x) = sum_k (x^2/4)^k / (k!)^2: all terms are positive, so nothing cancels. */
        double quarter = 0.25 * x * x, term = 1, sum = 1;
        for (int k = 1; term > 1e-17 * sum; k++) {
            term *= quarter / ((double)k * k);
            sum += term;
        }
        return sum * det_exp(-x);
    }
    /* sqrt(2 pi x) exp(-x) I_0(x) ~ sum_k ((2k-1)!!)^2 / (k! (8x)^k); the terms decrease while k < 2x, down to
     * exp(-2x). */
    double term = 1, sum = 1;
    for (int k = 1; k < 40 && term > 1e-17; k++) {
        term *= (double)(2 * k - 1) * (2 * k - 1) / (8 * x * k);
        sum += term;
    }
    return sum / sqrt(2 * M_PI * x);
}

static double ring_log_radial(const ring *shape, double distance) {
    double variance = shape->deviation * shape->deviation;
    double greatest = -INFINITY;
    for (size_t k = 0; k < shape->count; k++) {
        double offset = distance - shape->radii[k];
        greatest = fmax(greatest, -0.5 * offset * offset / variance);
    }
    double sum = 0;
    for (size_t k = 0; k < shape->count; k++) {
        double offset = distance - shape->radii[k];
        sum += det_exp(-0.5 * offset * offset / variance - greatest) *
               bessel_i0_scaled(distance * shape->radii[k] / variance);
    }
    return greatest + det_log(sum / (double)shape->count / (2 * M_PI * variance));
}

static double ring_log_density(const void *shape, const double x[2]) {
    return ring_log_radial(shape, sqrt(x[0] * x[0] + x[1] * x[1]));
}

static void ring_sample(const void *shape, random_stream stream, uint64_t index, double x[2]) {
    const ring *self = shape;
    double u[4], n[4], sine, cosine;
    random_uniform4(stream, index, 0, u);
    random_normal4(stream, index, 1, n);
    size_t k = (size_t)(u[0] * (double)self->count);
    det_sincospi(2 * u[1], &sine, &cosine);
    x[0] = self->radii[k] * cosine + self->deviation * n[0];
    x[1] = self->radii[k] * sine + self->deviation * n[1];
}

double ring_entropy(const ring *shape, double panel) {
    double widest = 0;
    for (size_t k = 0; k < shape->count; k++) widest = fmax(widest, shape->radii[k]);
    double end = widest + 10 * shape->deviation; /* the weight beyond is exp(-50) */
    size_t panels = quadrature_panels(end, panel * shape->deviation);
    double sum = 0;
    for (size_t i = 0; i < panels; i++) {
        double x[QUADRATURE_POINTS], w[QUADRATURE_POINTS];
        quadrature_panel(end * (double)i / (double)panels, end * (double)(i + 1) / (double)panels, x, w);
        for (int q = 0; q < QUADRATURE_POINTS; q++) {
            double log_density = ring_log_radial(shape, x[q]);
            sum += w[q] * x[q] * det_exp(log_density) * log_density;
        }
    }
    return -2 * M_PI * sum;
}

static double ring_entropy_default(const void *shape) {
    return ring_entropy(shape, RING_PANEL);
}

static void ring_define(const void *shape, toy_line *line, void *argument) {
    const ring *self = shape;
    char text[128];
    for (size_t k = 0; k < self->count; k++) {
        number_print(text, sizeof text, "ring %.17g  %.17g", self->radii[k], self->deviation);
        line(argument, text);
    }
}

const toy_ops ring_ops = {
    .sample = ring_sample,
    .log_density = ring_log_density,
    .entropy = ring_entropy_default,
    .define = ring_define,
};
