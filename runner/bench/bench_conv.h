/* bench_conv.h - `./run bench conv`: how near the image models' field comes to bare convolutions. */
#ifndef AFFJORD_RUNNER_BENCH_CONV_H
#define AFFJORD_RUNNER_BENCH_CONV_H

#include "bench/bench.h"

/* Time the field's value with J e, and the reverse of both, for 50 images of 28 x 28 with 1, 2 and 4 channels and
 * hidden channels 64, 64, 64, on one and two threads, each beside the bare convolutions that it consists of,
 * in turns; print one line a case. Briefly: one channel, one thread. Returns the exit status of ./run. */
int bench_conv(const bench_options *options);

#endif
