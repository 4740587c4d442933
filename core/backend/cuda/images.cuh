/* images.cuh - declarations that the operations of backend.h on a device share.
 *
 * Everything runs on one stream, in the order of the calls. Nearly every operation is one of two kinds:
 *
 *   images_each   one(i) for every i < n, one thread for each: the CPU's
 *                 arithmetic number by number, with its bits
 *   images_sum    sums over the terms of each row, in double, one block for each:
 *                 REDUCE_THREADS partial sums, thread t adds terms t, t + REDUCE_THREADS, ... in
 *                 order, then pairwise reduction
 *
 * No sum uses atomics, so results are the same in every run. The CPU adds some sums over a batch in one chain; here
 * they are trees, which differ from the CPU's in the last bits. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_CUH

#include <cuda_runtime.h>

#include "backend/backend.h"
#include "backend/cuda/errors.cuh"
#include "backend/cuda/images_plans.cuh"

enum {
    BLOCK_THREADS = 256, /* threads of a block for images_each */
    REDUCE_THREADS = 128, /* threads and partial sums of a row */
    WARP_THREADS = 32, /* of a block with one task */
    TERMS_MAX = 16, /* of a sum of vectors */
    PIECES_MAX = 64, /* of a long sum, each a row */
    NORM_PARTS_MAX = 6, /* of a state whose error is measured */
    SUMS_MAX = (2 + NORM_PARTS_MAX) * PIECES_MAX, /* sums of one operation, at most */
    PARTIAL_MAX = 1 << 16, /* partial sums of a bias */
    ARGUMENTS_MAX = 4096 /* bytes of a kernel's argument */
};

/* The action of a launch: run the kernel, or, in images_graphs.cu, record the step's launches or capture them into a
 * graph. */
typedef enum launch_mode { LAUNCH_RUN, LAUNCH_RECORD, LAUNCH_CAPTURE } launch_mode;

/* A device with its stream and workspaces. */
typedef struct cuda_backend {
    backend_ops table; /* first: operations get it as `self` */
    int device;
    cudaStream_t stream;
    float *partial; /* (PARTIAL_MAX) on the device */
    double *sums; /* (SUMS_MAX) on the device */
    double *sums_host; /* (SUMS_MAX), a copy in page-locked host memory */
    struct cudnn *library; /* cuDNN, or NULL if not found (images_cudnn.cu) */
    error_info remark; /* why not; otherwise its version */
    struct cublas *blas; /* cuBLAS, or NULL before its first use and if it cannot be used (images_blas.cu) */
    error_info blas_remark; /* why not; otherwise its version; "" before its first use */
    unsigned products, products_own; /* operations that suit cuBLAS so far, and those by own kernels, */
    unsigned products_began_own; /* of these, because the run began with own kernels */
    struct graphs *graphs; /* recorded steps (images_graphs.cu) */
    enum launch_mode launch_mode;
    uint64_t numbered; /* cuDNN convolutions so far, to give each a unique number */
    unsigned convolutions, own; /* all convolutions so far, and those by own kernels, */
    unsigned began_own; /* of these, because the run began with own kernels */
    plan_cache plans; /* of the convolutions, and of products that suit cuBLAS */
    size_t available; /* bytes of device memory that were free when it was opened */
    size_t needed; /* bytes that were asked for, at most, when memory was short; 0: never */
    status outcome; /* the first error since opening; later operations do nothing useful */
    error_info err;
} cuda_backend;

static inline cuda_backend *images_device(const backend_ops *self) {
    return (cuda_backend *)self;
}

/* Record the launch of a kernel, identified by `what`, while a step is recorded or captured; and note why a step cannot
 * be repeated. */
void images_record_launch(const backend_ops *self, const void *what, size_t blocks, size_t threads,
                          const void *argument, size_t bytes);
void images_not_repeated(const backend_ops *self, const error_info *err);

/* Record the first error; return whether there was none so far. */
static inline bool images_note(const backend_ops *self, cudaError_t code, const char *tried) {
    cuda_backend *device = images_device(self);
    error_info err;
    if (code != cudaSuccess) {
        const status outcome = cuda_outcome(code, tried, &err);
        if (device->launch_mode != LAUNCH_RUN) images_not_repeated(self, &err);
        else if (device->outcome == STATUS_OK) device->outcome = outcome, device->err = err;
    }
    return device->outcome == STATUS_OK;
}

/* Record an error of a CUDA library, or of a rule of this file, with this message. */
static inline void images_fail(const backend_ops *self, const char *tried, const char *message) {
    cuda_backend *device = images_device(self);
    error_info err;
    error_describe(&err, "%s: %s", tried, message);
    if (device->launch_mode != LAUNCH_RUN) images_not_repeated(self, &err);
    else if (device->outcome == STATUS_OK) device->outcome = STATUS_IO, device->err = err;
}

