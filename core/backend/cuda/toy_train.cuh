/* toy_train.cuh - training iterations, one block for each run, without host synchronization.
 *
 * An iteration is that of train/trainer.c: the context's path, the field's weights, forward and backward solve of the
 * batch, backward pass of the hypernet and the context, a step of Adam. An iteration with a non-finite loss or gradient
 * leaves the parameters unchanged and ends the run's part of the launch, because Adam's constants change after it. */
#ifndef AFFJORD_BACKEND_CUDA_TOY_TRAIN_CUH
#define AFFJORD_BACKEND_CUDA_TOY_TRAIN_CUH

#include "backend/cuda/toy_context.cuh"
#include "backend/cuda/toy_prepare.cuh"
#include "backend/cuda/toy_solve.cuh"

/* The arguments of a launch. */
typedef struct toy_launch {
    toy_program program;
    const toy_run *runs; /* one for each block */
    toy_order *orders; /* one for each block */
    unsigned tile; /* units of the field processed together in the backward pass */
} toy_launch;

/* Scalars of the block's run, computed by its first thread. */
typedef struct toy_scalars {
    double loss, running;
} toy_scalars;

/* Return -log N(z; 0, s^2 I) - l. */
static __device__ double point_loss(const toy_program &program, unsigned D, const float *state) {
    double square = 0;
    for (unsigned d = 0; d < D; d++) square += (double)state[d] * (double)state[d];
    return 0.5 * (square / program.variance + program.logarithm) - (double)state[D];
}

/* state (D + 1) <- point number `point` of x (n, D); zeros after the last point. */
static __device__ void load_point(unsigned D, const float *x, unsigned n, unsigned point, float *state) {
    for (unsigned d = 0; d < D; d++) state[d] = point < n ? x[point * D + d] : 0.0f;
    state[D] = 0;
}

static __device__ void prepare(const toy_program &program, const toy_run &run, float *shared) {
    if (program.augmented && threadIdx.x < WARP) motion_path(team_of_warp(), program, run, shared);
    __syncthreads();
    toy_prepare(team_of_block(), program, run);
}

/* Add the chunks' losses to *sum, each the sum of its points in order; the points are those of the block. */
static __device__ void add_losses(unsigned points, double loss, double *terms, double *sum) {
    const unsigned chunks = (points + CHUNK - 1) / CHUNK;
    terms[threadIdx.x] = loss;
    __syncthreads();
    if (threadIdx.x % CHUNK == 0 && threadIdx.x < points) {
        const unsigned end = points - threadIdx.x < CHUNK ? points : threadIdx.x + CHUNK;
        double chunk = 0;
        for (unsigned i = threadIdx.x; i < end; i++) chunk += terms[i];
        terms[threadIdx.x] = chunk;
    }
    __syncthreads();
    if (threadIdx.x == 0)
        for (unsigned chunk = 0; chunk < chunks; chunk++) *sum += terms[chunk * CHUNK];
    __syncthreads();
}

/* scalars->loss <- mean loss of the batch x (n, D), and its gradient. */
template <int FIXED>
static __device__ void loss_gradient(const toy_program &program, const toy_run &run, unsigned tile, const float *x,
                                     float *shared, toy_scalars *scalars) {
    const unsigned D = FIXED ? FIXED : program.dimension, n = program.batch;
    prepare(program, run, shared);
    if (threadIdx.x == 0) scalars->loss = 0;
    for (unsigned first = 0; first < n; first += blockDim.x) {
        const unsigned points = n - first < blockDim.x ? n - first : blockDim.x;
        float state[DIMENSION_ROOM + 1];
        load_point(D, x, n, first + threadIdx.x, state);
        solve_forward<FIXED>(program, run.theta, shared, state, run.states);
        const bool there = threadIdx.x < points;
        add_losses(points, there ? point_loss(program, D, state) : 0, (double *)shared, &scalars->loss);
        for (unsigned d = 0; d < D; d++)
            state[d] = there ? (float)((double)state[d] / (program.variance * (double)n)) : 0.0f;
        state[D] = there ? (float)(-1 / (double)n) : 0.0f;
        solve_reverse<FIXED>(program, run, tile, (points + CHUNK - 1) / CHUNK, first == 0, shared, state);
    }
    if (threadIdx.x == 0) scalars->loss /= (double)n;
    toy_prepare_reverse(team_of_block(), program, run);
    if (program.augmented && !program.fixed_context && threadIdx.x < WARP)
        motion_reverse(team_of_warp(), program, run, shared);
    __syncthreads();
}

