/* device_math.cuh - the CPU's formulas for one number, in one thread of the device.
 *
 * Compiled with -fmad=false: only explicit calls fuse. */
#ifndef AFFJORD_BACKEND_CUDA_DEVICE_MATH_CUH
#define AFFJORD_BACKEND_CUDA_DEVICE_MATH_CUH

#include <cuda_runtime.h>

#include <stdint.h>

#include "base/real.h"

/* The operations that backend/pointwise.h needs. */
typedef float vreal;
typedef uint32_t vsegment;
#define V_FUNCTION static __device__ __forceinline__
#define V_TABLE static __device__ const

V_FUNCTION vreal v_set(float x) {
    return x;
}
V_FUNCTION vreal v_add(vreal a, vreal b) {
    return a + b;
}
V_FUNCTION vreal v_sub(vreal a, vreal b) {
    return a - b;
}
V_FUNCTION vreal v_mul(vreal a, vreal b) {
    return a * b;
}
V_FUNCTION vreal v_div(vreal a, vreal b) {
    return a / b;
}
V_FUNCTION vreal v_fma(vreal a, vreal b, vreal c) {
    return fmaf(a, b, c);
}
V_FUNCTION vreal v_fnma(vreal a, vreal b, vreal c) {
    return fmaf(-a, b, c);
}
V_FUNCTION vreal v_min(vreal a, vreal b) {
    return a < b ? a : b;
}
V_FUNCTION vreal v_max(vreal a, vreal b) {
    return a > b ? a : b;
}
V_FUNCTION vreal v_abs(vreal a) {
    return fabsf(a);
}
V_FUNCTION vreal v_signed(vreal a, vreal b) {
    return copysignf(a, b);
}
V_FUNCTION vsegment v_segment(vreal a) {
    return __float_as_uint(a) >> 22 & 7;
}
V_FUNCTION vreal v_lookup(const float *table, vsegment i) {
    return table[i];
}
V_FUNCTION vreal v_power(vreal shifted) {
    return __uint_as_float(__float_as_uint(shifted) << 23);
}

#include "backend/pointwise.h"

/* --- exp(x) - 1 in double, for x <= 0: the value of det_expm1 (base/detmath.h) to the bit. ---
 *
 * SLEEF's sequence of operations without fused multiply-adds, which the ELU of the context's equation has on the CPU:
 * exp(x) = 2^q exp(s) with s in double-double, 1/2 + s/6 and upwards in double-double too, the rest a polynomial. A
 * pair represents high + low; products split their factors (Dekker 1971). */
typedef struct pair {
    double high, low;
} pair;

/* Return the leading 26 bits. */
V_FUNCTION double leading(double x) {
    return __longlong_as_double(__double_as_longlong(x) & (long long)0xfffffffff8000000ull);
}

/* Return x + y; |x| may be smaller than |y|. */
V_FUNCTION pair pair_add_any(pair x, double y) {
    const double sum = x.high + y, part = sum - x.high;
    return {sum, ((x.high - (sum - part)) + (y - part)) + x.low};
}

/* Return x + y for |x| >= |y|. */
V_FUNCTION pair pair_add_to(double x, pair y) {
    const double sum = x + y.high;
    return {sum, ((x - sum) + y.high) + y.low};
}
V_FUNCTION pair pair_add(pair x, pair y) {
    const double sum = x.high + y.high;
    return {sum, (((x.high - sum) + y.high) + x.low) + y.low};
}

V_FUNCTION pair pair_square(pair x) {
    const double head = leading(x.high), tail = x.high - head, product = x.high * x.high;
    const double error = ((head * head - product) + (head + head) * tail) + tail * tail;
    return {product, error + x.high * (x.low + x.low)};
}

/* Return the difference of the exact product and x.high y, as far as it is added before the low parts. */
V_FUNCTION double product_error(double x, double y, double product) {
    const double xh = leading(x), xl = x - xh, yh = leading(y), yl = y - yh;
    return ((xh * yh - product) + xl * yh) + xh * yl + xl * yl;
}
V_FUNCTION pair pair_times(pair x, double y) {
    const double product = x.high * y;
    return {product, product_error(x.high, y, product) + x.low * y};
}
V_FUNCTION pair pair_multiply(pair x, pair y) {
    const double product = x.high * y.high;
    return {product, (product_error(x.high, y.high, product) + x.high * y.low) + x.low * y.high};
}

V_FUNCTION double power_of_two(int q) {
    return __longlong_as_double((long long)(0x3ff + q) << 52);
}

