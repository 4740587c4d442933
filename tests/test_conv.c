/* test_conv.c - 3 x 3 convolutions against their definition; the same bits on every level and for any number of
 * threads. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/conv.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/level.h"
#include "base/parallel.h"
#include "base/random.h"

static real *reals(size_t n) {
    real *p = aligned_alloc(64, (n * sizeof(real) + 63) / 64 * 64);
    cr_assert_not_null(p);
    memset(p, 0, n * sizeof *p);
    return p;
}

static real *drawn(size_t n, uint64_t purpose) {
    real *p = reals(n);
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_uniform4((random_stream){.seed = 3, .purpose = RANDOM_PROBE, .iteration = purpose}, i, 0, u);
        p[i] = (real)(2 * u[0] - 1);
    }
    return p;
}

/* All results of a convolution for fixed inputs. */
typedef struct results {
    real *y, *xbar, *weightbar;
    size_t x_count, y_count, w_count;
} results;

static results run(conv_shape s, conv_method method, cpu_level level, const real *x, const real *w, const real *ybar) {
    conv *c = NULL;
    cr_assert_eq(conv_create(cpu_backend(level), s, method, MATH_FP32, &c), STATUS_OK, "%zu to %zu", s.in, s.out);
    const size_t pixels = s.images * s.height * s.width;
    results r = {.x_count = pixels * s.in, .y_count = pixels * s.out, .w_count = CONV_TAPS * s.in * s.out};
    r.y = reals(r.y_count), r.xbar = reals(r.x_count), r.weightbar = reals(r.w_count);
    real *forward = reals(conv_forward_reals(c)), *backward = reals(conv_backward_reals(c));
    real *gradient = reals(conv_gradient_reals(c));
    conv_pack(c, w, forward, NULL);
    conv_pack(c, w, NULL, backward);
    conv_forward(c, forward, x, r.y);
    conv_backward_data(c, backward, ybar, r.xbar);
    conv_backward_weight(c, x, ybar, gradient);
    conv_backward_weight(c, x, ybar, gradient); /* adds: twice the gradient */
    conv_unpack(c, gradient, r.weightbar);
    for (size_t i = 0; i < r.w_count; i++) r.weightbar[i] /= 2;
    free(forward), free(backward), free(gradient);
    conv_destroy(&c);
    cr_assert_null(c);
    return r;
}

static void release(results r) {
    free(r.y), free(r.xbar), free(r.weightbar);
}

