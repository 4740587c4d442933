/* simd.h - one vector type for three instruction sets.
 *
 * A kernel is written once for vreal, a vector of VL reals, and compiled for each level. It offers only operations that
 * IEEE 754 defines exactly, so a kernel with independent lanes gives the same bits on all levels. SIMD_LEVEL is 0
 * portable, 1 AVX2 with FMA, 2 AVX-512. */
#ifndef AFFJORD_BACKEND_CPU_SIMD_H
#define AFFJORD_BACKEND_CPU_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "backend/backend.h"

#if SIMD_LEVEL == 2
#include <immintrin.h>
typedef __m512 vreal;
enum { VL = 16 };
static inline vreal v_set(real x) {
    return _mm512_set1_ps(x);
}
static inline vreal v_load(const real *p) {
    return _mm512_loadu_ps(p);
}
static inline void v_store(real *p, vreal x) {
    _mm512_storeu_ps(p, x);
}
/* Load the first n entries, followed by zeros, without reading memory beyond them. */
static inline vreal v_load_first(const real *p, size_t n) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
static inline void v_store_first(real *p, size_t n, vreal x) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}
static inline vreal v_add(vreal a, vreal b) {
    return _mm512_add_ps(a, b);
}
static inline vreal v_sub(vreal a, vreal b) {
    return _mm512_sub_ps(a, b);
}
static inline vreal v_mul(vreal a, vreal b) {
    return _mm512_mul_ps(a, b);
}
static inline vreal v_div(vreal a, vreal b) {
    return _mm512_div_ps(a, b);
}
static inline vreal v_sqrt(vreal a) {
    return _mm512_sqrt_ps(a);
}
/* a b + c and c - a b, rounded once. */
static inline vreal v_fma(vreal a, vreal b, vreal c) {
    return _mm512_fmadd_ps(a, b, c);
}
static inline vreal v_fnma(vreal a, vreal b, vreal c) {
    return _mm512_fnmadd_ps(a, b, c);
}
/* Return a < b ? a : b and a > b ? a : b, which is b if either is NaN. */
static inline vreal v_min(vreal a, vreal b) {
    return _mm512_min_ps(a, b);
}
static inline vreal v_max(vreal a, vreal b) {
    return _mm512_max_ps(a, b);
}
/* Return |a|, and |a| with the sign of b for a >= 0. */
static inline vreal v_abs(vreal a) {
    return _mm512_abs_ps(a);
}
static inline vreal v_signed(vreal a, vreal b) {
    return _mm512_or_ps(a, _mm512_and_ps(b, _mm512_set1_ps(-0.0f)));
}
/* Three bits of a float, the last two of its exponent and the first of its fraction, as an index into a table of
 * eight. */
