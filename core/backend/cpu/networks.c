/* networks.c - gates and activations, with their backward passes. */
#include "backend/cpu/level.h"
#include "backend/partial_sums.h"
#include "base/detmath.h"

void elu_cpu(UNUSED_SELF, size_t n, const real *x, real *y) {
    for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? (real)det_expm1(x[i]) : x[i];
}

/* Derivatives from the value y: tanh' = 1 - y^2; elu' = 1, or e^x = y + 1 for x < 0. */
void tanh_backward_cpu(UNUSED_SELF, size_t n, const real *y, real *bar) {
    for (size_t i = 0; i < n; i++) bar[i] *= 1 - y[i] * y[i];
}

void elu_backward_cpu(UNUSED_SELF, size_t n, const real *y, real *bar) {
    for (size_t i = 0; i < n; i++) bar[i] *= y[i] < 0 ? y[i] + 1 : 1;
}

void gate_cpu(UNUSED_SELF, size_t rows, size_t columns, const real *gate, const real *x, const real *bias, real *y,
              real *shift) {
    for (size_t o = 0; o < rows; o++) {
        shift[o] += gate[o] * bias[o];
        for (size_t i = 0; i < columns; i++) y[o * columns + i] = gate[o] * x[o * columns + i];
    }
}

void gate_backward_cpu(UNUSED_SELF, size_t rows, size_t columns, const real *gate, const real *x, const real *bias,
                       const real *ybar, real *x_bar, real *bias_bar, real *shift_bar) {
    for (size_t o = 0; o < rows; o++) {
        real gate_bar = shift_bar[o] * bias[o];
        for (size_t i = o * columns; i < (o + 1) * columns; i++) {
            gate_bar += ybar[i] * x[i];
            x_bar[i] += gate[o] * ybar[i];
        }
        bias_bar[o] += gate[o] * shift_bar[o];
        shift_bar[o] = gate_bar * (gate[o] * (1 - gate[o]));
    }
}

static double dot_of(const dot_terms *terms, size_t i) {
    return terms->a[i] && terms->b[i] ? partial_sums_dot(terms->n[i], terms->a[i], terms->b[i]) : 0;
}

void time_backward_cpu(UNUSED_SELF, const dot_terms *terms, const double *s, const real *clock_bar, const real *root,
                       real *root_bar) {
    double bar = dot_of(terms, 0);
    for (size_t i = 1; i < terms->count; i++) bar += dot_of(terms, i);
    if (clock_bar) bar += *s * (double)*clock_bar;
    *root_bar += (real)(2 * (double)*root * bar);
}
