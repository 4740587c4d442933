/* bench_device.h - `./run bench device`: a device against the processor, bit by bit, then its speed. */
#ifndef AFFJORD_RUNNER_BENCH_DEVICE_H
#define AFFJORD_RUNNER_BENCH_DEVICE_H

#include "bench/bench.h"

/* Write a report in Markdown: what the device is, whether trainings on it are those of the processor, the same twice,
 * and the same side by side as alone; then how fast Figure 6's runs are, 1, 30 and 120 at once; and the same of images
 * (bench_images.h). Briefly: a few iterations of everything and no timing, for a tool under which all is slow; repeats do
 * not count. Returns the exit status: 1 where a
 * single bit differs, or without a device. */
int bench_device(const bench_options *options);

#endif
