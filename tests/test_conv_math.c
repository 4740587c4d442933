/* test_conv_math.c - convolutions with inputs rounded to tf32 or bf16: the rounding, its inputs, the processor and the
 * device of tests/cuda_on_host, and a model. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/conv.h"
#include "backend/cpu/cpu.h"
#include "backend/memory.h"
#include "backend/rounding.h"
#include "device_support.h"
#include "chain_support.h"

static const char *const names[CONV_MATHS] = {"fp32", "tf32", "bf16"};

/* --- The rounding --- */

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The definition: round to the nearest multiple of the last kept bit, ties to even, as nearbyint does. Dividing a float
 * by a power of two is exact in double. */
static float defined(float x, int fraction) {
    int exponent;
    frexp((double)x, &exponent); /* x = 0.1... 2^exponent */
    const int place = (exponent > -125 ? exponent : -125) - 1 - fraction;
    return (float)ldexp(nearbyint(ldexp((double)x, -place)), place);
}

static void check_number(uint32_t bits, unsigned drops) {
    const float x = float_of(bits), rounded = rounding_nearest(drops, x), right = defined(x, 23 - (int)drops);
    cr_assert_eq(bits_of(rounded), bits_of(right), "%a, %u bits less: %a instead of %a", (double)x, drops,
                 (double)rounded, (double)right);
    cr_assert_eq(bits_of(rounding_nearest(drops, rounded)), bits_of(rounded), "twice is once");
}

/* Every sign, exponent and kept fraction, with dropped bits near both ends and the middle of their range. */
Test(conv_math, numbers_go_to_the_nearest_and_ties_to_the_even_one) {
    for (conv_math math = MATH_TF32; math < CONV_MATHS; math++) {
        const unsigned drops = rounding_drops(math);
        const uint32_t half = 1u << (drops - 1), rest[] = {0, 1, half - 1, half, half + 1, 2 * half - 1};
        for (uint32_t sign = 0; sign < 2; sign++)
            for (uint32_t kept = 0; kept < 255u << (23 - drops); kept++)
                for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
                    check_number(sign << 31 | kept << drops | rest[i], drops);
    }
    const unsigned drops = rounding_drops(MATH_BF16);
    cr_expect_eq(rounding_nearest(drops, 0x1.01p+0f), 1, "a tie, down to the even one");
    cr_expect_eq(rounding_nearest(drops, 0x1.03p+0f), 0x1.04p+0f, "a tie, up to the even one");
    cr_expect_eq(rounding_nearest(drops, 0x1.ffp+3f), 16, "a carry into the exponent");
    cr_expect(isinf(rounding_nearest(drops, 0x1.fffffep+127f)), "as a double that is too large for a float");
}

/* A NaN stays a NaN whose kept bits are not all zero. */
Test(conv_math, infinities_and_nan_are_kept) {
    for (conv_math math = MATH_TF32; math < CONV_MATHS; math++) {
        const unsigned drops = rounding_drops(math);
        for (uint32_t sign = 0; sign < 2; sign++) {
            const uint32_t infinity = sign << 31 | 0x7f800000u;
            cr_expect_eq(bits_of(rounding_nearest(drops, float_of(infinity))), infinity);
            for (uint32_t bit = 0; bit < 23; bit++) {
                const uint32_t rounded = bits_of(rounding_nearest(drops, float_of(infinity | 1u << bit)));
                cr_expect(isnan(float_of(rounded)) && isnan(float_of(rounded & 0xffff0000u)), "%08x", rounded);
                cr_expect_eq(rounded >> 31, sign);
            }
            const uint32_t all = bits_of(rounding_nearest(drops, float_of(infinity | 0x7fffffu)));
            cr_expect(isnan(float_of(all)), "no carry out of a NaN: %08x", all);
        }
    }
}

/* --- Rounded inputs --- */

static const conv_shape shapes[] = {{2, 5, 3, 1, 7},  {2, 7, 7, 16, 16}, {1, 8, 6, 12, 64}, {2, 6, 9, 33, 17},
                                    {2, 6, 5, 64, 2}, {2, 6, 5, 2, 64},  {2, 9, 8, 16, 70}};
enum { SHAPES = sizeof shapes / sizeof *shapes, RESULTS = 3 };

typedef struct inputs {
    size_t x_count, y_count, w_count;
    real *x, *w, *ybar;
} inputs;

