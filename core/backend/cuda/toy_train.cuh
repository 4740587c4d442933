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
typedef struct launch_args {
    fused_kernel_spec spec;
    const toy_run *runs; /* one for each block */
    run_launch *launches; /* one for each block */
    unsigned tile; /* units of the field processed together in the backward pass */
} launch_args;

/* Scalars of the block's run, computed by its first thread. */
typedef struct toy_scalars {
    double loss, running;
} toy_scalars;

/* Return -log N(z; 0, s^2 I) - l. */
static __device__ double point_loss(const fused_kernel_spec &spec, unsigned D, const float *state) {
    double square = 0;
    for (unsigned d = 0; d < D; d++) square += (double)state[d] * (double)state[d];
    return 0.5 * (square / spec.variance + spec.logarithm) - (double)state[D];
}

/* state (D + 1) <- point number `point` of x (n, D); zeros after the last point. */
static __device__ void load_point(unsigned D, const float *x, unsigned n, unsigned point, float *state) {
    for (unsigned d = 0; d < D; d++) state[d] = point < n ? x[point * D + d] : 0.0f;
    state[D] = 0;
}

static __device__ void prepare(const fused_kernel_spec &spec, const toy_run &run, float *shared) {
    if (spec.augmented && threadIdx.x < WARP) motion_path(team_of_warp(), spec, run, shared);
    __syncthreads();
    toy_prepare(team_of_block(), spec, run);
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
static __device__ void loss_gradient(const fused_kernel_spec &spec, const toy_run &run, unsigned tile, const float *x,
                                     float *shared, toy_scalars *scalars) {
    const unsigned D = FIXED ? FIXED : spec.dimension, n = spec.batch;
    prepare(spec, run, shared);
    if (threadIdx.x == 0) scalars->loss = 0;
    for (unsigned first = 0; first < n; first += blockDim.x) {
        const unsigned points = n - first < blockDim.x ? n - first : blockDim.x;
        float state[DIMENSION_ROOM + 1];
        load_point(D, x, n, first + threadIdx.x, state);
        solve_forward<FIXED>(spec, run.theta, shared, state, run.states);
        const bool there = threadIdx.x < points;
        add_losses(points, there ? point_loss(spec, D, state) : 0, (double *)shared, &scalars->loss);
        for (unsigned d = 0; d < D; d++)
            state[d] = there ? (float)((double)state[d] / (spec.variance * (double)n)) : 0.0f;
        state[D] = there ? (float)(-1 / (double)n) : 0.0f;
        solve_backward<FIXED>(spec, run, tile, (points + CHUNK - 1) / CHUNK, first == 0, shared, state);
    }
    if (threadIdx.x == 0) scalars->loss /= (double)n;
    toy_prepare_backward(team_of_block(), spec, run);
    if (spec.augmented && !spec.fixed_context && threadIdx.x < WARP) motion_backward(team_of_warp(), spec, run, shared);
    __syncthreads();
}

/* Return the same result in all threads. */
static __device__ bool is_finite(const fused_kernel_spec &spec, const toy_run &run, const toy_scalars *scalars) {
    bool odd = !isfinite(scalars->loss);
    for (unsigned i = threadIdx.x; i < spec.parameters; i += blockDim.x) odd |= !isfinite(run.gradient[i]);
    return !__syncthreads_or(odd);
}

static __device__ void adam(const fused_kernel_spec &spec, const toy_run &run, const toy_adam &step) {
    for (unsigned i = threadIdx.x; i < spec.parameters; i += blockDim.x) {
        const float g = run.gradient[i];
        const float m = fmaf(spec.beta1, run.first[i], spec.rest1 * g);
        const float v = fmaf(spec.beta2, run.second[i], spec.rest2 * g * g);
        run.first[i] = m;
        run.second[i] = v;
        const float root = sqrtf(v) / step.correction + spec.epsilon;
        run.params[i] = fmaf(-step.size, m / root, run.params[i]);
    }
    __syncthreads();
}

/* Measure the holdout batches, point by point. */
template <int FIXED> static __device__ void measure(const fused_kernel_spec &spec, const toy_run &run, float *shared) {
    const unsigned D = FIXED ? FIXED : spec.dimension;
    prepare(spec, run, shared);
    for (unsigned which = 0; which < TOY_HOLDOUTS_MAX; which++) {
        const unsigned n = spec.holdout[which];
        for (unsigned first = 0; first < n; first += blockDim.x) {
            const unsigned point = first + threadIdx.x;
            float state[DIMENSION_ROOM + 1];
            load_point(D, run.holdout[which], n, point, state);
            solve_forward<FIXED>(spec, run.theta, shared, state, NULL);
            if (point < n) run.log_density[which][point] = -point_loss(spec, D, state);
        }
    }
}

template <int FIXED> static __device__ void train_run(const launch_args &args, float *shared, toy_scalars *scalars) {
    const fused_kernel_spec &spec = args.spec;
    const toy_run run = args.runs[blockIdx.x];
    run_launch *launch = args.launches + blockIdx.x;
    const unsigned iterations = launch->iterations;
    if (iterations == 0) return;
    if (threadIdx.x == 0) scalars->running = launch->running;
    unsigned done = 0;
    bool skipped = false, below = false;
    clear(team_of_block(), spec.parameters, run.gradient);
    while (done < iterations && !skipped && !below) {
        __syncthreads();
        loss_gradient<FIXED>(spec, run, args.tile, run.batches + (size_t)done * spec.batch * spec.dimension, shared,
                             scalars);
        skipped = !is_finite(spec, run, scalars);
        if (!skipped) adam(spec, run, run.adam[done]);
        if (threadIdx.x == 0) {
            run.losses[done] = scalars->loss;
            if (!skipped)
                scalars->running = isnan(scalars->running) ? scalars->loss
                                                           : spec.running_decay * scalars->running +
                                                                 (1 - spec.running_decay) * scalars->loss;
        }
        __syncthreads();
        below = scalars->running < spec.stop_loss;
        done++;
    }
    const bool measured = (launch->measure && done == iterations) || below;
    if (measured) measure<FIXED>(spec, run, shared);
    __syncthreads();
    if (threadIdx.x > 0) return;
    launch->running = scalars->running;
    launch->done = done;
    launch->skipped = skipped;
    launch->measured = measured;
}

/* A block of CHUNK threads for each chunk that it solves together. */
template <int FIXED> static __global__ void __launch_bounds__(CHUNKS_TOGETHER *CHUNK) toy_train(launch_args args) {
    SHARED_POOL(shared);
    __shared__ toy_scalars scalars;
    train_run<FIXED>(args, shared, &scalars);
}

#endif
