/* fleet.cuh - runs that train side by side on a device: the functions toy_* of the library's table. */
#ifndef AFFJORD_BACKEND_CUDA_FLEET_CUH
#define AFFJORD_BACKEND_CUDA_FLEET_CUH

#include <cuda_runtime.h>

#include "backend/device_table.h"

/* Select the device. Errors: STATUS_INVALID if no code was compiled for it. */
status fleet_supports(int device, const cudaDeviceProp *about, failure *why);

status fleet_create(int device, const toy_program *program, size_t runs, size_t block, toy_fleet **out, failure *why);
void fleet_destroy(toy_fleet **fleet);
size_t fleet_bytes(const toy_program *program, size_t block);
status fleet_path(toy_fleet *fleet, const float *path, failure *why);
status fleet_put(toy_fleet *fleet, size_t run, const float *params, const float *first, const float *second,
                 failure *why);
status fleet_get(toy_fleet *fleet, size_t run, float *params, float *first, float *second, failure *why);
status fleet_hold(toy_fleet *fleet, size_t run, size_t which, const float *x, failure *why);
float *fleet_batches(toy_fleet *fleet, size_t place, size_t run);
status fleet_begin(toy_fleet *fleet, size_t place, const toy_order *orders, const toy_adam *adam, failure *why);
status fleet_end(toy_fleet *fleet, toy_order *orders, double *losses, failure *why);
status fleet_measured(toy_fleet *fleet, size_t run, size_t which, double *log_density, failure *why);

#endif