/* Return the same result in all threads. */
static __device__ bool is_finite(const toy_program &program, const toy_run &run, const toy_scalars *scalars) {
    bool odd = !isfinite(scalars->loss);
    for (unsigned i = threadIdx.x; i < program.parameters; i += blockDim.x) odd |= !isfinite(run.gradient[i]);
    return !__syncthreads_or(odd);
}

static __device__ void adam(const toy_program &program, const toy_run &run, const toy_adam &step) {
    for (unsigned i = threadIdx.x; i < program.parameters; i += blockDim.x) {
        const float g = run.gradient[i];
        const float m = fmaf(program.beta1, run.first[i], program.rest1 * g);
        const float v = fmaf(program.beta2, run.second[i], program.rest2 * g * g);
        run.first[i] = m;
        run.second[i] = v;
        const float root = sqrtf(v) / step.correction + program.epsilon;
        run.params[i] = fmaf(-step.size, m / root, run.params[i]);
    }
    __syncthreads();
}

/* Measure the holdout batches, point by point. */
template <int FIXED> static __device__ void measure(const toy_program &program, const toy_run &run, float *shared) {
    const unsigned D = FIXED ? FIXED : program.dimension;
    prepare(program, run, shared);
    for (unsigned which = 0; which < TOY_HELD_MAX; which++) {
        const unsigned n = program.held[which];
        for (unsigned first = 0; first < n; first += blockDim.x) {
            const unsigned point = first + threadIdx.x;
            float state[DIMENSION_ROOM + 1];
            load_point(D, run.held[which], n, point, state);
            solve_forward<FIXED>(program, run.theta, shared, state, NULL);
            if (point < n) run.log_density[which][point] = -point_loss(program, D, state);
        }
    }
}

template <int FIXED> static __device__ void train_run(const toy_launch &launch, float *shared, toy_scalars *scalars) {
    const toy_program &program = launch.program;
    const toy_run run = launch.runs[blockIdx.x];
    toy_order *order = launch.orders + blockIdx.x;
    const unsigned iterations = order->iterations;
    if (iterations == 0) return;
    if (threadIdx.x == 0) scalars->running = order->running;
    unsigned done = 0;
    bool skipped = false, below = false;
    clear(team_of_block(), program.parameters, run.gradient);
    while (done < iterations && !skipped && !below) {
        __syncthreads();
        loss_gradient<FIXED>(program, run, launch.tile, run.batches + (size_t)done * program.batch * program.dimension,
                             shared, scalars);
        skipped = !is_finite(program, run, scalars);
        if (!skipped) adam(program, run, run.adam[done]);
        if (threadIdx.x == 0) {
            run.losses[done] = scalars->loss;
            if (!skipped)
                scalars->running = isnan(scalars->running) ? scalars->loss
                                                           : program.running_decay * scalars->running +
                                                                 (1 - program.running_decay) * scalars->loss;
        }
        __syncthreads();
        below = scalars->running < program.stop_loss;
        done++;
    }
    const bool measured = (order->measure && done == iterations) || below;
    if (measured) measure<FIXED>(program, run, shared);
    __syncthreads();
    if (threadIdx.x > 0) return;
    order->running = scalars->running;
    order->done = done;
    order->skipped = skipped;
    order->measured = measured;
}

/* A block of CHUNK threads for each chunk that it solves together. */
template <int FIXED> static __global__ void __launch_bounds__(CHUNKS_TOGETHER *CHUNK) toy_train(toy_launch launch) {
    SHARED_POOL(shared);
    __shared__ toy_scalars scalars;
    train_run<FIXED>(launch, shared, &scalars);
}

#endif
