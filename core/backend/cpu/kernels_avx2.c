/* kernels_avx2.c - the operations for level avx2. */
#define SIMD_LEVEL 1
#define BACKEND_NAME "avx2"
#define BACKEND_TABLE backend_avx2

#include "backend/cpu/level.h"

extern const cpu_level_ops backend_avx2;

#include "backend/cpu/kernels.inc"
