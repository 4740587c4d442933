/* toy_solve.cuh - the solve of the points of a block and its backward pass, one thread for each point.
 *
 *   h_j = w_j . z + b_j,  t_j = tanh h_j,  s_j = 1 - t_j^2,  f = sum_j u_j t_j,  trace = sum_j c_j s_j
 *
 * The operations are those of toy_evaluate and toy_backward (backend/cpu/toy.inc) and of the Runge-Kutta steps
 * (ode/solve.c) in their order. In the forward pass, a point's state never leaves its thread. In the backward pass, the
 * point's thread computes sums over units. Other threads compute sums over points (theta_bar), one for each unit and
 * each of the 16 partial sums of a chunk, from t_j and the cotangent of h_j in shared memory, one tile of units at a
 * time.
 *
 * FIXED is the dimension if known at compile time, or 0. */
#ifndef AFFJORD_BACKEND_CUDA_TOY_SOLVE_CUH
#define AFFJORD_BACKEND_CUDA_TOY_SOLVE_CUH

#include "backend/cuda/device_math.cuh"
#include "backend/cuda/toy_run.cuh"

#define DIMENSION_ROOM (FIXED ? FIXED : TOY_DEVICE_DIMENSION_MAX)

/* Unroll loops if D is known, so that arrays become registers; otherwise keep loops, which compile faster. */
#define UNROLL_WHOLE [[maybe_unused]] constexpr int whole = FIXED ? TOY_DEVICE_DIMENSION_MAX : 1
#define UNROLL_UNITS [[maybe_unused]] constexpr int units = FIXED ? 2 : 1

/* Shared memory of the backward pass for `points` points; the forward pass uses it for theta of a step. */
typedef struct backward_pool {
    float *theta; /* (stride) */
    float *z, *a; /* (D, points): the field's argument, and the cotangent of its value */
    float *l; /* (points): the cotangent of the divergence */
    float *t, *hbar; /* (tile, points + ROW_PAD) */
    float *partial; /* (chunks together, tile, unit) */
} backward_pool;

static __host__ __device__ inline size_t forward_pool_floats(const fused_kernel_spec &spec) {
    return (size_t)spec.stages * spec.stride;
}

static __host__ __device__ inline size_t backward_pool_floats(const fused_kernel_spec &spec, unsigned points,
                                                              unsigned tile) {
    return spec.stride + (2 * (size_t)spec.dimension + 1) * points + 2 * (size_t)tile * (points + ROW_PAD) +
           (size_t)points / CHUNK * tile * spec.unit;
}

static __device__ backward_pool backward_place(const fused_kernel_spec &spec, unsigned points, unsigned tile,
                                               float *shared) {
    backward_pool pool;
    pool.theta = shared;
    pool.z = pool.theta + spec.stride;
    pool.a = pool.z + spec.dimension * points;
    pool.l = pool.a + spec.dimension * points;
    pool.t = pool.l + points;
    pool.hbar = pool.t + tile * (points + ROW_PAD);
    pool.partial = pool.hbar + tile * (points + ROW_PAD);
    return pool;
}

/* f (D) and *trace <- the field at z (D). */
template <int FIXED>
static __device__ __forceinline__ void toy_field(unsigned D, unsigned W, const float *theta, const float *z, float *f,
                                                 float *trace) {
    UNROLL_WHOLE;
    UNROLL_UNITS;
    const unsigned K = 2 * D + 2;
    float sum = 0;
#pragma unroll whole
    for (unsigned d = 0; d < D; d++) f[d] = 0;
#pragma unroll units
    for (unsigned j = 0; j < W; j++) {
        const float *w = theta + j * K, *u = w + D + 1;
        float h = w[D];
#pragma unroll whole
        for (unsigned d = 0; d < D; d++) h = fmaf(w[d], z[d], h);
        const float t = v_tanh(h), s = fmaf(-t, t, 1.0f);
#pragma unroll whole
        for (unsigned d = 0; d < D; d++) f[d] = fmaf(u[d], t, f[d]);
        sum = fmaf(w[2 * D + 1], s, sum);
    }
    *trace = sum;
}

/* Integrate state (D + 1), [z | l], from 0 to T. The arguments of all evaluations are stored in `states` (E, D,
 * threads) unless NULL. All threads of the block take part, also those without a point. */
