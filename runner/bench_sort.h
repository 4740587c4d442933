/* bench_time.h - the clock of the benchmarks, and the order of what it gave. */
#ifndef AFFJORD_RUNNER_BENCH_TIME_H
#define AFFJORD_RUNNER_BENCH_TIME_H

#include <stddef.h>

/* Seconds of a clock that only goes forward. */
double bench_now(void);

/* Sort times in place, the shortest first. */
void bench_sort(double *seconds, size_t count);

#endif
