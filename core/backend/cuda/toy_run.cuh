/* toy_run.cuh - the device memory of a run, and the threads that process it. */
#ifndef AFFJORD_BACKEND_CUDA_TOY_RUN_CUH
#define AFFJORD_BACKEND_CUDA_TOY_RUN_CUH

#include <cuda_runtime.h>

#include "backend/backend.h"
#include "backend/fused_kernel_spec.h"

/* The block's shared memory, of the size set at launch. */
#ifndef SHARED_POOL
#define SHARED_POOL(name) extern __shared__ __align__(16) float name[]
#endif

enum {
    WARP = 32,
    CHUNKS_TOGETHER = 4, /* chunks that a block solves together, with one thread for each point */
    POINTS_PER_SUM = CHUNK / PARTIAL_SUMS, /* points of a chunk in one of its partial sums */
    /* Padding of a row of points in shared memory, so that consecutive rows use different banks. */
    ROW_PAD = PARTIAL_SUMS
};

/* Memory of one run; E evaluations, n points. Arrays without a remark are scratch of a training step. */
typedef struct toy_run {
    float *params, *first, *second; /* (P) each: the state of the training */
    float *gradient; /* (P) */
    float *path, *pathbar; /* (E, C) */
    float *hidden; /* (E, all hidden units of the hypernet), layer by layer */
    float *cotangent[2]; /* (E, widest hidden layer) */
    float *transposed; /* largest weight of the hypernet */
    float *raw; /* (E, outputs of the hypernet); in the backward pass its cotangent */
    float *gate; /* (E, D, W) */
    float *joined; /* (E, C): cotangent of c from its concatenation to z */
    float *theta, *thetabar; /* (E, stride) */
    float *states; /* (E, D, points processed together) */
    float *batches; /* (block, n, D), from the host */
    toy_adam *adam; /* (block), from the host */
    float *holdout[TOY_HOLDOUTS_MAX]; /* (holdout, D), from the host, once */
    double *log_density[TOY_HOLDOUTS_MAX]; /* (holdout), to the host */
    double *losses; /* (block), to the host */
} toy_run;

/* Threads that share a loop: a block, or one of its warps. */
typedef struct team {
    unsigned rank, size;
} team;

static __device__ __forceinline__ team team_of_block(void) {
    return {threadIdx.x, blockDim.x};
}
static __device__ __forceinline__ team team_of_warp(void) {
    return {threadIdx.x % WARP, WARP};
}

/* Synchronise the team, so that each thread sees the others' writes. */
static __device__ __forceinline__ void meet(team t) {
    if (t.size > WARP) __syncthreads();
    else __syncwarp();
}

/* x (n) <- 0. */
static __device__ void clear(team t, unsigned n, float *x) {
    for (unsigned i = t.rank; i < n; i += t.size) x[i] = 0;
}

static __host__ __device__ inline unsigned toy_evaluations(const fused_kernel_spec &spec) {
    return spec.stages * spec.steps;
}

#endif
