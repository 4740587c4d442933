/* cuda_runtime.h - as much of CUDA as the library's sources use, on the CPU, for tests where there is no GPU.
 *
 * A block's threads are fibers that change places only where CUDA's would meet: the values that they exchange, the order
 * of their operations and what a missing barrier breaks are those of a device; its speed is not. Kernels are run when
 * they are launched, block after block. cuda_on_host.cpp says which environment variables make what fail. */
#ifndef AFFJORD_TESTS_CUDA_RUNTIME_H
#define AFFJORD_TESTS_CUDA_RUNTIME_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __shared__ static /* one block is run at a time */
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(threads)
#define SHARED_POOL(name) float *name = (float *)emulated_pool()

using std::isfinite;
using std::isnan;

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct alignas(16) float4 { /* one that isn't so aligned is a fault here too */
    float x, y, z, w;
};

/* Of the fiber that is running. */
extern dim3 threadIdx, blockIdx, blockDim, gridDim;

void *emulated_pool(void);

void __syncthreads(void);
int __syncthreads_or(int value);
void __syncwarp(void);
float __shfl_down_sync(unsigned mask, float value, unsigned delta, int width);

template <class to, class from> static inline to emulated_bits(from x) {
    to y;
    static_assert(sizeof x == sizeof y, "the same bits");
    memcpy(&y, &x, sizeof y);
    return y;
}
static inline unsigned __float_as_uint(float x) {
    return emulated_bits<unsigned>(x);
}
static inline float __uint_as_float(unsigned x) {
    return emulated_bits<float>(x);
}
static inline long long __double_as_longlong(double x) {
    return emulated_bits<long long>(x);
}
static inline double __longlong_as_double(long long x) {
    return emulated_bits<double>(x);
}

/* --- The runtime --- */

enum cudaError_t {
    cudaSuccess,
    cudaErrorInvalidValue,
    cudaErrorMemoryAllocation,
    cudaErrorInsufficientDriver,
    cudaErrorNoDevice,
    cudaErrorNoKernelImageForDevice,
    cudaErrorInvalidDeviceFunction,
    cudaErrorLaunchFailure
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum { cudaStreamNonBlocking = 1 };

struct emulated_stream;
typedef emulated_stream *cudaStream_t;

struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount;
    size_t sharedMemPerBlockOptin;
};

const char *cudaGetErrorString(cudaError_t code);
cudaError_t cudaGetLastError(void);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int device);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMemGetInfo(size_t *available, size_t *all);
cudaError_t cudaMalloc(void **out, size_t bytes);
cudaError_t cudaMallocHost(void **out, size_t bytes);
cudaError_t cudaFree(void *memory);
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaMemset(void *memory, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);

struct cudaFuncAttributes {};
cudaError_t emulated_kernel(); /* of the device chosen last: whether there is one */
template <class argument> cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *, void (*)(argument)) {
    return emulated_kernel();
}

/* Permission for more shared memory than 48 KB is not asked for here. */
template <class argument> cudaError_t cudaFuncSetAttribute(void (*)(argument), cudaFuncAttribute, int) {
    return cudaSuccess;
}

typedef void emulated_body(void *arguments);
cudaError_t emulated_launch(dim3 grid, dim3 block, size_t shared, emulated_body *body, void *arguments);

template <class argument> struct emulated_call {
    void (*kernel)(argument);
    const argument *given;
    static void body(void *self) {
        const emulated_call *call = (const emulated_call *)self;
        call->kernel(*call->given);
    }
};

template <class argument>
cudaError_t cudaLaunchKernel(void (*kernel)(argument), dim3 grid, dim3 block, void **arguments, size_t shared,
                             cudaStream_t) {
    emulated_call<argument> call = {kernel, (const argument *)arguments[0]};
    return emulated_launch(grid, block, shared, call.body, &call);
}

#endif
