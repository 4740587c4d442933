/* bench_sort.h - the order of measured times. */
#ifndef AFFJORD_RUNNER_BENCH_SORT_H
#define AFFJORD_RUNNER_BENCH_SORT_H

#include <stddef.h>

/* Sort times in place, ascending. */
void bench_sort(double *seconds, size_t count);

#endif
