/* bench_conv.h - `./run bench conv`: time the image models' field and bare convolutions. */
#ifndef AFFJORD_RUNNER_BENCH_CONV_H
#define AFFJORD_RUNNER_BENCH_CONV_H

#include "bench/bench.h"

/* Time the field's forward pass with J e, and its backward pass, for 50 images of 28 x 28 with 1, 2 and 4 channels
 * and hidden channels 64, 64, 64, on one and two threads, alternating with the bare convolutions of each; print one
 * line per case. Briefly: one channel, one thread. Return the exit status of ./run. */
int bench_conv(const bench_options *options);

#endif
