/* bench_device.h - `./run bench device`: compare a device with the processor bit by bit, then time it. */
#ifndef AFFJORD_RUNNER_BENCH_DEVICE_H
#define AFFJORD_RUNNER_BENCH_DEVICE_H

#include "bench/bench.h"

/* Write a report in Markdown: a description of the device; whether its trainings equal the processor's, are the same
 * twice, and are the same side by side as alone; the speed of Figure 6's runs, 1, 30 and 120 at once; and the same
 * for images (bench_images.h). Briefly: a few iterations of everything without timing, for slow instruments; repeats
 * are ignored. Return the exit status: 1 if a bit differs, or without a device. */
int bench_device(const bench_options *options);

#endif
