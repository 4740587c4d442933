/* cpu.c - detect the vector instructions and return the operations that use them. */
#include "backend/cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "backend/cpu/level.h"

extern const cpu_level_ops backend_portable;

/* The double build tests gradients and has no vector kernels. */
#if defined(__x86_64__) && !defined(AFFJORD_DOUBLE)
#define HAVE_X86_LEVELS
extern const cpu_level_ops backend_avx2, backend_avx512;
#endif

const backend_ops *cpu_backend(cpu_level level) {
    switch (level) {
    case CPU_PORTABLE: return &backend_portable.table;
#ifdef HAVE_X86_LEVELS
    case CPU_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &backend_avx2.table : NULL;
    case CPU_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512dq")
                   ? &backend_avx512.table
                   : NULL;
#endif
    default: return NULL;
    }
}

const char *cpu_level_name(cpu_level level) {
    static const char *const names[CPU_LEVELS] = {"portable", "avx2", "avx512"};
    return level < CPU_LEVELS ? names[level] : "unknown";
}

cpu_level cpu_level_named(const char *name) {
    cpu_level level = CPU_PORTABLE;
    while (level < CPU_LEVELS && strcmp(cpu_level_name(level), name) != 0) level++;
    return level;
}

cpu_level cpu_level_best(void) {
    const char *wanted = getenv("AFFJORD_SIMD");
    const cpu_level most = wanted ? cpu_level_named(wanted) : CPU_LEVELS;
    cpu_level best = CPU_PORTABLE;
    for (cpu_level level = CPU_PORTABLE; level < CPU_LEVELS && level <= most; level++)
        if (cpu_backend(level)) best = level;
    return best;
}
