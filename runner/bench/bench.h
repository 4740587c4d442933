/* bench.h - `./run bench`: timings of the parts that decide how long a training takes. */
#ifndef AFFJORD_RUNNER_BENCH_H
#define AFFJORD_RUNNER_BENCH_H

#include <stdbool.h>
#include <stddef.h>

enum { BENCH_REPEATS_MAX = 41 };

typedef struct bench_options {
    size_t repeats; /* 1 .. BENCH_REPEATS_MAX */
    bool brief; /* few cases, without a round that warms up: to see that it works */
} bench_options;

/* Run the benchmark that the words of a command line name, with their options. "toy" and "conv" print one line a case: name, median
 * seconds, minimum, repeats; "device" a report (bench_device.h). Returns the exit status of ./run. */
int bench_run(int count, char **arguments);

#endif
