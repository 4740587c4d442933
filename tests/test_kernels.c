/* test_kernels.c - every level of the operations gives the same bits, and the right numbers. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/cpu/cpu.h"
#include "base/random.h"

enum { W = 21, D_MAX = 5 };

/* Random numbers in (-range, range), different in each call. */
static void draw(size_t n, uint64_t purpose, double range, real *out) {
    for (size_t i = 0; i < n; i++) {
        double u[4];
        random_uniform4((random_stream){.seed = 9, .purpose = RANDOM_PROBE, .iteration = purpose}, i, 0, u);
        out[i] = (real)(range * (2 * u[0] - 1));
    }
}

/* Scratch that is aligned as the flow's is. */
static real *reals(size_t n) {
    real *p = aligned_alloc(ALIGNMENT, (n * sizeof(real) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    cr_assert_not_null(p);
    return p;
}

static double plain_unit(const real *w, size_t D, const real *z, size_t i) {
    double h = (double)w[D];
    for (size_t d = 0; d < D; d++) h += (double)w[d] * (double)z[d * CHUNK + i];
    return h;
}

static void check_toy_values(const backend_ops *backend, size_t D) {
    const toy_shape shape = {.dimension = D, .width = W};
    const size_t K = toy_unit(shape);
    real *theta = reals(toy_stride(shape)), *z = reals(D * CHUNK), *e = reals(D * CHUNK);
    real *dz = reals(D * CHUNK), *trace = reals(CHUNK), *estimate = reals(CHUNK);
    draw(toy_stride(shape), 1, 1, theta);
    draw(D * CHUNK, 2, 2, z);
    draw(D * CHUNK, 3, 1, e);
    backend->toy_evaluate(backend, shape, theta, z, NULL, dz, trace);
    backend->toy_evaluate(backend, shape, theta, z, e, dz, estimate);
    for (size_t i = 0; i < CHUNK; i++) {
        double f[D_MAX] = {0}, exact = 0, probe = 0;
        for (size_t j = 0; j < W; j++) {
            const real *w = theta + j * K, *u = w + D + 1;
            const double t = tanh(plain_unit(w, D, z, i)), s = 1 - t * t;
            double we = 0, ue = 0;
            for (size_t d = 0; d < D; d++) {
                f[d] += (double)u[d] * t;
                we += (double)w[d] * (double)e[d * CHUNK + i];
                ue += (double)u[d] * (double)e[d * CHUNK + i];
            }
            exact += (double)w[2 * D + 1] * s;
            probe += s * we * ue;
        }
        for (size_t d = 0; d < D; d++) cr_assert_float_eq((double)dz[d * CHUNK + i], f[d], 1e-5);
        cr_assert_float_eq((double)trace[i], exact, 1e-5);
        cr_assert_float_eq((double)estimate[i], probe, 1e-5);
    }
    free(theta), free(z), free(e), free(dz), free(trace), free(estimate);
}

Test(kernels, toy_field_agrees_with_plain_formula) {
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++)
        if (cpu_backend(level))
            for (size_t D = 1; D <= D_MAX; D++) check_toy_values(cpu_backend(level), D);
}

/* All results of the operations for one set of inputs, in one buffer. */
typedef struct outcome {
    real values[40000];
    size_t count;
} outcome;

static void add(outcome *to, const real *values, size_t n) {
    cr_assert_leq(to->count + n, sizeof to->values / sizeof to->values[0]);
    memcpy(to->values + to->count, values, n * sizeof *values);
    to->count += n;
}

static void run_toy(const backend_ops *backend, size_t D, bool exact, outcome *out) {
    const toy_shape shape = {.dimension = D, .width = W};
    const size_t stride = toy_stride(shape);
    real *theta = reals(stride), *z = reals(D * CHUNK), *e = reals(D * CHUNK), *a = reals(D * CHUNK);
    real *l = reals(CHUNK), *dz = reals(D * CHUNK), *trace = reals(CHUNK), *zbar = reals(D * CHUNK);
    real *thetabar = reals(stride), *partial = reals(stride * PARTIAL_SUMS);
    draw(stride, 1, 1, theta);
    draw(D * CHUNK, 2, 3, z);
    draw(D * CHUNK, 3, 1, e);
    draw(D * CHUNK, 4, 1, a);
    draw(CHUNK, 5, 1, l);
    memset(theta + W * toy_unit(shape), 0, (stride - W * toy_unit(shape)) * sizeof *theta);
    backend->toy_evaluate(backend, shape, theta, z, exact ? NULL : e, dz, trace);
    backend->toy_backward(backend, shape, theta, z, exact ? NULL : e, a, l, zbar, thetabar, partial);
    add(out, dz, D * CHUNK);
    add(out, trace, CHUNK);
    add(out, zbar, D * CHUNK);
    add(out, thetabar, stride);
    free(theta), free(z), free(e), free(a), free(l), free(dz), free(trace), free(zbar), free(thetabar), free(partial);
}

static void run_all(const backend_ops *backend, outcome *out) {
    out->count = 0;
    for (size_t D = 1; D <= D_MAX; D++) {
        run_toy(backend, D, true, out);
        run_toy(backend, D, false, out);
    }
    /* Sizes with every kind of remainder. */
    enum { M = 7, N = 45, P = 13 };
    real a[M * P], b[P * N], bias[N], c[M * N], v[N], m[N], p[N];
    draw(M * P, 6, 1, a);
    draw(P * N, 7, 1, b);
    draw(N, 8, 1, bias);
    backend->matmul(backend, M, N, P, a, P, 1, b, bias, c);
    add(out, c, M * N);
    backend->matmul(backend, M, N, P, a, 1, M, b, NULL, c);
    add(out, c, M * N);
    draw(M * N, 9, 12, c);
    backend->tanh(backend, M * N, c, c);
    add(out, c, M * N);
    backend->sigmoid(backend, M * N, c, c);
    add(out, c, M * N);
    const double weights[] = {0.5, 0, 1.0 / 3};
    const real *const terms[] = {a, c, b};
    backend->combine(backend, N, bias, 3, weights, terms, p);
    add(out, p, N);
    draw(N, 10, 1, m);
    for (size_t i = 0; i < N; i++) v[i] = m[i] * m[i];
    const adam_step step = {.beta1 = 0.9, .beta2 = 0.999, .step_size = 0.01, .root_correction = 0.5, .epsilon = 1e-8};
    backend->adam(backend, N, &step, bias, m, v, p);
    add(out, m, N);
    add(out, v, N);
    add(out, p, N);
}

Test(kernels, all_levels_give_the_same_bits) {
    static outcome portable, other;
    run_all(cpu_backend(CPU_PORTABLE), &portable);
    for (size_t i = 0; i < portable.count; i++) cr_assert(isfinite(portable.values[i]));
    for (cpu_level level = CPU_PORTABLE + 1; level < CPU_LEVELS; level++) {
        if (!cpu_backend(level)) continue;
        run_all(cpu_backend(level), &other);
        cr_assert_eq(portable.count, other.count);
        for (size_t i = 0; i < portable.count; i++)
            cr_assert_eq(memcmp(&portable.values[i], &other.values[i], sizeof(real)), 0, "%s, number %zu: %a and %a",
                         cpu_level_name(level), i, (double)portable.values[i], (double)other.values[i]);
    }
}

Test(kernels, matmul_agrees_with_plain_sums) {
    enum { M = 6, N = 37, P = 11 };
    real a[M * P], b[P * N], bias[N], c[M * N];
    draw(M * P, 1, 1, a);
    draw(P * N, 2, 1, b);
    draw(N, 3, 1, bias);
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
        if (!cpu_backend(level)) continue;
        cpu_backend(level)->matmul(cpu_backend(level), M, N, P, a, P, 1, b, bias, c);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++) {
                double sum = (double)bias[j];
                for (size_t p = 0; p < P; p++) sum += (double)a[i * P + p] * (double)b[p * N + j];
                cr_assert_float_eq((double)c[i * N + j], sum, 2e-6);
            }
    }
}

