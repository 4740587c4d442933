/* pointwise.h - functions of one variable, written once for every device.
 *
 * They use only the operations v_* of the including file, on a vector or one number, each rounded once, so all devices
 * give the same bits. The including file may define the qualifiers of functions and tables. */
#ifndef AFFJORD_BACKEND_POINTWISE_H
#define AFFJORD_BACKEND_POINTWISE_H

#ifndef V_FUNCTION
#define V_FUNCTION static inline
#define V_TABLE static const
#endif

#ifdef AFFJORD_DOUBLE
#include "base/detmath.h"
V_FUNCTION vreal v_tanh(vreal x) {
    return det_tanh(x);
}
V_FUNCTION void v_tanh_pair(vreal x[2]) {
    for (int v = 0; v < 2; v++) x[v] = v_tanh(x[v]);
}
#else
/* tanh to 1.74 ulp over all floats: a polynomial of degree 6 about the centre of each of eight segments of [0, 9.05],
 * at whose end tanh rounds to 1. The sign is restored last, so the function is exactly odd. NaN stays NaN.
 *
 * The segment is given by the bits of v = 1.657 |x| + 1, which is faster than comparisons: the two low bits of its
 * exponent and the first of its fraction distinguish [1, 1.5), [1.5, 2), [2, 3), [3, 4), [4, 6) ... [12, 16) as entries
 * 6, 7, 0, 1, 2 ... 5. The coefficients are a weighted minimax fit in ulps of tanh. Each centre is chosen so that tanh
 * of it is nearly a float. Coefficients were rounded from the lowest order up, and the others fitted again after each.
 * A rational function, the usual choice, is less accurate in float: where tanh is close to 1, each of its roundings
 * costs up to one ulp. */
V_TABLE real tanh_centre[8] = {0x1.c9p-1f,  0x1.7fp+0f, 0x1.338p+1f, 0x1.cdcp+1f,
                               0x1.5bcp+2f, 0x1.f7p+2f, 0x0p+0f,     0x1.cep-2f};
V_TABLE real tanh_coefficient[7][8] = {
    {0x1.6ce266p-1f, 0x1.cf12bep-1f, 0x1.f7ae28p-1f, 0x1.ff3f5p-1f, 0x1.fffbp-1f, 0x1.fffff6p-1f, 0x0p+0f,
     0x1.b102bp-2f},
    {0x1.f7eb9ap-2f, 0x1.74b64p-3f, 0x1.08115p-5f, 0x1.811d7ap-9f, 0x1.416ae6p-14f, 0x1.41b21p-21f, 0x1p+0f,
     0x1.a472bep-1f},
    {-0x1.67203ap-2f, -0x1.5118dcp-3f, -0x1.03c526p-5f, -0x1.8086cap-9f, -0x1.41293ap-14f, -0x1.41e8dcp-21f,
     -0x1.26b04cp-19f, -0x1.6395eap-2f},
    {0x1.5f91b2p-4f, 0x1.6966b4p-4f, 0x1.4f0ca4p-6f, 0x1.fe289cp-10f, 0x1.9a1deep-15f, 0x1.99da6ap-22f, -0x1.55383ap-2f,
     -0x1.03e3fep-3f},
    {0x1.c86b6cp-5f, -0x1.97cbecp-6f, -0x1.394894p-7f, -0x1.fc050ap-11f, -0x1.9b2f9p-16f, -0x1.973cb8p-23f,
     -0x1.daa898p-10f, 0x1.5b988ep-3f},
    {-0x1.c97e0cp-5f, -0x1.c2e22ap-9f, 0x1.b0d504p-9f, 0x1.a891fep-12f, 0x1.af57p-17f, 0x1.b0e3c6p-24f, 0x1.2b7ef4p-3f,
     -0x1.4e9b3ap-7f},
    {0x1.b880fcp-7f, 0x1.d04deep-8f, -0x1.711a3ap-11f, -0x1.0c4baep-13f, -0x1.1df08ap-18f, -0x1.271738p-25f,
     -0x1.5af66cp-5f, -0x1.19b2eep-4f},
};

V_FUNCTION vreal v_tanh(vreal x) {
    const vreal a = v_min(v_set(0x1.21999ap+3f), v_abs(x));
    const vsegment i = v_segment(v_fma(a, v_set(0x1.a84f3p+0f), v_set(1)));
    const vreal d = v_sub(a, v_lookup(tanh_centre, i));
    vreal p = v_lookup(tanh_coefficient[6], i);
    for (int k = 5; k >= 0; k--) p = v_fma(p, d, v_lookup(tanh_coefficient[k], i));
    return v_signed(p, x);
}

/* x[v] <- v_tanh(x[v]) for two values. Operations alternate between them, so that a processor overlaps their latencies
 * within few instructions. */
V_FUNCTION void v_tanh_pair(vreal x[2]) {
    vreal d[2], p[2];
    vsegment i[2];
    for (int v = 0; v < 2; v++) {
        d[v] = v_min(v_set(0x1.21999ap+3f), v_abs(x[v]));
        i[v] = v_segment(v_fma(d[v], v_set(0x1.a84f3p+0f), v_set(1)));
    }
    for (int v = 0; v < 2; v++) d[v] = v_sub(d[v], v_lookup(tanh_centre, i[v]));
    for (int v = 0; v < 2; v++) p[v] = v_lookup(tanh_coefficient[6], i[v]);
    for (int k = 5; k >= 0; k--)
        for (int v = 0; v < 2; v++) p[v] = v_fma(p[v], d[v], v_lookup(tanh_coefficient[k], i[v]));
    for (int v = 0; v < 2; v++) x[v] = v_signed(p[v], x[v]);
}
#endif