template <int FIXED>
static __device__ void solve_forward(const fused_kernel_spec &spec, const float *theta, float *shared, float *state,
                                     float *states) {
    UNROLL_WHOLE;
    const unsigned D = FIXED ? FIXED : spec.dimension, stages = spec.stages, stride = spec.stride;
    float k[TOY_STAGES_MAX][DIMENSION_ROOM + 1], z[DIMENSION_ROOM];
    for (unsigned step = 0; step < spec.steps; step++) {
        __syncthreads();
        for (unsigned e = threadIdx.x; e < stages * stride; e += blockDim.x)
            shared[e] = theta[step * stages * stride + e];
        __syncthreads();
#pragma unroll whole
        for (unsigned i = 0; i < TOY_STAGES_MAX; i++) {
            if (i >= stages) continue;
#pragma unroll whole
            for (unsigned d = 0; d < D; d++) z[d] = state[d];
#pragma unroll whole
            for (unsigned j = 0; j < i; j++) {
                if (spec.a[i][j] == 0) continue;
#pragma unroll whole
                for (unsigned d = 0; d < D; d++) z[d] = fmaf(spec.a[i][j], k[j][d], z[d]);
            }
            if (states)
                for (unsigned d = 0; d < D; d++)
                    states[((step * stages + i) * D + d) * blockDim.x + threadIdx.x] = z[d];
            toy_field<FIXED>(D, spec.width, shared + i * stride, z, k[i], &k[i][D]);
        }
#pragma unroll whole
        for (unsigned i = 0; i < TOY_STAGES_MAX; i++) {
            if (i >= stages || spec.b[i] == 0) continue;
#pragma unroll whole
            for (unsigned d = 0; d <= D; d++) state[d] = fmaf(spec.b[i], k[i][d], state[d]);
        }
    }
    __syncthreads();
}

/* Compute the point's part for a tile of units: add to zbar (D), and store t and hbar of these units. */
template <int FIXED>
static __device__ __forceinline__ void backward_points(unsigned D, unsigned first, unsigned count,
                                                       const backward_pool &pool, const float *z, const float *a,
                                                       float l, float *zbar) {
    UNROLL_WHOLE;
    UNROLL_UNITS;
    const unsigned K = 2 * D + 2, row = blockDim.x + ROW_PAD;
#pragma unroll units
    for (unsigned v = 0; v < count; v++) {
        const float *w = pool.theta + (first + v) * K, *u = w + D + 1;
        float h = w[D];
#pragma unroll whole
        for (unsigned d = 0; d < D; d++) h = fmaf(w[d], z[d], h);
        const float t = v_tanh(h), s = fmaf(-t, t, 1.0f);
        float r = -2 * w[2 * D + 1] * l * t;
#pragma unroll whole
        for (unsigned d = 0; d < D; d++) r = fmaf(u[d], a[d], r);
        const float hbar = s * r;
#pragma unroll whole
        for (unsigned d = 0; d < D; d++) zbar[d] = fmaf(w[d], hbar, zbar[d]);
        pool.t[v * row + threadIdx.x] = t;
        pool.hbar[v * row + threadIdx.x] = hbar;
    }
}

/* Reduce the partial sums of sixteen neighbouring threads pairwise; the first thread has the sum. */
static __device__ __forceinline__ float reduce_partial_sums(unsigned mask, float sum) {
#pragma unroll
    for (int half = PARTIAL_SUMS / 2; half > 0; half /= 2) sum += __shfl_down_sync(mask, sum, half, PARTIAL_SUMS);
    return sum;
}

/* Compute the sums over points for each unit of the tile and each chunk. Thread 16 q + i has partial sum i of chunk q
 * mod (chunks together), and of every eighth unit. */
template <int FIXED>
static __device__ __forceinline__ void backward_units(unsigned D, unsigned count, unsigned tile, unsigned chunks,
                                                      const backward_pool &pool) {
    UNROLL_WHOLE;
    const unsigned K = 2 * D + 2, row = blockDim.x + ROW_PAD, together = blockDim.x / CHUNK;
    const unsigned lane = threadIdx.x % PARTIAL_SUMS, q = threadIdx.x / PARTIAL_SUMS, chunk = q % together;
    const unsigned mask = 0xffffu << (threadIdx.x % WARP / PARTIAL_SUMS * PARTIAL_SUMS);
    if (chunk >= chunks) return;
    for (unsigned v = q / together; v < count; v += CHUNK / PARTIAL_SUMS) {
        float wbar[DIMENSION_ROOM], ubar[DIMENSION_ROOM], bbar = 0, cbar = 0;
#pragma unroll whole
        for (unsigned d = 0; d < D; d++) wbar[d] = ubar[d] = 0;
#pragma unroll whole
        for (unsigned n = 0; n < POINTS_PER_SUM; n++) {
            const unsigned point = chunk * CHUNK + n * PARTIAL_SUMS + lane;
            const float t = pool.t[v * row + point], hbar = pool.hbar[v * row + point], s = fmaf(-t, t, 1.0f);
            cbar = fmaf(pool.l[point], s, cbar);
            bbar += hbar;
#pragma unroll whole
            for (unsigned d = 0; d < D; d++) {
                wbar[d] = fmaf(hbar, pool.z[d * blockDim.x + point], wbar[d]);
                ubar[d] = fmaf(pool.a[d * blockDim.x + point], t, ubar[d]);
            }
        }
        float *sums = pool.partial + (chunk * tile + v) * K;
        bbar = reduce_partial_sums(mask, bbar);
        cbar = reduce_partial_sums(mask, cbar);
        if (lane == 0) sums[D] = bbar;
        if (lane == 0) sums[2 * D + 1] = cbar;
#pragma unroll whole
        for (unsigned d = 0; d < D; d++) {
            wbar[d] = reduce_partial_sums(mask, wbar[d]);
            ubar[d] = reduce_partial_sums(mask, ubar[d]);
            if (lane == 0) sums[d] = wbar[d];
            if (lane == 0) sums[D + 1 + d] = ubar[d];
        }
    }
}

