/* images.c - operations on batches of images that are the same code on all levels. */
#include "backend/cpu/level.h"
#include "backend/partial_sums.h"
#include "base/detmath.h"

/* Limit the images processed together, so that their activations stay in the cache for any batch. */
enum { TOGETHER_PIXELS = 392, TOGETHER_IMAGES_MAX = 8 };

size_t images_together_cpu(UNUSED_SELF, size_t pixels, size_t batch) {
    (void)batch;
    const size_t images = TOGETHER_PIXELS / pixels;
    if (images < 1) return 1;
    return images < TOGETHER_IMAGES_MAX ? images : TOGETHER_IMAGES_MAX;
}

void bias_add_cpu(UNUSED_SELF, const dual_shape *shape, const real *bias, real *x) {
    const size_t C = shape->channels;
    for (size_t i = 0; i < shape->images; i++)
        for (size_t p = 0; p < shape->pixels; p++, x += C) {
            const real *b = bias + (shape->bias_of ? shape->bias_of[p] * C : 0);
            for (size_t o = 0; o < C; o++) x[o] += b[o];
        }
}

void bias_backward_cpu(UNUSED_SELF, const dual_shape *shape, const real *xbar, real *bias_bar) {
    const size_t C = shape->channels;
    for (size_t i = 0; i < shape->images; i++)
        for (size_t p = 0; p < shape->pixels; p++, xbar += C) {
            real *b = bias_bar + (shape->bias_of ? shape->bias_of[p] * C : 0);
            for (size_t o = 0; o < C; o++) b[o] += xbar[o];
        }
}

void image_products_cpu(UNUSED_SELF, size_t n, size_t D, const real *f, const real *e, const real *product,
                        real *divergence, real *kinetic, real *jacobian) {
    for (size_t i = 0; i < n; i++, f += D, e += D, product += D) {
        if (divergence) divergence[i] = (real)partial_sums_dot(D, e, product);
        if (kinetic) kinetic[i] = (real)partial_sums_dot(D, f, f);
        if (jacobian) jacobian[i] = (real)partial_sums_dot(D, product, product);
    }
}

void image_products_backward_cpu(UNUSED_SELF, size_t n, size_t D, const real *f, const real *e, const real *product,
                                 const real *divergence, const real *kinetic, const real *jacobian, real *fbar,
                                 real *product_bar) {
    for (size_t i = 0; i < n; i++) {
        const real by_e = divergence ? divergence[i] : 0;
        const real by_f = kinetic ? 2 * kinetic[i] : 0, by_product = jacobian ? 2 * jacobian[i] : 0;
        for (size_t d = i * D; d < (i + 1) * D; d++) {
            fbar[d] += by_f * f[d];
            product_bar[d] += by_e * e[d] + by_product * product[d];
        }
    }
}

/* --- The first and last operations of a flow, with the deterministic logarithm and exponential --- */

void logit_cpu(UNUSED_SELF, double alpha, size_t n, size_t D, const real *x, real *z, double *log_determinant) {
    const double scale = 1 - 2 * alpha, log_scale = det_log(scale);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t d = i * D; d < (i + 1) * D; d++) {
            const double y = alpha + scale * (double)x[d], log_y = det_log(y), log_rest = det_log1p(-y);
            sum += log_scale - log_y - log_rest;
            z[d] = (real)(log_y - log_rest);
        }
        log_determinant[i] = sum;
    }
}

void unlogit_cpu(UNUSED_SELF, double alpha, size_t n, size_t D, const real *z, real *x) {
    for (size_t d = 0; d < n * D; d++) {
        const double y = 1 / (1 + det_exp(-(double)z[d]));
        x[d] = (real)((y - alpha) / (1 - 2 * alpha));
    }
}

/* Return the index of row i, column j, channel k. */
static size_t place(squeeze_shape s, size_t i, size_t j, size_t k) {
    return s.layout == SQUEEZE_CHANNEL_LAST ? (i * s.width + j) * s.channels + k : (k * s.height + i) * s.width + j;
}

void squeeze_cpu(UNUSED_SELF, const squeeze_shape *shape, size_t n, bool inverse, const real *x, real *y) {
    const squeeze_shape before = *shape;
    const squeeze_shape after = {4 * before.channels, before.height / 2, before.width / 2, before.layout};
    const size_t D = before.channels * before.height * before.width;
    for (size_t image = 0; image < n; image++, x += D, y += D)
        for (size_t i = 0; i < before.height; i++)
            for (size_t j = 0; j < before.width; j++)
                for (size_t k = 0; k < before.channels; k++) {
                    const size_t wide = place(before, i, j, k);
                    const size_t deep = place(after, i / 2, j / 2, 4 * k + 2 * (i % 2) + j % 2);
                    if (inverse) y[wide] = x[deep];
                    else y[deep] = x[wide];
                }
}
