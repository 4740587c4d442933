/* images.cuh - the operations of backend.h on a device: what their files share.
 *
 * Everything runs on one stream, in the order of the calls. Nearly every
 * operation is one of two kinds:
 *
 *   images_each   one(i) for every i < n, a thread for each: what the CPU
 *                 computes number by number, with its bits
 *   images_sum    sums over the terms of each row, in double, a block for each:
 *                 FOLD partial sums, thread t adding terms t, t + FOLD, ... in
 *                 order, folded by halves
 *
 * Nothing is added by atomics, so all results are the same from run to run. A
 * sum that the CPU makes in one chain over a whole batch is such a tree here, and
 * differs from the CPU's in the last places. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_CUH

#include <cuda_runtime.h>

#include "backend/backend.h"
#include "backend/cuda/errors.cuh"
#include "backend/cuda/images_plans.cuh"

enum {
    EACH = 256, /* threads of a block that share nothing */
    FOLD = 128, /* partial sums of a row */
    WARP_THREADS = 32, /* of a block that has one thing to do */
    TERMS_MAX = 16, /* of a sum of vectors */
    PIECES_MAX = 64, /* of a long sum, each a row */
    NORM_PARTS_MAX = 6, /* of a state whose error is measured */
    SUMS_MAX = (2 + NORM_PARTS_MAX) * PIECES_MAX, /* sums that one operation needs */
    PARTIAL_MAX = 1 << 16, /* partial sums of a bias */
    ARGUMENTS_MAX = 4096 /* bytes of a kernel's argument */
};

/* What becomes of a kernel that is to be launched: images_graphs.cu writes a step down or captures it, to repeat it. */
typedef enum doing { LAUNCHING, WRITING_DOWN, CAPTURING } doing;

/* A device with its stream and workspaces. */
typedef struct cuda_backend {
    backend_ops table; /* first: operations get it as `self` */
    int device;
    cudaStream_t stream;
    float *partial; /* (PARTIAL_MAX) on the device */
    double *sums; /* (SUMS_MAX) on the device */
    double *sums_near; /* (SUMS_MAX), the same in memory that the copy engine reads */
    struct cudnn *library; /* cuDNN, or NULL where it was not found (images_cudnn.cu) */
    failure remark; /* why not; else which version it is */
    struct graphs *graphs; /* steps that it has recorded (images_graphs.cu) */
    enum doing doing;
    uint64_t numbered; /* convolutions of cuDNN made so far: no two have one number */
    unsigned convolutions, own; /* made so far, and those of them by own kernels, */
    unsigned began_own; /* for the sake of what was computed by these before */
    plan_book plans; /* of the convolutions */
    status outcome; /* the first failure since it was opened; later operations do nothing of use */
    failure why;
} cuda_backend;

static inline cuda_backend *images_device(const backend_ops *self) {
    return (cuda_backend *)self;
}

/* For a step that is written down or captured: a launch, by whatever stands for what is launched; and that it cannot be
 * repeated. */
void images_write_down(const backend_ops *self, const void *what, size_t blocks, size_t threads, const void *argument,
                       size_t bytes);
void images_not_repeated(const backend_ops *self, const failure *why);

/* Remember the first failure; whether there was none so far. */
static inline bool images_note(const backend_ops *self, cudaError_t code, const char *tried) {
    cuda_backend *device = images_device(self);
    failure why;
    if (code != cudaSuccess) {
        const status outcome = cuda_outcome(code, tried, &why);
        if (device->doing != LAUNCHING) images_not_repeated(self, &why);
        else if (device->outcome == STATUS_OK) device->outcome = outcome, device->why = why;
    }
    return device->outcome == STATUS_OK;
}

/* The same for a library of CUDA, or a rule of our own, whose sentence this is. */
static inline void images_fail(const backend_ops *self, const char *tried, const char *said) {
    cuda_backend *device = images_device(self);
    failure why;
    failure_describe(&why, "%s: %s", tried, said);
    if (device->doing != LAUNCHING) images_not_repeated(self, &why);
    else if (device->outcome == STATUS_OK) device->outcome = STATUS_IO, device->why = why;
}