static const conv_shape shapes[] = {{2, 5, 3, 1, 7},    {1, 4, 4, 3, 2},    {2, 28, 28, 1, 64},  {2, 14, 14, 64, 4},
                                    {4, 7, 7, 16, 16},  {2, 8, 8, 12, 64},  {2, 4, 4, 64, 24},   {2, 4, 4, 48, 64},
                                    {1, 1, 6, 5, 2},    {2, 7, 7, 64, 64},  {2, 6, 9, 33, 17},   {2, 14, 14, 64, 1},
                                    {2, 14, 14, 2, 64}, {2, 14, 14, 64, 2}, {2, 14, 14, 4, 64},  {2, 8, 8, 64, 8},
                                    {1, 3, 1, 16, 3},   {2, 1, 2, 3, 32},   {3, 5, 11, 48, 3},   {2, 4, 9, 80, 2},
                                    {2, 3, 3, 4, 16},   {1, 1, 1, 16, 16},  {3, 1, 17, 20, 33},  {2, 19, 1, 8, 8},
                                    {5, 13, 6, 9, 40},  {4, 5, 5, 32, 5},   {1, 28, 28, 64, 64}, {16, 7, 7, 5, 30}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* The definition, summed in double. */
static double defined(conv_shape s, const real *x, const real *w, size_t n, size_t i, size_t j, size_t o) {
    double sum = 0;
    for (size_t u = 0; u < 3; u++)
        for (size_t v = 0; v < 3; v++) {
            if (i + u < 1 || i + u > s.height || j + v < 1 || j + v > s.width) continue;
            for (size_t c = 0; c < s.in; c++)
                sum += (double)w[((o * s.in + c) * 3 + u) * 3 + v] *
                       (double)x[((n * s.height + i + u - 1) * s.width + j + v - 1) * s.in + c];
        }
    return sum;
}

static double dot(const real *a, const real *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

#ifdef AFFJORD_DOUBLE
static const double tolerance = 1e-12;
#else
static const double tolerance = 1e-5;
#endif

/* Forward by the definition; the others by <y, ybar> = <x, xbar> = <w, wbar>, in random directions. */
Test(conv, both_methods_agree_with_the_definition) {
    for (size_t k = 0; k < SHAPES; k++)
        for (conv_method method = CONV_AUTO; method < CONV_METHODS; method++) {
            const conv_shape s = shapes[k];
            const size_t pixels = s.images * s.height * s.width;
            real *x = drawn(pixels * s.in, 1), *w = drawn(CONV_TAPS * s.in * s.out, 2);
            real *ybar = drawn(pixels * s.out, 3);
            const results r = run(s, method, cpu_level_best(), x, w, ybar);
            const double scale = sqrt(9.0 * (double)s.in);
            for (size_t p = 0; p < pixels; p++)
                for (size_t o = 0; o < s.out; o++) {
                    const size_t n = p / (s.height * s.width), i = p / s.width % s.height, j = p % s.width;
                    cr_assert_float_eq((double)r.y[p * s.out + o], defined(s, x, w, n, i, j, o), tolerance * scale,
                                       "shape %zu, method %d, pixel %zu", k, (int)method, p);
                }
            const double forward = dot(r.y, ybar, r.y_count), size = scale * sqrt((double)r.y_count);
            cr_assert_float_eq(dot(x, r.xbar, r.x_count), forward, tolerance * size, "shape %zu, data", k);
            cr_assert_float_eq(dot(w, r.weightbar, r.w_count), forward, tolerance * size, "shape %zu, weight", k);
            free(x), free(w), free(ybar), release(r);
        }
}

Test(conv, best_agrees_with_plain_loops) {
    for (size_t k = 0; k < SHAPES; k++) {
        const conv_shape s = shapes[k];
        const size_t pixels = s.images * s.height * s.width;
        real *x = drawn(pixels * s.in, 4), *w = drawn(CONV_TAPS * s.in * s.out, 5);
        real *ybar = drawn(pixels * s.out, 6);
        const results a = run(s, CONV_AUTO, cpu_level_best(), x, w, ybar),
                      b = run(s, CONV_REFERENCE, CPU_PORTABLE, x, w, ybar);
        for (size_t i = 0; i < a.x_count; i++)
            cr_assert_float_eq((double)a.xbar[i], (double)b.xbar[i], tolerance * sqrt(9.0 * (double)s.out));
        for (size_t i = 0; i < a.w_count; i++)
            cr_assert_float_eq((double)a.weightbar[i], (double)b.weightbar[i], tolerance * sqrt((double)pixels));
        free(x), free(w), free(ybar), release(a), release(b);
    }
}

/* Relative root mean square error of a (n) against b (n), in double. */
static double rms_error(size_t n, const real *a, const double *b) {
    double off = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        off += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(off / size);
}

/* The three results by the definition, all in double. */
static void define(conv_shape s, const real *x, const real *w, const real *ybar, double *y, double *xbar,
                   double *wbar) {
    for (size_t n = 0; n < s.images; n++)
        for (size_t i = 0; i < s.height; i++)
            for (size_t j = 0; j < s.width; j++)
                for (size_t tap = 0; tap < CONV_TAPS; tap++) {
                    const size_t u = tap / 3, v = tap % 3;
                    if (i + u < 1 || i + u > s.height || j + v < 1 || j + v > s.width) continue;
                    const size_t to = ((n * s.height + i) * s.width + j) * s.out;
                    const size_t from = ((n * s.height + i + u - 1) * s.width + j + v - 1) * s.in;
                    for (size_t o = 0; o < s.out; o++)
                        for (size_t c = 0; c < s.in; c++) {
                            const size_t k = (o * s.in + c) * CONV_TAPS + tap;
                            y[to + o] += (double)w[k] * (double)x[from + c];
                            xbar[from + c] += (double)w[k] * (double)ybar[to + o];
                            wbar[k] += (double)x[from + c] * (double)ybar[to + o];
                        }
                }
}

static double *doubles(size_t n) {
    double *p = calloc(n, sizeof *p);
    cr_assert_not_null(p);
    return p;
}

/* docs/lab/performance.md states this bound. */
Test(conv, errors_are_small_against_float64) {
    const double most = sizeof(real) == sizeof(float) ? 2e-6 : 1e-14;
    for (size_t k = 0; k < SHAPES; k++) {
        const conv_shape s = shapes[k];
        const size_t pixels = s.images * s.height * s.width;
        real *x = drawn(pixels * s.in, 13), *w = drawn(CONV_TAPS * s.in * s.out, 14), *ybar = drawn(pixels * s.out, 15);
        const results r = run(s, CONV_AUTO, cpu_level_best(), x, w, ybar);
        double *y = doubles(r.y_count), *xbar = doubles(r.x_count), *wbar = doubles(r.w_count);
        define(s, x, w, ybar, y, xbar, wbar);
        cr_expect_leq(rms_error(r.y_count, r.y, y), most, "shape %zu", k);
        cr_expect_leq(rms_error(r.x_count, r.xbar, xbar), most, "shape %zu, data", k);
        cr_expect_leq(rms_error(r.w_count, r.weightbar, wbar), most, "shape %zu, weight", k);
        free(x), free(w), free(ybar), free(y), free(xbar), free(wbar), release(r);
    }
}

Test(conv, same_bits_on_every_level) {
    for (size_t k = 0; k < SHAPES; k++) {
        const conv_shape s = shapes[k];
        const size_t pixels = s.images * s.height * s.width;
        real *x = drawn(pixels * s.in, 10), *w = drawn(CONV_TAPS * s.in * s.out, 11), *ybar = drawn(pixels * s.out, 12);
        const results a = run(s, CONV_AUTO, CPU_PORTABLE, x, w, ybar);
        for (cpu_level level = CPU_AVX2; level < CPU_LEVELS; level++) {
            if (!cpu_backend(level)) continue;
            const results b = run(s, CONV_AUTO, level, x, w, ybar);
            cr_assert_arr_eq(a.y, b.y, a.y_count * sizeof(real), "shape %zu", k);
            cr_assert_arr_eq(a.xbar, b.xbar, a.x_count * sizeof(real), "shape %zu, data", k);
            cr_assert_arr_eq(a.weightbar, b.weightbar, a.w_count * sizeof(real), "shape %zu, weight", k);
            release(b);
        }
        free(x), free(w), free(ybar), release(a);
    }
}

#ifndef AFFJORD_DOUBLE
/* FNV-1a of the bits. */
static uint64_t hash(uint64_t before, size_t n, const real *x) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        for (size_t k = 0; k < 4; k++) before = (before ^ (bits >> 8 * k & 255)) * 0x100000001b3;
    }
    return before;
}

