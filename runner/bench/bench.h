/* bench.h - `./run bench`: timings of the parts that decide how long a training takes. */
#ifndef AFFJORD_RUNNER_BENCH_H
#define AFFJORD_RUNNER_BENCH_H

/* Run the benchmark named by arguments[0] ("toy" or "conv"), with options behind it, and print one line a case: name, median
 * seconds, minimum, repeats. Returns the exit status of ./run. */
int bench_run(int count, char **arguments);

#endif
