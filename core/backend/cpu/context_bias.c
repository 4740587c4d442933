/* context_bias.c - the contribution of context channels to a convolution, as bias vectors:
 *
 *   bias_k[o] += sum of W[o, a, u, v] c_a(k + u, v), over channels a and taps (u, v) inside the image at pixel k
 */
#include "backend/cpu/level.h"

/* One term of the sum: channel a at a tap of a pixel with bias vector k. */
typedef struct term {
    size_t k;
    size_t weight; /* index for output 0; the next output is inputs * 9 further */
    size_t entry; /* index in c */
} term;

/* Return the row and the column of a pixel with bias vector k. */
static size_t row_of(const context_shape *s, size_t k) {
    if (s->vectors == s->height * s->width) return k / s->width;
    return k / 3 == 0 ? 0 : k / 3 == 1 ? 1 : s->height - 1;
}
static size_t column_of(const context_shape *s, size_t k) {
    if (s->vectors == s->height * s->width) return k % s->width;
    return k % 3 == 0 ? 0 : k % 3 == 1 ? 1 : s->width - 1;
}

typedef struct work {
    const context_shape *shape;
    const real *weight, *c;
    real *biases; /* forward */
    const real *bias_bar;
    real *weight_bar, *cbar; /* backward */
} work;

static void each_term(const work *job, void (*visit)(const work *job, term t)) {
    const context_shape *s = job->shape;
    const size_t h = s->height, w = s->width;
    for (size_t k = 0; k < s->vectors && s->extra; k++) {
        const size_t i = row_of(s, k), j = column_of(s, k);
        for (size_t tap = 0; tap < CONV_TAPS; tap++) {
            const size_t u = i + tap / 3, v = j + tap % 3; /* the pixel of the tap, plus one */
            if (u < 1 || u > h || v < 1 || v > w) continue;
            for (size_t a = 0; a < s->extra; a++) {
                const size_t pixel = (u - 1) * w + v - 1;
                visit(job, (term){.k = k,
                                  .weight = (s->first + a) * CONV_TAPS + tap,
                                  .entry = s->shared ? a : a * h * w + pixel});
            }
        }
    }
}

static void add_to_bias(const work *job, term t) {
    const context_shape *s = job->shape;
    const real value = job->c[t.entry];
    if (value == 0) return; /* most entries of z* are always zero */
    const size_t row = s->inputs * CONV_TAPS;
    for (size_t o = 0; o < s->out; o++) job->biases[t.k * s->out + o] += job->weight[o * row + t.weight] * value;
}

void context_bias_cpu(UNUSED_SELF, const context_shape *shape, const real *weight, const real *c, real *biases) {
    each_term(&(work){.shape = shape, .weight = weight, .c = c, .biases = biases}, add_to_bias);
}

static void take_from_bias(const work *job, term t) {
    const context_shape *s = job->shape;
    const real *bar = job->bias_bar + t.k * s->out;
    const size_t row = s->inputs * CONV_TAPS;
    const real value = job->c[t.entry];
    real sum = 0;
    for (size_t o = 0; o < s->out; o++) sum += bar[o] * job->weight[o * row + t.weight];
    job->cbar[t.entry] += sum;
    if (value == 0) return;
    for (size_t o = 0; o < s->out; o++) job->weight_bar[o * row + t.weight] += bar[o] * value;
}

void context_bias_backward_cpu(UNUSED_SELF, const context_shape *shape, const real *weight, const real *c,
                               const real *bias_bar, real *weight_bar, real *cbar) {
    each_term(
        &(work){.shape = shape, .weight = weight, .c = c, .bias_bar = bias_bar, .weight_bar = weight_bar, .cbar = cbar},
        take_from_bias);
}