/* The checksum is equal for all compilers and processors. If it changes, increment CPU_CONVOLUTIONS, and record the
 * images' baselines anew. */
Test(conv, bits_are_those_of_the_version) {
    uint64_t seen = 0xcbf29ce484222325;
    for (size_t k = 0; k < SHAPES; k++) {
        const conv_shape s = shapes[k];
        const size_t pixels = s.images * s.height * s.width;
        real *x = drawn(pixels * s.in, 16), *w = drawn(CONV_TAPS * s.in * s.out, 17), *ybar = drawn(pixels * s.out, 18);
        const results r = run(s, CONV_AUTO, cpu_level_best(), x, w, ybar);
        seen = hash(hash(hash(seen, r.y_count, r.y), r.x_count, r.xbar), r.w_count, r.weightbar);
        free(x), free(w), free(ybar), release(r);
    }
    cr_expect_eq(CPU_CONVOLUTIONS, 1);
    cr_expect_eq(seen, 0x4c9c5b4be297c3ef, "%" PRIx64, seen);
}
#endif

typedef struct job {
    real *x, *w, *ybar;
    results made[SHAPES];
} job;

static void run_shape(void *argument, size_t task, size_t thread) {
    (void)thread;
    job *all = argument;
    all->made[task] = run(shapes[task], CONV_AUTO, cpu_level_best(), all->x, all->w, all->ybar);
}

/* Create and use convolutions in several threads at once. */
Test(conv, same_bits_on_any_thread) {
    job alone = {.x = drawn(200000, 7), .w = drawn(50000, 8), .ybar = drawn(200000, 9)}, together = alone;
    parallel *pool = NULL;
    cr_assert_eq(parallel_create(4, &pool), STATUS_OK);
    parallel_for(NULL, SHAPES, run_shape, &alone);
    parallel_for(pool, SHAPES, run_shape, &together);
    for (size_t k = 0; k < SHAPES; k++) {
        const results a = alone.made[k], b = together.made[k];
        cr_assert_arr_eq(a.y, b.y, a.y_count * sizeof(real));
        cr_assert_arr_eq(a.xbar, b.xbar, a.x_count * sizeof(real));
        cr_assert_arr_eq(a.weightbar, b.weightbar, a.w_count * sizeof(real));
        release(a), release(b);
    }
    parallel_destroy(&pool);
    free(alone.x), free(alone.w), free(alone.ybar);
}

Test(conv, refuses_an_empty_shape) {
    conv *c = NULL;
    cr_assert_eq(conv_create(cpu_backend(CPU_PORTABLE), (conv_shape){0, 4, 4, 1, 1}, CONV_AUTO, MATH_FP32, &c),
                 STATUS_INVALID);
    cr_assert_eq(conv_create(cpu_backend(CPU_PORTABLE), (conv_shape){1, 4, 4, 0, 1}, CONV_REFERENCE, MATH_FP32, &c),
                 STATUS_INVALID);
    cr_assert_null(c);
}