/* 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2. */
V_FUNCTION vreal v_sigmoid(vreal x) {
    return v_fma(v_set((real)0.5), v_tanh(v_mul(v_set((real)0.5), x)), v_set((real)0.5));
}

/* The logistic function 1 / (1 + exp(-x)) and log(1 + exp(x)), with small relative errors at both ends, from t =
 * exp(-|x|):
 *
 *   log(1 + exp(x)) = max(x, 0) + log(1 + t),    log(1 + t) = 2 artanh(s), s = t / (2 + t)
 *   logistic = 1 / (1 + t), or t / (1 + t) for a negative x
 *
 * One division serves both quotients. NaN stays NaN. */
#ifdef AFFJORD_DOUBLE
V_FUNCTION vreal v_expm1_negative(vreal x, vreal *power) {
    *power = det_exp(x);
    return det_expm1(x);
}

V_FUNCTION vreal v_softplus(vreal x, vreal *logistic) {
    const vreal t = det_exp(-fabs(x));
    *logistic = (x < 0 ? t : 1) / (1 + t);
    return v_max(x, 0) + det_log1p(t);
}
#else
/* exp(-a) = power (1 + p) for a >= 0; returns p. a is limited to 87, where the result is still normal. With r = -a - k
 * log 2 in [-0.35, 0.35], p = r + r^2 (a polynomial of degree 4), fitted at Chebyshev's nodes. */
V_FUNCTION vreal v_exp_parts(vreal a, vreal *power) {
    const vreal shift = v_set(0x1.8p+23f + 127), clamped = v_min(v_set(87), a);
    const vreal shifted = v_fnma(clamped, v_set(0x1.715476p+0f), shift), k = v_sub(shifted, shift);
    vreal r = v_fnma(k, v_set(0x1.62e43p-1f), v_sub(v_set(0), clamped));
    r = v_fnma(k, v_set(-0x1.05c61p-29f), r);
    vreal p = v_fma(v_set(0x1.6d4366p-10f), r, v_set(0x1.120ba6p-7f));
    p = v_fma(p, r, v_set(0x1.5554e8p-5f));
    p = v_fma(p, r, v_set(0x1.5554dcp-3f));
    p = v_fma(p, r, v_set(0.5f));
    *power = v_power(shifted);
    return v_fma(v_mul(r, r), p, r);
}

/* exp(-a) for a >= 0 to 2 ulp. */
V_FUNCTION vreal v_exp_negative(vreal a) {
    vreal power;
    const vreal p = v_exp_parts(a, &power);
    return v_fma(p, power, power);
}

/* exp(x) - 1 and exp(x), for x <= 0. */
V_FUNCTION vreal v_expm1_negative(vreal x, vreal *exponential) {
    vreal power;
    const vreal p = v_exp_parts(v_abs(x), &power);
    *exponential = v_fma(p, power, power);
    return v_fma(p, power, v_sub(power, v_set(1)));
}

V_FUNCTION vreal v_softplus(vreal x, vreal *logistic) {
    const vreal t = v_exp_negative(v_abs(x));
    const vreal one = v_add(v_set(1), t), two = v_add(v_set(2), t);
    const vreal q = v_div(v_set(1), v_mul(one, two));
    /* The numerator is 1 for x >= the smallest normal number, and t for x <= 0; between them t is 1 anyway. */
    const vreal step = v_max(v_min(v_mul(x, v_set(0x1p+126f)), v_set(1)), v_set(0));
    *logistic = v_mul(v_mul(v_max(step, t), two), q);
    const vreal s = v_mul(v_mul(t, one), q), w = v_mul(s, s);
    vreal p = v_fma(v_set(0x1.dbef8ep-4f), w, v_set(0x1.bc7bep-4f));
    p = v_fma(p, w, v_set(0x1.24c9bep-3f));
    p = v_fma(p, w, v_set(0x1.9998d2p-3f));
    p = v_fma(p, w, v_set(0x1.555556p-2f));
    const vreal artanh = v_fma(v_mul(s, w), p, s);
    return v_fma(v_set(2), artanh, v_max(v_set(0), x));
}
#endif

/* x logistic(x) and its derivatives, with s the logistic function: s + y (1 - s), and s (1 - s) (2 + x (1 - 2 s)). */
V_FUNCTION vreal v_swish(vreal x, vreal *slope) {
    vreal s;
    v_softplus(x, &s);
    const vreal y = v_mul(x, s);
    *slope = v_fma(y, v_sub(v_set(1), s), s);
    return y;
}
V_FUNCTION vreal v_swish_slopes(vreal x, vreal *bend) {
    vreal s;
    v_softplus(x, &s);
    const vreal rest = v_sub(v_set(1), s);
    *bend = v_mul(v_mul(s, rest), v_fma(x, v_sub(rest, s), v_set(2)));
    return v_fma(v_mul(x, s), rest, s);
}

/* elu(x) = x, or exp(x) - 1 for x < 0, and its first two derivatives from the first: 1 and 0, or exp(x) for both. (If a
 * negative x is so small that its exponential rounds to 1, the second derivative is 0 too.) */
V_FUNCTION vreal v_elu(vreal x, vreal *slope) {
    return v_add(v_expm1_negative(v_min(v_set(0), x), slope), v_max(v_set(0), x));
}
V_FUNCTION vreal v_elu_bend(vreal slope) {
    return v_mul(slope, v_min(v_set(1), v_mul(v_sub(v_set(1), slope), v_set(0x1p+60f))));
}

#endif
