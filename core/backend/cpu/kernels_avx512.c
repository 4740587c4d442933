/* kernels_avx512.c - the operations for level avx512. */
#define SIMD_LEVEL 2
#define BACKEND_NAME "avx512"
#define BACKEND_TABLE backend_avx512

#include "backend/cpu/level.h"

extern const cpu_level_ops backend_avx512;

#include "backend/cpu/kernels.inc"
