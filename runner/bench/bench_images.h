/* bench_images.h - the images in `./run bench device`. */
#ifndef AFFJORD_RUNNER_BENCH_IMAGES_H
#define AFFJORD_RUNNER_BENCH_IMAGES_H

#include "backend/device_table.h"
#include "base/parallel.h"

/* Write in Markdown whether trainings of images on device 0 equal the processor's up to the order of sums, and have
 * the same bits twice, with cuDNN's convolutions, if it is found, and with own kernels; then the speed of Table 1's
 * runs on MNIST. `brief`: a few tiny iterations without timing. *failures += failed comparisons. Errors: those of
 * the device, STATUS_MEMORY. */
status bench_images(const device_table *table, parallel *workers, bool brief, size_t *failures, error_info *err);

#endif
