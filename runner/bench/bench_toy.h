/* bench_toy.h - `./run bench toy`: time a training step of the toy experiments. */
#ifndef AFFJORD_RUNNER_BENCH_TOY_H
#define AFFJORD_RUNNER_BENCH_TOY_H

#include "backend/cpu/cpu.h"
#include "bench/bench.h"
#include "train/objective.h"

/* Figure 6's training step, without a seed, and with a validation batch of one point. */
objective_spec bench_toy_spec(cnf_context context, cpu_level level);

/* Time it for FFJORD and AFFJORD with the processor's vectors, on one and two threads; print one line per case.
 * Briefly: with the widest vectors, on one thread. Return the exit status of ./run. */
int bench_toy(const bench_options *options);

#endif