/* One evaluation of the backward pass: zbar (D) for the cotangents a (D) and l at z (D), and thetabar of its time: the
 * sums of these chunks, added in order, after those of earlier chunks unless these are the batch's first. */
template <int FIXED>
static __device__ void field_backward(const fused_kernel_spec &spec, const float *theta, unsigned tile, unsigned chunks,
                                      bool first_chunks, const backward_pool &pool, const float *z, const float *a,
                                      float l, float *zbar, float *thetabar) {
    UNROLL_WHOLE;
    const unsigned D = FIXED ? FIXED : spec.dimension, W = spec.width, K = spec.unit;
#pragma unroll whole
    for (unsigned d = 0; d < D; d++) {
        pool.z[d * blockDim.x + threadIdx.x] = z[d];
        pool.a[d * blockDim.x + threadIdx.x] = a[d];
        zbar[d] = 0;
    }
    pool.l[threadIdx.x] = l;
    for (unsigned e = threadIdx.x; e < spec.stride; e += blockDim.x) pool.theta[e] = theta[e];
    __syncthreads();
    for (unsigned first = 0; first < W; first += tile) {
        const unsigned count = W - first < tile ? W - first : tile;
        backward_points<FIXED>(D, first, count, pool, z, a, l, zbar);
        __syncthreads();
        backward_units<FIXED>(D, count, tile, chunks, pool);
        __syncthreads();
        for (unsigned e = threadIdx.x; e < count * K; e += blockDim.x) {
            float sum = first_chunks ? pool.partial[e] : thetabar[first * K + e] + pool.partial[e];
            for (unsigned chunk = 1; chunk < chunks; chunk++) sum += pool.partial[chunk * tile * K + e];
            thetabar[first * K + e] = sum;
        }
    }
}

/* The backward pass of solve_forward: ybar (D + 1), the cotangent of the state at T, becomes that of z at 0;
 * run.thetabar gets the cotangents of run.theta, summed over the points of `chunks` chunks. */
template <int FIXED>
static __device__ void solve_backward(const fused_kernel_spec &spec, const toy_run &run, unsigned tile, unsigned chunks,
                                      bool first_chunks, float *shared, float *ybar) {
    UNROLL_WHOLE;
    const unsigned D = FIXED ? FIXED : spec.dimension, stages = spec.stages;
    const backward_pool pool = backward_place(spec, blockDim.x, tile, shared);
    float Ybar[TOY_STAGES_MAX][DIMENSION_ROOM], z[DIMENSION_ROOM], a[DIMENSION_ROOM];
    for (unsigned step = spec.steps; step-- > 0;) {
#pragma unroll whole
        for (int i = TOY_STAGES_MAX - 1; i >= 0; i--) {
            if ((unsigned)i >= stages) continue;
            const unsigned evaluation = step * stages + (unsigned)i;
            const float b = spec.b[i], l = b != 0 ? fmaf(b, ybar[D], 0.0f) : 0.0f; /* nothing depends on l */
#pragma unroll whole
            for (unsigned d = 0; d < D; d++) {
                a[d] = b != 0 ? fmaf(b, ybar[d], 0.0f) : 0.0f;
#pragma unroll whole
                for (unsigned j = (unsigned)i + 1; j < TOY_STAGES_MAX; j++)
                    if (j < stages && spec.a[j][i] != 0) a[d] = fmaf(spec.a[j][i], Ybar[j][d], a[d]);
                z[d] = run.states[(evaluation * D + d) * blockDim.x + threadIdx.x];
            }
            field_backward<FIXED>(spec, run.theta + evaluation * spec.stride, tile, chunks, first_chunks, pool, z, a, l,
                                  Ybar[i], run.thetabar + evaluation * spec.stride);
        }
#pragma unroll whole
        for (unsigned i = 0; i < TOY_STAGES_MAX; i++) {
            if (i >= stages) continue;
#pragma unroll whole
            for (unsigned d = 0; d < D; d++) ybar[d] += Ybar[i][d];
        }
    }
    __syncthreads();
}

#endif
