/* cpu.h - the operations on a processor, for each level of vector instructions. */
#ifndef AFFJORD_BACKEND_CPU_CPU_H
#define AFFJORD_BACKEND_CPU_CPU_H

#include "base/export.h"

/* The version of the order of sums in the image kernels. It increases when the bits of a convolution or an activation
 * change, and is stored with every run: runs with equal numbers have equal bits; runs without one used a library's
 * convolutions. */
enum { CPU_CONVOLUTIONS = 1 };

AFFJORD_API_BEGIN

typedef struct backend_ops backend_ops; /* backend/backend.h, which is not installed */
/* A level of vector instructions, lowest first. */
typedef enum cpu_level { CPU_PORTABLE, CPU_AVX2, CPU_AVX512, CPU_LEVELS } cpu_level;

/* Return the best level that this build and this processor support. The environment variable AFFJORD_SIMD may lower it:
 * AFFJORD_SIMD=avx2 computes like an older processor. */
cpu_level cpu_level_best(void);

/* Return the level of this name; CPU_LEVELS if there is none. */
cpu_level cpu_level_named(const char *name);

/* Return its name: "portable", "avx2", "avx512". */
const char *cpu_level_name(cpu_level level);

/* Return the operations of a level; NULL if the build or the processor lacks it. All levels give the same bits. The
 * table is static. */
const backend_ops *cpu_backend(cpu_level level);

AFFJORD_API_END

#endif
