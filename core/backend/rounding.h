/* rounding.h - round floats to fewer bits of fraction, written once for every device.
 *
 * Rounds to nearest, ties to even, as in IEEE 754 and in a GPU's conversion to bf16. Both formats have a float's
 * exponents, so only bits of the fraction are lost: numbers that are too large become infinite, and subnormal numbers
 * keep their remaining bits.
 *
 * The including file may define the qualifiers of the function. */
#ifndef AFFJORD_BACKEND_ROUNDING_H
#define AFFJORD_BACKEND_ROUNDING_H

#include <stdint.h>
#include <string.h>

#include "backend/conv_method.h"

#ifndef ROUNDING_FUNCTION
#define ROUNDING_FUNCTION static inline
#endif

/* Return the number of dropped bits of a float's 23 bits of fraction. Not for MATH_FP32. */
static inline unsigned rounding_drops(conv_math math) {
    return math == MATH_TF32 ? 23 - 10 : 23 - 7;
}

/* Round x to a fraction without its last `drops` bits, 1 .. 22. A carry out of the fraction correctly increments the
 * exponent. A NaN becomes quiet, because its payload may be among the dropped bits. */
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
