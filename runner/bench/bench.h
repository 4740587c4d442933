/* bench.h - options of the benchmarks. */
#ifndef AFFJORD_RUNNER_BENCH_H
#define AFFJORD_RUNNER_BENCH_H

#include <stdbool.h>
#include <stddef.h>

enum { BENCH_REPEATS_MAX = 41 };

typedef struct bench_options {
    size_t repeats; /* 1 .. BENCH_REPEATS_MAX */
    bool brief; /* few cases without warm-up, to check that it works */
} bench_options;

#endif