/* Zero the padding bytes of a structure that is compared as a whole. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define CLEAR_PADDING(structure) __builtin_clear_padding(structure)
#endif
#endif
#ifndef CLEAR_PADDING
#define CLEAR_PADDING(structure) (void)(structure) /* at worst, a step is recorded more than once */
#endif

/* Launch one kernel with one structure as its argument. */
template <class job>
static inline void images_launch(const backend_ops *self, void (*kernel)(job), size_t blocks, unsigned threads,
                                 const job &given) {
    static_assert(sizeof(job) <= ARGUMENTS_MAX, "what a launch can carry");
    job sent = given;
    void *arguments[] = {&sent};
    if (blocks == 0) return;
    if (images_device(self)->launch_mode == LAUNCH_RECORD) {
        CLEAR_PADDING(&sent);
        images_record_launch(self, (const void *)kernel, blocks, threads, &sent, sizeof sent);
        return;
    }
    images_note(
        self,
        cudaLaunchKernel(kernel, dim3((unsigned)blocks), dim3(threads), arguments, 0, images_device(self)->stream),
        "starting a kernel");
}

template <class work> struct each_job {
    size_t n;
    work one;
};
template <class work> static __global__ void __launch_bounds__(BLOCK_THREADS) each_kernel(each_job<work> job) {
    const size_t i = (size_t)blockIdx.x * BLOCK_THREADS + threadIdx.x;
    if (i < job.n) job.one(i);
}

/* Call one(i) for i < n. */
template <class work> static inline void images_each(const backend_ops *self, size_t n, const work &one) {
    images_launch(self, each_kernel<work>, (n + BLOCK_THREADS - 1) / BLOCK_THREADS, BLOCK_THREADS,
                  each_job<work>{n, one});
}

template <class work> struct sum_job {
    size_t length;
    work one;
};
template <class work> static __global__ void __launch_bounds__(REDUCE_THREADS) sum_kernel(sum_job<work> job) {
    __shared__ double sums[REDUCE_THREADS];
    const size_t row = blockIdx.x;
    double sum = 0;
    for (size_t i = threadIdx.x; i < job.length; i += REDUCE_THREADS) sum += job.one.term(row, i);
    sums[threadIdx.x] = sum;
    for (unsigned half = REDUCE_THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) job.one.end(row, sums[0]);
}

/* Call one.end(row, sum of one.term(row, i) over i < length) for each row. */
template <class work>
static inline void images_sum(const backend_ops *self, size_t rows, size_t length, const work &one) {
    images_launch(self, sum_kernel<work>, rows, REDUCE_THREADS, sum_job<work>{length, one});
}

/* Return the number of pieces for a long sum of n terms. */
static inline size_t images_pieces(size_t n) {
    enum { LEAST = 8 * REDUCE_THREADS };
    const size_t pieces = (n + LEAST - 1) / LEAST;
    return pieces < 1 ? 1 : pieces < PIECES_MAX ? pieces : (size_t)PIECES_MAX;
}

/* Wait for everything begun; return false after an error. */
bool images_wait(const backend_ops *self);

/* sums_host (count) <- sums, after everything begun; return false after an error. */
bool images_fetch_sums(const backend_ops *self, size_t count);

/* Enter the operations of a file into the table. */
void images_vectors(backend_ops *table); /* images_vectors.cu: vectors, matrices and activations */
void images_networks(backend_ops *table); /* images_networks.cu: networks, gates, logit and squeeze */
void images_field(backend_ops *table); /* images_field.cu: the field's biases, activations and products */
void images_attention(backend_ops *table); /* images_attention.cu: self-attention */

/* images_conv.cu: create a convolution by cuDNN if it was found and takes the shape, else by own kernels. */
status images_conv_create(const backend_ops *self, conv_shape shape, conv_method method, conv_math math, conv **out);

/* images_cudnn.cu: open cuDNN for the device's stream; `remark` has the reason if it cannot be used. */
void images_cudnn_open(cuda_backend *device);
void images_cudnn_close(cuda_backend *device);

/* images_blas.cu: close cuBLAS, which its first use opens. */
void images_blas_close(cuda_backend *device);

/* images_graphs.cu: the table's `repeat`. Errors: STATUS_INVALID for an unknown AFFJORD_GRAPHS, STATUS_MEMORY. */
status images_graphs_open(cuda_backend *device, error_info *err);
void images_graphs_close(cuda_backend *device);

/* The functions images_* of the library's table (device_table.h). */
status images_open(int device, const backend_ops **out, error_info *err);
status images_state(const backend_ops *backend, error_info *err);
bool images_library(const backend_ops *backend, error_info *which);
bool images_graphs(const backend_ops *backend, error_info *which);
size_t images_needed(const backend_ops *backend);
void images_close(const backend_ops **backend);

#endif
