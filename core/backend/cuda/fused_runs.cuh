/* fused_runs.cuh - runs that train side by side on a device: the functions toy_* of the library's table. */
#ifndef AFFJORD_BACKEND_CUDA_FUSED_RUNS_CUH
#define AFFJORD_BACKEND_CUDA_FUSED_RUNS_CUH

#include <cuda_runtime.h>

#include "backend/device_table.h"

/* Select the device. Errors: STATUS_INVALID if no code was compiled for it. */
status fused_runs_supports(int device, const cudaDeviceProp *about, error_info *err);

status fused_runs_create(int device, const fused_kernel_spec *spec, size_t runs, size_t block, fused_runs **out,
                         error_info *err);
void fused_runs_destroy(fused_runs **group);
size_t fused_runs_bytes(const fused_kernel_spec *spec, size_t block);
status fused_runs_path(fused_runs *group, const float *path, error_info *err);
status fused_runs_put(fused_runs *group, size_t run, const float *params, const float *first, const float *second,
                      error_info *err);
status fused_runs_get(fused_runs *group, size_t run, float *params, float *first, float *second, error_info *err);
status fused_runs_set_holdout(fused_runs *group, size_t run, size_t which, const float *x, error_info *err);
float *fused_runs_batches(fused_runs *group, size_t place, size_t run);
status fused_runs_begin(fused_runs *group, size_t place, const run_launch *launches, const toy_adam *adam,
                        error_info *err);
status fused_runs_end(fused_runs *group, run_launch *launches, double *losses, error_info *err);
status fused_runs_measured(fused_runs *group, size_t run, size_t which, double *log_density, error_info *err);

#endif