V_FUNCTION double same_expm1(double x) {
    if (x < -36.736800569677101399113302437) return -1;
    const double q = rint((x + 0.0) * 1.442695040888963407359924681001892137426645954152985934135449406931);
    pair s = {x, 0.0};
    s = pair_add_any(s, q * -.69314718055966295651160180568695068359375);
    s = pair_add_any(s, q * -.28235290563031577122588448175013436025525412068e-12);
    const pair square = pair_square(s), fourth = pair_square(square);
    const double y = s.high, y2 = square.high, y4 = fourth.high, y8 = fourth.high * fourth.high;
    const double top = y * 0.1602472219709932072e-9 + 0.2092255183563157007e-8;
    const double upper = y2 * (y * 0.2505230023782644465e-7 + 0.2755724800902135303e-6) +
                         (y * 0.2755731892386044373e-5 + 0.2480158735605815065e-4);
    const double lower = y2 * (y * 0.1984126984148071858e-3 + 0.1388888888886763255e-2) +
                         (y * 0.8333333333333347095e-2 + 0.4166666666666669905e-1);
    const double rest = y8 * top + (y4 * upper + lower);
    pair t = pair_add_to(0.5, pair_times(s, 0.1666666666666666574e+0));
    t = pair_add_to(1.0, pair_multiply(t, s));
    t = pair_add_to(1.0, pair_multiply(t, s));
    t = pair_add(t, pair_times(fourth, rest));
    const int whole = (int)q, half = whole >> 1;
    const double first = power_of_two(half), second = power_of_two(whole - half);
    t.high = t.high * first * second;
    t.low = t.low * first * second;
    t = pair_add_any(t, -1.0);
    return t.high + t.low;
}

/* --- x to the power y in double, for positive x and y: the value of det_pow to the bit. ---
 *
 * exp(y log x) by SLEEF's operations, both in double-double, with m 2^e = x and 3/4 <= m < 3/2:
 * log x = e log 2 + 2 atanh((m - 1)/(m + 1)). */
V_FUNCTION pair pair_sum(double x, double y) { /* of any size */
    const double sum = x + y, part = sum - x;
    return {sum, (x - (sum - part)) + (y - part)};
}

V_FUNCTION pair pair_divide(pair n, pair d) {
    const double inverse = 1.0 / d.high, q = n.high * inverse;
    const double dh = leading(d.high), dl = d.high - dh, th = leading(inverse), tl = inverse - th;
    const double nh = leading(n.high), nl = n.high - nh;
    const double u = nh * th - q + nh * tl + nl * th + nl * tl + q * (1 - dh * th - dh * tl - dl * th - dl * tl);
    return {q, inverse * (n.low - q * d.low) + u};
}

/* Return log x for a positive, finite x. */
V_FUNCTION pair pair_logarithm(double x) {
    const bool tiny = x < 0x1p-1022;
    if (tiny) x *= 0x1p64;
    const long long bits = __double_as_longlong(x * (1.0 / 0.75)), exponent = (bits >> 52 & 0x7ff) - 0x3ff;
    const double m = __longlong_as_double(__double_as_longlong(x) - (exponent << 52));
    const double e = (double)(tiny ? exponent - 64 : exponent);
    pair q = pair_divide(pair_sum(-1, m), pair_sum(1, m));
    const pair square = pair_square(q);
    const double y = square.high, y2 = y * y, y4 = y2 * y2, y8 = y4 * y4;
    const double upper = y2 * (y * 0.103239680901072952701192 + 0.117754809412463995466069) +
                         (y * 0.13332981086846273921509 + 0.153846227114512262845736);
    const double lower = y2 * (y * 0.181818180850050775676507 + 0.222222222230083560345903) +
                         (y * 0.285714285714249172087875 + 0.400000000000000077715612);
    const double rest = y8 * 0.116255524079935043668677 + (y4 * upper + lower);
    pair sum = pair_times({0.693147180559945286226764, 2.319046813846299558417771e-17}, e);
    sum = pair_add(sum, {2 * q.high, 2 * q.low});
    q = pair_multiply(square, q);
    sum = pair_add(sum, pair_multiply(q, {0.666666666666666629659233, 3.80554962542412056336616e-17}));
    q = pair_multiply(square, q);
    return pair_add(sum, pair_times(q, rest));
}

V_FUNCTION double pair_exponential(pair d) {
    const double q = rint((d.high + d.low) * 1.442695040888963407359924681001892137426645954152985934135449406931);
    pair s = pair_add_any(d, q * -.69314718055966295651160180568695068359375);
    s = pair_add_any(s, q * -.28235290563031577122588448175013436025525412068e-12);
    const double normal = s.high + s.low;
    s = {normal, (s.high - normal) + s.low};
    const double y = s.high, y2 = y * y, y4 = y2 * y2, y8 = y4 * y4;
    const double top = y * 2.51069683420950419527139e-08 + 2.76286166770270649116855e-07;
    const double upper = y2 * (y * 2.75572496725023574143864e-06 + 2.48014973989819794114153e-05) +
                         (y * 0.000198412698809069797676111 + 0.0013888888939977128960529);
    const double lower = y2 * (y * 0.00833333333332371417601081 + 0.0416666666665409524128449) +
                         (y * 0.166666666666666740681535 + 0.500000000000000999200722);
    const double rest = y8 * top + (y4 * upper + lower);
    const pair t = pair_add(pair_add_to(1.0, s), pair_times(pair_square(s), rest));
    const int whole = (int)q, half = whole >> 1;
    return (t.high + t.low) * power_of_two(half) * power_of_two(whole - half);
}

V_FUNCTION double same_pow(double x, double y) {
    if (!(x < INFINITY)) return x; /* y is positive */
    const pair d = pair_times(pair_logarithm(x), y);
    return d.high > 709.78271114955742909217217426 ? INFINITY : d.high < -1000 ? 0 : pair_exponential(d);
}

#endif
