/* bench_peak.h - the peak speed of one core, to compare kernels with. */
#ifndef AFFJORD_RUNNER_BENCH_PEAK_H
#define AFFJORD_RUNNER_BENCH_PEAK_H

#include "backend/cpu/cpu.h"

/* Measure floating-point operations per second of independent fused multiply-adds in registers, each counted as two,
 * on one core with the vectors of a level; 0 if the processor or the build lacks it. Takes about 20 ms. */
double bench_peak(cpu_level level);

#endif
