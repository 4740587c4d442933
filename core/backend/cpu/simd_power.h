/* simd_power.h - powers of two for the exponential function, for three instruction sets. */
#ifndef AFFJORD_BACKEND_CPU_SIMD_POWER_H
#define AFFJORD_BACKEND_CPU_SIMD_POWER_H

#include "backend/cpu/simd.h"

#ifndef AFFJORD_DOUBLE
/* Return 2^k from the float 3 2^22 + 127 + k, whose last nine bits are 127 + k, by shifting them into the exponent. */
static inline vreal v_power(vreal shifted) {
#if SIMD_LEVEL == 2
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(shifted), 23));
#elif SIMD_LEVEL == 1
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(shifted), 23));
#else
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits <<= 23;
    memcpy(&shifted, &bits, sizeof bits);
    return shifted;
#endif
}
#endif

#endif