/* Bytes between the members of a structure that is compared as a whole are 0. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define CLEAR_PADDING(structure) __builtin_clear_padding(structure)
#endif
#endif
#ifndef CLEAR_PADDING
#define CLEAR_PADDING(structure) (void)(structure) /* a step may then be recorded more than once, which is all */
#endif

/* One kernel with one structure for argument. */
template <class job>
static inline void images_launch(const backend_ops *self, void (*kernel)(job), size_t blocks, unsigned threads,
                                 const job &given) {
    static_assert(sizeof(job) <= ARGUMENTS_MAX, "what a launch can carry");
    job sent = given;
    void *arguments[] = {&sent};
    if (blocks == 0) return;
    if (images_device(self)->doing == WRITING_DOWN) {
        CLEAR_PADDING(&sent);
        images_write_down(self, (const void *)kernel, blocks, threads, &sent, sizeof sent);
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
template <class work> static __global__ void __launch_bounds__(EACH) each_kernel(each_job<work> job) {
    const size_t i = (size_t)blockIdx.x * EACH + threadIdx.x;
    if (i < job.n) job.one(i);
}

/* one(i) for i < n. */
template <class work> static inline void images_each(const backend_ops *self, size_t n, const work &one) {
    images_launch(self, each_kernel<work>, (n + EACH - 1) / EACH, EACH, each_job<work>{n, one});
}

template <class work> struct sum_job {
    size_t length;
    work one;
};
template <class work> static __global__ void __launch_bounds__(FOLD) sum_kernel(sum_job<work> job) {
    __shared__ double sums[FOLD];
    const size_t row = blockIdx.x;
    double sum = 0;
    for (size_t i = threadIdx.x; i < job.length; i += FOLD) sum += job.one.term(row, i);
    sums[threadIdx.x] = sum;
    for (unsigned half = FOLD / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) job.one.end(row, sums[0]);
}

/* one.end(row, sum of one.term(row, i) over i < length) for each of the rows. */
template <class work>
static inline void images_sum(const backend_ops *self, size_t rows, size_t length, const work &one) {
    images_launch(self, sum_kernel<work>, rows, FOLD, sum_job<work>{length, one});
}

/* A long sum of n terms goes in so many pieces. */
static inline size_t images_pieces(size_t n) {
    enum { LEAST = 8 * FOLD };
    const size_t pieces = (n + LEAST - 1) / LEAST;
    return pieces < 1 ? 1 : pieces < PIECES_MAX ? pieces : (size_t)PIECES_MAX;
}

/* Until all that was begun is done; false after a failure. */
bool images_wait(const backend_ops *self);

/* sums_near (count) <- sums, once all that was begun is done; false after a failure. */
bool images_fetch_sums(const backend_ops *self, size_t count);

/* Put the operations of a file into the table. */
void images_vectors(backend_ops *table); /* images_vectors.cu: vectors, matrices and activations */
void images_networks(backend_ops *table); /* images_networks.cu: networks, gates, what flows start from and end with */
void images_field(backend_ops *table); /* images_field.cu: the field's biases, activations and products */

/* images_conv.cu: a convolution by cuDNN where it was found and takes the shape, else by own kernels. */
status images_conv_create(const backend_ops *self, conv_shape shape, conv_method method, conv_math math, conv **out);

/* images_cudnn.cu: open cuDNN for the device's stream; a device without it has a remark. */
void images_cudnn_open(cuda_backend *device);
void images_cudnn_close(cuda_backend *device);

/* images_graphs.cu: the table's `repeat`. Errors: STATUS_INVALID for an unknown AFFJORD_GRAPHS, STATUS_MEMORY. */
status images_graphs_open(cuda_backend *device, failure *why);
void images_graphs_close(cuda_backend *device);

/* The functions images_* of the library's table (device_table.h). */
status images_open(int device, const backend_ops **out, failure *why);
status images_state(const backend_ops *backend, failure *why);
bool images_library(const backend_ops *backend, failure *which);
bool images_graphs(const backend_ops *backend, failure *which);
void images_close(const backend_ops **backend);

#endif
