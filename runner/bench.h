/* bench.h - `./run bench`: timings of the parts that decide how long a training takes. */
#ifndef AFFJORD_RUNNER_BENCH_H
#define AFFJORD_RUNNER_BENCH_H

#include "backend/cpu/cpu.h"
#include "train/point_objective.h"

/* Figure 6's training step, without a seed, and with a validation batch of one point. */
point_objective_spec bench_toy_spec(cnf_context context, cpu_level level);

/* Run the benchmark named by arguments[0], with options behind it. "toy" and "conv" print one line a case: name, median
 * seconds, minimum, repeats; "device" a report (bench_device.h). Returns the exit status of ./run. */
int bench_run(int count, char **arguments);

#endif
