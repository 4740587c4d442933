/* cpu.h - the operations on a processor, for each level of its vector instructions. */
#ifndef AFFJORD_BACKEND_CPU_CPU_H
#define AFFJORD_BACKEND_CPU_CPU_H

#include "backend/backend.h"
#include "base/export.h"

/* The order of sums of the image kernels. It counts up whenever the bits of a convolution or of an activation change, and
 * is kept with every run: runs with the same number have the same bits, runs without one had a library's convolutions. */
enum { CPU_CONVOLUTIONS = 1 };

AFFJORD_API_BEGIN

typedef enum cpu_level { CPU_PORTABLE, CPU_AVX2, CPU_AVX512, CPU_LEVELS } cpu_level;

/* The best level that both this build and this processor have, and that the environment variable AFFJORD_SIMD, if it is
 * the name of a level, does not forbid: "AFFJORD_SIMD=avx2" computes on a newer processor as an older one does. */
cpu_level cpu_level_best(void);

/* The level of a name; CPU_LEVELS if there is none of that name. */
cpu_level cpu_level_named(const char *name);

/* Its name: "portable", "avx2", "avx512". */
const char *cpu_level_name(cpu_level level);

/* The operations of a level, or NULL if the build or the processor lacks it. All levels give the same bits. */
const backend_ops *cpu_backend(cpu_level level);

AFFJORD_API_END

#endif