static real *drawn(size_t n, double seed) {
    real *p = reals(n);
    for (size_t i = 0; i < n; i++) p[i] = (real)(sin(seed + 1.7 * (double)i) * exp(3 * sin(0.3 * (double)i)));
    return p;
}
static inputs draw(conv_shape s) {
    const size_t pixels = s.images * s.height * s.width, weights = s.in * s.out * CONV_TAPS;
    return (inputs){.x_count = pixels * s.in,
                    .y_count = pixels * s.out,
                    .w_count = weights,
                    .x = drawn(pixels * s.in, 1),
                    .w = drawn(weights, 2),
                    .ybar = drawn(pixels * s.out, 3)};
}
static void release(inputs all) {
    free(all.x), free(all.w), free(all.ybar);
}

/* Round the inputs of a convolution separately. */
static void round_all(conv_math math, inputs all) {
    const unsigned drops = rounding_drops(math);
    for (size_t i = 0; i < all.x_count; i++) all.x[i] = (real)rounding_nearest(drops, (float)all.x[i]);
    for (size_t i = 0; i < all.w_count; i++) all.w[i] = (real)rounding_nearest(drops, (float)all.w[i]);
    for (size_t i = 0; i < all.y_count; i++) all.ybar[i] = (real)rounding_nearest(drops, (float)all.ybar[i]);
}

static real *there(const backend_ops *backend, arena *memory, size_t n, const real *values) {
    real *x;
    cr_assert_eq(BACKEND_NEW(backend, memory, n, &x), STATUS_OK);
    if (values) backend->copy_to_device(backend, n * sizeof *x, values, x);
    return x;
}

/* results <- y, the cotangents of x and of the weight, the latter from two calls: sums are not rounded. */
static void convolve(const backend_ops *backend, conv_shape s, conv_method method, conv_math math, inputs in,
                     real *results[RESULTS]) {
    const size_t counts[RESULTS] = {in.y_count, in.x_count, in.w_count};
    real *device[RESULTS];
    arena memory = {0};
    conv *c = NULL;
    cr_assert_eq(conv_create(backend, s, method, math, &c), STATUS_OK);
    const real *x = there(backend, &memory, in.x_count, in.x), *w = there(backend, &memory, in.w_count, in.w);
    const real *ybar = there(backend, &memory, in.y_count, in.ybar);
    real *forward = there(backend, &memory, conv_forward_reals(c), NULL);
    real *backward = there(backend, &memory, conv_backward_reals(c), NULL);
    real *gradient = there(backend, &memory, conv_gradient_reals(c), NULL);
    for (size_t i = 0; i < RESULTS; i++) device[i] = there(backend, &memory, counts[i], NULL);
    conv_pack(c, w, forward, NULL);
    conv_pack(c, w, NULL, backward);
    conv_forward(c, forward, x, device[0]);
    conv_backward_data(c, backward, ybar, device[1]);
    for (size_t i = 0; i < 2; i++) conv_backward_weight(c, x, ybar, gradient);
    conv_unpack(c, gradient, device[2]);
    for (size_t i = 0; i < RESULTS; i++) {
        results[i] = reals(counts[i]);
        backend->copy_to_host(backend, counts[i] * sizeof(real), device[i], results[i]);
    }
    conv_destroy(&c);
    arena_release(&memory);
}

/* A rounding convolution is bit-identical to the fp32 convolution of inputs that were rounded before, and differs from
 * that of the original inputs. */
static void check_convolutions(const backend_ops *backend, conv_method method, const char *what) {
    for (conv_math math = MATH_TF32; math < CONV_MATHS; math++)
        for (size_t k = 0; k < SHAPES; k++) {
            inputs in = draw(shapes[k]);
            const size_t counts[RESULTS] = {in.y_count, in.x_count, in.w_count};
            real *plain[RESULTS], *rounds[RESULTS], *rounded_before[RESULTS];
            convolve(backend, shapes[k], method, MATH_FP32, in, plain);
            convolve(backend, shapes[k], method, math, in, rounds);
            round_all(math, in);
            convolve(backend, shapes[k], method, MATH_FP32, in, rounded_before);
            for (size_t i = 0; i < RESULTS; i++) {
                const size_t bytes = counts[i] * sizeof(real);
                cr_expect_arr_eq(rounds[i], rounded_before[i], bytes, "%s, %s, shape %zu, result %zu", what,
                                 names[math], k, i);
                cr_expect(memcmp(rounds[i], plain[i], bytes) != 0, "%s, %s, shape %zu, result %zu: not rounded", what,
                          names[math], k, i);
                free(plain[i]), free(rounds[i]), free(rounded_before[i]);
            }
            release(in);
        }
}

Test(conv_math, every_input_is_rounded_and_nothing_else) {
    check_convolutions(cpu_backend(cpu_level_best()), CONV_AUTO, "best");
    check_convolutions(cpu_backend(CPU_PORTABLE), CONV_REFERENCE, "plain");
}

