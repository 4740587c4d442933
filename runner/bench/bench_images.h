/* bench_images.h - the part of `./run bench device` that is about images. */
#ifndef AFFJORD_RUNNER_BENCH_IMAGES_H
#define AFFJORD_RUNNER_BENCH_IMAGES_H

#include "backend/device_table.h"
#include "base/parallel.h"

/* Write, in Markdown, whether trainings of images on device 0 are those of the processor but for the order of sums, and
 * have the same bits twice, by cuDNN's convolutions, where it is found, and by own kernels; then how fast Table 1's
 * runs on MNIST are. `brief` is a few tiny iterations and no timing. *failures += comparisons that do not hold. Errors:
 * those of the device, STATUS_MEMORY. */
status bench_images(const device_table *table, parallel *workers, bool brief, size_t *failures, error_info *err);

#endif
