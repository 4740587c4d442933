/* kernels_portable.c - the operations for level portable. */
#define SIMD_LEVEL 0
#define BACKEND_NAME "portable"
#define BACKEND_TABLE backend_portable

#include "backend/cpu/level.h"

extern const cpu_level_ops backend_portable;

#include "backend/cpu/kernels.inc"