Test(kernels, adam_takes_a_first_step_of_the_learning_rate) {
    real p[20], g[20], m[20] = {0}, v[20] = {0};
    draw(20, 1, 1, p);
    draw(20, 2, 1, g);
    real before[20];
    memcpy(before, p, sizeof p);
    const adam_step step = {.beta1 = 0.9,
                            .beta2 = 0.999,
                            .step_size = 1e-3 / (1 - 0.9),
                            .root_correction = sqrt(1 - 0.999),
                            .epsilon = 1e-8};
    cpu_backend(cpu_level_best())->adam(cpu_backend(cpu_level_best()), 20, &step, g, m, v, p);
    for (size_t i = 0; i < 20; i++) cr_assert_float_eq((double)(p[i] - before[i]), g[i] > 0 ? -1e-3 : 1e-3, 1e-6);
}

#ifndef AFFJORD_DOUBLE

/* Distance of y from the exact value in units of the last place of a float there. */
static double ulps(float y, double exact) {
    const float host = (float)exact;
    const double ulp = (double)(nextafterf(fabsf(host), INFINITY) - fabsf(host));
    return fabs((double)y - exact) / ulp;
}

Test(kernels, tanh_is_accurate_to_two_ulp) {
    enum { N = 1024 };
    const backend_ops *backend = cpu_backend(cpu_level_best());
    float x[N], y[N];
    double worst = 0;
    /* One float in 193 of those from the smallest to 10, of both signs. */
    for (uint32_t bits = 1; bits < 0x41200000;) {
        for (size_t i = 0; i < N; i++, bits += 193) {
            memcpy(&x[i], &bits, sizeof bits);
            if (i % 2) x[i] = -x[i];
        }
        backend->tanh(backend, N, x, y);
        for (size_t i = 0; i < N; i++) {
            const double error = ulps(y[i], tanh((double)x[i]));
            if (error > worst) worst = error;
            cr_assert_leq(fabsf(y[i]), 1);
        }
    }
    cr_assert_leq(worst, 2, "tanh is off by %g ulp", worst);
}

Test(kernels, tanh_at_the_edges) {
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS; level++) {
        if (!cpu_backend(level)) continue;
        float x[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e30f, -1e30f, 1e-42f}, y[8];
        cpu_backend(level)->tanh(cpu_backend(level), 8, x, y);
        cr_assert(y[0] == 0 && y[1] == 0);
        cr_assert(y[2] == 1 && y[3] == -1 && y[5] == 1 && y[6] == -1);
        cr_assert(isnan(y[4]));
        cr_assert_eq(y[7], 1e-42f);
    }
}

#endif
