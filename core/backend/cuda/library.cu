/* library.cu - the table of the library, and the list of devices. */
#include <stdio.h>
#include <string.h>

#include "backend/cuda/errors.cuh"
#include "backend/cuda/fused_runs.cuh"
#include "backend/cuda/images.cuh"
#include "backend/cuda/images_blas.cuh"

static void write_version(int version, char *text, size_t size) {
    snprintf(text, size, "%d.%d", version / 1000, version % 1000 / 10);
}

static status count_devices(int *count, error_info *err) {
    int found = 0, driver = 0, runtime = 0;
    const cudaError_t code = cudaGetDeviceCount(&found);
    if (code == cudaSuccess && found > 0) {
        *count = found;
        return STATUS_OK;
    }
    cudaGetLastError();
    char has[16], needs[16];
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    write_version(driver, has, sizeof has);
    write_version(runtime, needs, sizeof needs);
    if (driver == 0)
        return error_set(err, STATUS_IO, "CUDA: no NVIDIA driver is installed (libcuda.so.1 was not found)");
    if (code == cudaErrorInsufficientDriver)
        return error_set(err, STATUS_IO,
                         "CUDA: the driver is too old: it runs programs for CUDA %s, this one is for %s", has, needs);
    if (code == cudaErrorNoDevice || code == cudaSuccess) return error_set(err, STATUS_IO, "CUDA: no device found");
    return cuda_outcome(code, "looking for devices", err);
}

static status describe_device(int device, device_about *out, error_info *err) {
    int count, driver = 0;
    cudaDeviceProp about;
    TRY(count_devices(&count, err));
    if (device < 0 || device >= count)
        return error_set(err, STATUS_INVALID, "CUDA device %d: not found; expected 0%s", device,
                         count > 1 ? " or one of the others that ./run list devices shows" : ", the only one");
    TRY_CUDA(cudaGetDeviceProperties(&about, device), "asking for a device's properties", err);
    *out = device_about{};
    snprintf(out->name, sizeof out->name, "%s", about.name);
    TRY_CUDA(cudaDriverGetVersion(&driver), "asking for the driver's version", err);
    write_version(driver, out->driver, sizeof out->driver);
    out->major = about.major;
    out->minor = about.minor;
    out->processors = about.multiProcessorCount;
    out->shared = about.sharedMemPerBlockOptin;
    TRY(fused_runs_supports(device, &about, err));
    return cuda_outcome(cudaMemGetInfo(&out->available, &out->memory), "asking for a device's memory", err);
}

static const device_table table = {
    DEVICE_TABLE_VERSION,   AFFJORD_CUDA_ARCHITECTURES,
    count_devices,          describe_device,
    fused_runs_create,      fused_runs_destroy,
    fused_runs_bytes,       fused_runs_path,
    fused_runs_put,         fused_runs_get,
    fused_runs_set_holdout, fused_runs_batches,
    fused_runs_begin,       fused_runs_end,
    fused_runs_measured,    images_open,
    images_state,           images_library,
    images_products,        images_graphs,
    images_recall,          images_plans,
    images_needed,          images_close,
};

extern "C" __attribute__((visibility("default"))) device_table_function affjord_device_table;
extern "C" const device_table *affjord_device_table(void) {
    return &table;
}