typedef __m512i vsegment;
static inline vsegment v_segment(vreal a) {
    return _mm512_srli_epi32(_mm512_castps_si512(a), 22);
}
static inline vreal v_lookup(const real table[8], vsegment i) {
    return _mm512_permutexvar_ps(i, _mm512_broadcast_f32x8(_mm256_loadu_ps(table)));
}
#elif SIMD_LEVEL == 1
#include <immintrin.h>
typedef __m256 vreal;
enum { VL = 8 };
static inline vreal v_set(real x) {
    return _mm256_set1_ps(x);
}
static inline vreal v_load(const real *p) {
    return _mm256_loadu_ps(p);
}
static inline void v_store(real *p, vreal x) {
    _mm256_storeu_ps(p, x);
}
static inline __m256i v_first(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vreal v_load_first(const real *p, size_t n) {
    return _mm256_maskload_ps(p, v_first(n));
}
static inline void v_store_first(real *p, size_t n, vreal x) {
    _mm256_maskstore_ps(p, v_first(n), x);
}
static inline vreal v_add(vreal a, vreal b) {
    return _mm256_add_ps(a, b);
}
static inline vreal v_sub(vreal a, vreal b) {
    return _mm256_sub_ps(a, b);
}
static inline vreal v_mul(vreal a, vreal b) {
    return _mm256_mul_ps(a, b);
}
static inline vreal v_div(vreal a, vreal b) {
    return _mm256_div_ps(a, b);
}
static inline vreal v_sqrt(vreal a) {
    return _mm256_sqrt_ps(a);
}
static inline vreal v_fma(vreal a, vreal b, vreal c) {
    return _mm256_fmadd_ps(a, b, c);
}
static inline vreal v_fnma(vreal a, vreal b, vreal c) {
    return _mm256_fnmadd_ps(a, b, c);
}
static inline vreal v_min(vreal a, vreal b) {
    return _mm256_min_ps(a, b);
}
static inline vreal v_max(vreal a, vreal b) {
    return _mm256_max_ps(a, b);
}
static inline vreal v_abs(vreal a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static inline vreal v_signed(vreal a, vreal b) {
    return _mm256_or_ps(a, _mm256_and_ps(b, _mm256_set1_ps(-0.0f)));
}
typedef __m256i vsegment;
static inline vsegment v_segment(vreal a) {
    return _mm256_srli_epi32(_mm256_castps_si256(a), 22);
}
/* The table is in a register: on AMD's Zen 3 the permute takes 2 cycles with a table in memory, 1.3 without. */
static inline vreal v_lookup(const real table[8], vsegment i) {
    vreal entries;
    __asm__("vpermps %2, %1, %0" : "=x"(entries) : "x"(i), "x"(_mm256_loadu_ps(table)));
    return entries;
}
#else
typedef real vreal;
enum { VL = 1 };
static inline vreal v_set(real x) {
    return x;
}
static inline vreal v_load(const real *p) {
    return *p;
}
static inline void v_store(real *p, vreal x) {
    *p = x;
}
static inline vreal v_load_first(const real *p, size_t n) {
    return n > 0 ? *p : 0;
}
static inline void v_store_first(real *p, size_t n, vreal x) {
    if (n > 0) *p = x;
}
static inline vreal v_add(vreal a, vreal b) {
    return a + b;
}
static inline vreal v_sub(vreal a, vreal b) {
    return a - b;
}
static inline vreal v_mul(vreal a, vreal b) {
    return a * b;
}
static inline vreal v_div(vreal a, vreal b) {
    return a / b;
}
static inline vreal v_min(vreal a, vreal b) {
    return a < b ? a : b;
}
static inline vreal v_max(vreal a, vreal b) {
    return a > b ? a : b;
}
#ifdef AFFJORD_DOUBLE
static inline vreal v_sqrt(vreal a) {
    return sqrt(a);
}
static inline vreal v_fma(vreal a, vreal b, vreal c) {
    return fma(a, b, c);
}
static inline vreal v_fnma(vreal a, vreal b, vreal c) {
    return fma(-a, b, c);
}
#else
static inline vreal v_abs(vreal a) {
    return fabsf(a);
}
static inline vreal v_signed(vreal a, vreal b) {
    return copysignf(a, b);
}
typedef uint32_t vsegment;
static inline vsegment v_segment(vreal a) {
    uint32_t bits;
    memcpy(&bits, &a, sizeof bits);
    return bits >> 22 & 7;
}
static inline vreal v_lookup(const real table[8], vsegment i) {
    return table[i];
}
static inline vreal v_sqrt(vreal a) {
    return sqrtf(a);
}
static inline vreal v_fma(vreal a, vreal b, vreal c) {
    return fmaf(a, b, c);
}
static inline vreal v_fnma(vreal a, vreal b, vreal c) {
    return fmaf(-a, b, c);
}
#endif
#endif

/* Scalar versions, for the ends of arrays. */
#ifdef AFFJORD_DOUBLE
static inline real fused(real a, real b, real c) {
    return fma(a, b, c);
}
static inline real root(real a) {
    return sqrt(a);
}
#else
static inline real fused(real a, real b, real c) {
    return fmaf(a, b, c);
}
static inline real root(real a) {
    return sqrtf(a);
}
#endif

/* Vectors that hold the PARTIAL_SUMS partial sums. */
enum { PARTIAL_VECTORS = PARTIAL_SUMS / VL };

#endif
