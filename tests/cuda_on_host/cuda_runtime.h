/* cuda_runtime.h - the part of CUDA that the library uses, emulated on the CPU, for tests without a GPU.
 *
 * A block's threads are fibers that switch only where CUDA's threads synchronise. Exchanged values, the order of
 * operations and the effect of a missing barrier are those of a device; the speed is not. Kernels run when they are
 * launched, one block after another. cuda_on_host.cpp lists the environment variables that cause failures. */
#ifndef AFFJORD_TESTS_CUDA_RUNTIME_H
#define AFFJORD_TESTS_CUDA_RUNTIME_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <functional>

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

struct alignas(16) float4 { /* misaligned accesses fault here too */
    float x, y, z, w;
};

/* Indices of the running fiber. */
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
    cudaErrorLaunchFailure,
    cudaErrorNotSupported,
    cudaErrorStreamCaptureUnsupported,
    cudaErrorStreamCaptureInvalidated
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum { cudaStreamNonBlocking = 1 };

struct emulated_graph;
struct emulated_node;
struct emulated_executable;
typedef std::function<cudaError_t()> emulated_work;

/* While a stream is captured, work is added to the graph instead of being executed. */
struct emulated_stream {
    emulated_graph *graph; /* NULL: it isn't captured */
    bool broken; /* the capture */
    void (*add)(emulated_stream *stream, const emulated_work &work); /* for libraries */
};
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

/* --- Graphs --- */

typedef emulated_graph *cudaGraph_t;
typedef emulated_node *cudaGraphNode_t;
typedef emulated_executable *cudaGraphExec_t;
typedef unsigned long long cudaGraphConditionalHandle;
struct cudaGraphEdgeData;
enum cudaStreamCaptureMode { cudaStreamCaptureModeRelaxed };
enum { cudaGraphCondAssignDefault = 1 };
enum cudaGraphNodeType { cudaGraphNodeTypeConditional = 13 };
enum cudaGraphConditionalNodeType { cudaGraphCondTypeWhile = 1 };
struct cudaGraphNodeParams {
    cudaGraphNodeType type;
    struct {
        cudaGraphConditionalHandle handle;
        cudaGraphConditionalNodeType type;
        unsigned size;
        cudaGraph_t *phGraph_out;
    } conditional;
};

cudaError_t cudaGraphCreate(cudaGraph_t *graph, unsigned flags);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphConditionalHandleCreate(cudaGraphConditionalHandle *handle, cudaGraph_t graph, unsigned otherwise,
                                             unsigned flags);
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count);
cudaError_t cudaGraphAddNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *after,
                             const cudaGraphEdgeData *edges, size_t count, cudaGraphNodeParams *about);
cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t stream, cudaGraph_t graph, const cudaGraphNode_t *after,
                                          const cudaGraphEdgeData *edges, size_t count, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph);
void cudaGraphSetConditional(cudaGraphConditionalHandle handle, unsigned value); /* of device code */

struct cudaFuncAttributes {};
cudaError_t emulated_kernel(); /* whether the current device has a kernel */
template <class argument> cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *, void (*)(argument)) {
    return emulated_kernel();
}

/* The attribute for more than 48 KB of shared memory is ignored here. */
template <class argument> cudaError_t cudaFuncSetAttribute(void (*)(argument), cudaFuncAttribute, int) {
    return cudaSuccess;
}

/* A kernel with its argument, which are called in each thread. */
typedef std::function<void()> emulated_body;
cudaError_t emulated_launch(dim3 grid, dim3 block, size_t shared, const emulated_body &body, cudaStream_t stream);

template <class argument>
cudaError_t cudaLaunchKernel(void (*kernel)(argument), dim3 grid, dim3 block, void **arguments, size_t shared,
                             cudaStream_t stream) {
    const argument given = *(const argument *)arguments[0];
    return emulated_launch(
        grid, block, shared, [kernel, given]() { kernel(given); }, stream);
}

#endif