/* Its size is that of the other, plus the arrays of rounded inputs. */
Test(conv_math, memory_is_counted) {
    const conv_shape s = {2, 6, 5, 8, 16};
    conv *plain = NULL, *rounds = NULL;
    cr_assert_eq(conv_create(cpu_backend(CPU_PORTABLE), s, CONV_REFERENCE, MATH_FP32, &plain), STATUS_OK);
    cr_assert_eq(conv_create(cpu_backend(CPU_PORTABLE), s, CONV_REFERENCE, MATH_BF16, &rounds), STATUS_OK);
    const size_t room = (2 * 6 * 5 * (8 + 16) + 9 * 8 * 16) * sizeof(real);
    cr_expect_geq(conv_bytes(rounds), conv_bytes(plain) + room);
    cr_expect_leq(conv_bytes(rounds), conv_bytes(plain) + room + 1024);
    conv_destroy(&plain);
    conv_destroy(&rounds);
    cr_expect_eq(
        conv_create(cpu_backend(CPU_PORTABLE), (conv_shape){0, 6, 5, 8, 16}, CONV_REFERENCE, MATH_BF16, &rounds),
        STATUS_INVALID);
}

#ifndef AFFJORD_DOUBLE /* the library is of the float build */

static void check_device(const char *what) {
    const backend_ops *device = emulated_images();
    error_info err = {""};
    check_convolutions(device, CONV_AUTO, what);
    cr_expect_eq(emulated_library()->images_state(device, &err), STATUS_OK, "%s: %s", what, err.text);
    emulated_library()->images_close(&device);
}

static bool has_plan(conv_math math) {
    const backend_ops *device = emulated_images();
    error_info which = {""};
    conv *c = NULL;
    cr_assert_eq(conv_create(device, shapes[1], CONV_AUTO, math, &c), STATUS_OK);
    const bool has = emulated_library()->images_library(device, &which);
    conv_destroy(&c);
    emulated_library()->images_close(&device);
    return has;
}

/* Tensor cores truncate. Results would differ if rounded inputs had further bits. They are not used for fp32. */
Test(conv_math, a_device_rounds_as_the_processor_does) {
    setenv("AFFJORD_CUDNN", "none", 1);
    check_device("own kernels");
    setenv("AFFJORD_CUDNN", AFFJORD_CUDNN_EMULATED, 1);
    check_device("cuDNN");
    for (conv_math math = MATH_FP32; math < CONV_MATHS; math++) cr_expect(has_plan(math), "%s", names[math]);
    setenv("AFFJORD_EMULATED_CUDNN", "cores", 1);
    for (conv_math math = MATH_FP32; math < CONV_MATHS; math++)
        cr_expect_eq(has_plan(math), math != MATH_FP32, "%s", names[math]);
}
#endif

/* --- A model with rounding convolutions --- */

static double distance(size_t n, const real *a, const real *b) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += pow((double)a[i] - (double)b[i], 2);
        size += pow((double)b[i], 2);
    }
    return sqrt(difference / size);
}

/* The gradient differs from fp32's by the size of the rounding errors, and not less. With fixed steps, because adaptive
 * steps would differ. */
Test(conv_math, gradients_are_those_of_fp32_but_for_the_rounding) {
    const double unit[CONV_MATHS] = {0, ldexp(1, -11), ldexp(1, -8)}; /* the largest relative error of a rounding */
    for (image_layer layer = IMAGE_CONCAT; layer <= IMAGE_HYPER; layer++)
        for (cnf_gradient way = GRADIENT_DISCRETE; way <= GRADIENT_ADJOINT; way++) {
            chain_spec spec = small_spec(layer == IMAGE_CONCAT ? IMAGE_FFJORD : IMAGE_AFFJORD, layer);
            bench models[CONV_MATHS];
            spec.solver = (solve_spec){.method = tableau_get(TABLEAU_RK4), .steps = 6};
            spec.gradient = way;
            for (conv_math math = MATH_FP32; math < CONV_MATHS; math++) {
                bench *b = &models[math];
                spec.math = math;
                bench_open(b, spec, 5, NULL);
                take_gradient(b);
                if (math == MATH_FP32) continue;
                const double far = distance(b->P, b->gradient, models[0].gradient);
                cr_expect(far > 0.01 * unit[math] && far < 4 * unit[math], "%s, layer %d, way %d: %g apart",
                          names[math], (int)layer, (int)way, far);
                const double loss = fabs(b->loss.bits - models[0].loss.bits);
                cr_expect(loss > 0 && loss < 4 * unit[math], "%s, layer %d, way %d: loss %g apart", names[math],
                          (int)layer, (int)way, loss);
            }
            for (size_t i = 0; i < CONV_MATHS; i++) bench_close(&models[i]);
        }
}
