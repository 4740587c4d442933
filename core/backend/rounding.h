/* rounding.h - floats rounded to fewer bits of fraction, written once for every device.
 *
 * To the nearest, ties to the even one, as IEEE 754 rounds and as a GPU converts
 * to bf16. Both kinds have a float's exponents, so nothing is lost but bits: what
 * is too large becomes an infinity, as it does when a double becomes a float, and
 * numbers below the least normal one keep the bits that are left of it.
 *
 * The including file may say what a function is where that is not C's. */
#ifndef AFFJORD_BACKEND_ROUNDING_H
#define AFFJORD_BACKEND_ROUNDING_H

#include <stdint.h>
#include <string.h>

#include "backend/conv_method.h"

#ifndef ROUNDING_FUNCTION
#define ROUNDING_FUNCTION static inline
#endif

/* Of the 23 bits of a float's fraction, those that go. Not for MATH_FP32. */
static inline unsigned rounding_drops(conv_math math) {
    return math == MATH_TF32 ? 23 - 10 : 23 - 7;
}

/* x without its last `drops` bits, 1 .. 22 of them. A carry out of the fraction raises the exponent, which is the right
 * number. A NaN becomes a quiet one: its other bits may all be among those that go. */
ROUNDING_FUNCTION float rounding_nearest(unsigned drops, float x) {
    const uint32_t infinity = 0x7f800000, quiet = 0x00400000;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t even = bits >> drops & 1, below_half = (1u << (drops - 1)) - 1, kept = ~((1u << drops) - 1);
    const uint32_t rounded = bits + below_half + even;
    const uint32_t result = ((bits & ~0x80000000u) > infinity ? bits | quiet : rounded) & kept;
    memcpy(&x, &result, sizeof x);
    return x;
}

#endif
