/* bench_peak.h - what one core can do at most, to compare kernels with. */
#ifndef AFFJORD_RUNNER_BENCH_PEAK_H
#define AFFJORD_RUNNER_BENCH_PEAK_H

#include "backend/cpu/cpu.h"

/* Floating-point operations a second of independent fused multiply-adds in registers, each counted as two, by one
 * core with the vectors of a level; 0 where the processor or the build lacks it. Takes about 20 ms. */
double bench_peak(cpu_level level);

#endif
