/* bench_peak.c - twelve independent chains of fused multiply-adds, more than any core's latency needs. */
#include "bench/bench_peak.h"

#include "system/clock.h"

enum { CHAINS = 12, ROUNDS = 200000, TRIES = 5 };

/* Returned to keep the compiler from removing the loop; it converges to 1. A pragma unrolls it, because GCC 14 refuses
 * AVX-512 intrinsics in a function with the attribute "optimize". */
#define PEAK_LOOP(vector, set, fma, lanes)                                                                             \
    vector x[CHAINS];                                                                                                  \
    const vector a = set(0.5f), b = set(0.5f);                                                                         \
    for (int i = 0; i < CHAINS; i++) x[i] = set((float)i);                                                             \
    for (int round = 0; round < ROUNDS; round++)                                                                       \
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) x[i] = fma(x[i], a, b);                              \
    float sum = 0;                                                                                                     \
    for (int i = 0; i < CHAINS; i++)                                                                                   \
        for (int lane = 0; lane < (lanes); lane++) sum += ((const float *)&x[i])[lane];                                \
    return sum;

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static float peak_avx2(void) {
    PEAK_LOOP(__m256, _mm256_set1_ps, _mm256_fmadd_ps, 8)
}
__attribute__((target("avx512f"))) static float peak_avx512(void) {
    PEAK_LOOP(__m512, _mm512_set1_ps, _mm512_fmadd_ps, 16)
}
#endif

double bench_peak(cpu_level level) {
    float (*loop)(void) = NULL;
    double lanes = 0, best = 0;
#if defined(__x86_64__)
    if (level == CPU_AVX2 && __builtin_cpu_supports("fma")) loop = peak_avx2, lanes = 8;
    if (level == CPU_AVX512 && __builtin_cpu_supports("avx512f")) loop = peak_avx512, lanes = 16;
#endif
    if (!loop) return 0;
    for (int attempt = 0; attempt < TRIES; attempt++) {
        const double start = clock_seconds();
        const volatile float kept = loop();
        (void)kept;
        const double rate = 2.0 * CHAINS * ROUNDS * lanes / (clock_seconds() - start);
        if (rate > best) best = rate;
    }
    return best;
}
