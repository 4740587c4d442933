/* fibers.h - shared by the files of the emulated device. */
#ifndef AFFJORD_TESTS_FIBERS_H
#define AFFJORD_TESTS_FIBERS_H

#include "cuda_runtime.h"

/* Return a number from the environment (cuda_on_host.cpp has the list). */
size_t emulated_setting(const char *name, size_t otherwise);

/* Run all blocks of a kernel, one after another. */
cudaError_t emulated_run(dim3 grid, dim3 block, size_t shared, const emulated_body &kernel);

#endif
