/* toy_run.cuh - where a run lies in the device's memory, and the threads that work on it together. */
#ifndef AFFJORD_BACKEND_CUDA_TOY_RUN_CUH
#define AFFJORD_BACKEND_CUDA_TOY_RUN_CUH

#include <cuda_runtime.h>

#include "backend/backend.h"
#include "backend/toy_program.h"

/* The block's shared memory, as much as its launch asked for. */
#ifndef SHARED_POOL
#define SHARED_POOL(name) extern __shared__ __align__(16) float name[]
#endif

enum {
    WARP = 32,
    CHUNKS_TOGETHER = 4, /* chunks that a block takes through a solve at a time: one thread a point */
    LANE_POINTS = CHUNK / LANES, /* points of a chunk that one of its partial sums runs over */
    ROW_PAD = LANES /* of a row of points in shared memory, so that two rows lie in other banks */
};

/* Memory of one run; E evaluations, n points. What is not said is scratch of a training step. */
typedef struct toy_run {
    float *params, *first, *second; /* (P) each: the state of the training */
    float *gradient; /* (P) */
    float *path, *pathbar; /* (E, C) */
    float *hidden; /* (E, all hidden units of the hypernet), layer by layer */
    float *cotangent[2]; /* (E, widest hidden layer) */
    float *transposed; /* largest weight of the hypernet */
    float *raw; /* (E, outputs of the hypernet); on the way back its cotangent */
    float *gate; /* (E, D, W) */
    float *joined; /* (E, C): cotangent that c has from being joined to z */
    float *theta, *thetabar; /* (E, stride) */
    float *states; /* (E, D, points that are together) */
    float *batches; /* (block, n, D), from the host */
    toy_adam *adam; /* (block), from the host */
    float *held[TOY_HELD_MAX]; /* (held, D), from the host once */
    double *log_density[TOY_HELD_MAX]; /* (held), to the host */
    double *losses; /* (block), to the host */
} toy_run;

/* Threads that share out a loop among them: a block, or one of its warps. */
typedef struct team {
    unsigned rank, size;
} team;

static __device__ __forceinline__ team team_of_block(void) {
    return {threadIdx.x, blockDim.x};
}
static __device__ __forceinline__ team team_of_warp(void) {
    return {threadIdx.x % WARP, WARP};
}

/* What one of the team wrote is there for all. */
static __device__ __forceinline__ void meet(team t) {
    if (t.size > WARP) __syncthreads();
    else __syncwarp();
}

/* x (n) <- 0. */
static __device__ void clear(team t, unsigned n, float *x) {
    for (unsigned i = t.rank; i < n; i += t.size) x[i] = 0;
}

static __host__ __device__ inline unsigned toy_evaluations(const toy_program &program) {
    return program.stages * program.steps;
}

#endif
