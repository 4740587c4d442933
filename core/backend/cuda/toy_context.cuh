/* toy_context.cuh - z*(t) at every evaluation, and its backward pass, by one warp.
 *
 *   d(z*)/dt = g(z*),  g = Linear(C, width), ELU, Linear(width, C)
 *
 * The operations are those of context_path and context_path_backward (context/context.c) in their order; one thread
 * computes each sum. The solve is a chain of E small steps, so all of its data is in shared memory. */
#ifndef AFFJORD_BACKEND_CUDA_TOY_CONTEXT_CUH
#define AFFJORD_BACKEND_CUDA_TOY_CONTEXT_CUH

#include "backend/cuda/device_math.cuh"
#include "backend/cuda/toy_run.cuh"

/* The parameters of g are one range of the parameters. */
static __host__ __device__ inline unsigned motion_count(const toy_net &motion) {
    return motion.bias[1] + motion.size[2] - motion.weight[0];
}

/* Shared memory of a solve; k and Ybar of a stage use the same memory. */
typedef struct motion_pool {
    float *params, *gradient; /* (count) */
    float *state, *at, *kbar; /* (C): z* or its cotangent, the argument of g, the cotangent of g */
    float *stage; /* (stages, C) */
    float *hidden, *hiddenbar; /* (width) */
} motion_pool;

static __host__ __device__ inline unsigned motion_pool_floats(const fused_kernel_spec &spec) {
    return 2 * motion_count(spec.motion) + (3 + spec.stages) * spec.context + 2 * spec.motion.size[1];
}

static __device__ motion_pool motion_place(const fused_kernel_spec &spec, float *shared) {
    const unsigned count = motion_count(spec.motion), C = spec.context, width = spec.motion.size[1];
    motion_pool pool;
    pool.params = shared;
    pool.gradient = pool.params + count;
    pool.state = pool.gradient + count;
    pool.at = pool.state + C;
    pool.kbar = pool.at + C;
    pool.stage = pool.kbar + C;
    pool.hidden = pool.stage + spec.stages * C;
    pool.hiddenbar = pool.hidden + width;
    return pool;
}

/* The offsets of g's arrays in its parameters. */
typedef struct motion_parts {
    unsigned weight[2], bias[2];
} motion_parts;

static __device__ motion_parts motion_split(const toy_net &motion) {
    const unsigned first = motion.weight[0];
    return {{0, motion.weight[1] - first}, {motion.bias[0] - first, motion.bias[1] - first}};
}

/* y (out) <- bias + weight (out, in) x. */
static __device__ void dense(team t, unsigned in, unsigned out, const float *weight, const float *bias, const float *x,
                             float *y) {
    for (unsigned i = t.rank; i < out; i += t.size) {
        float sum = bias[i];
        for (unsigned p = 0; p < in; p++) sum = fmaf(x[p], weight[i * in + p], sum);
        y[i] = sum;
    }
}

/* The backward pass of dense: xbar (in) <- ybar weight; adds to the gradients of weight and bias. */
static __device__ void dense_backward(team t, unsigned in, unsigned out, const float *weight, const float *x,
                                      const float *ybar, float *xbar, float *weightbar, float *biasbar) {
    for (unsigned i = t.rank; i < out; i += t.size) biasbar[i] = (0.0f + ybar[i]) + biasbar[i];
    for (unsigned e = t.rank; e < out * in; e += t.size)
        weightbar[e] = fmaf(ybar[e / in], x[e % in], 0.0f) + weightbar[e];
    for (unsigned j = t.rank; j < in; j += t.size) {
        float sum = 0;
        for (unsigned p = 0; p < out; p++) sum = fmaf(ybar[p], weight[p * in + j], sum);
        xbar[j] = sum;
    }
}

/* hidden <- the hidden layer of g at pool.at. */
static __device__ void motion_hidden(team t, const toy_net &motion, const motion_parts &parts,
                                     const motion_pool &pool) {
    dense(t, motion.size[0], motion.size[1], pool.params + parts.weight[0], pool.params + parts.bias[0], pool.at,
          pool.hidden);
    for (unsigned i = t.rank; i < motion.size[1]; i += t.size) /* each thread its own units */
        if (pool.hidden[i] < 0) pool.hidden[i] = (float)same_expm1((double)pool.hidden[i]);
    meet(t);
}

static __device__ void motion_begin(team t, const fused_kernel_spec &spec, const toy_run &run,
                                    const motion_pool &pool) {
    const unsigned count = motion_count(spec.motion), first = spec.motion.weight[0];
    for (unsigned i = t.rank; i < count; i += t.size) pool.params[i] = run.params[first + i];
    clear(t, count, pool.gradient);
}

/* run.path (E, C) <- z* at the evaluations. */
static __device__ void motion_path(team t, const fused_kernel_spec &spec, const toy_run &run, float *shared) {
    const motion_pool pool = motion_place(spec, shared);
    const motion_parts parts = motion_split(spec.motion);
    const unsigned C = spec.context, stages = spec.stages;
    motion_begin(t, spec, run, pool);
    for (unsigned c = t.rank; c < C; c += t.size) pool.state[c] = spec.learn_start ? run.params[spec.start + c] : 0.0f;
    meet(t);
    for (unsigned step = 0; step < spec.steps; step++) {
        for (unsigned i = 0; i < stages; i++) {
            for (unsigned c = t.rank; c < C; c += t.size) {
                float y = pool.state[c];
                for (unsigned j = 0; j < i; j++)
                    if (spec.a[i][j] != 0) y = fmaf(spec.a[i][j], pool.stage[j * C + c], y);
                pool.at[c] = y;
                run.path[(step * stages + i) * C + c] = y;
            }
            meet(t);
            motion_hidden(t, spec.motion, parts, pool);
            dense(t, spec.motion.size[1], C, pool.params + parts.weight[1], pool.params + parts.bias[1], pool.hidden,
                  pool.stage + i * C);
            meet(t);
        }
        for (unsigned c = t.rank; c < C; c += t.size)
            for (unsigned i = 0; i < stages; i++)
                if (spec.b[i] != 0) pool.state[c] = fmaf(spec.b[i], pool.stage[i * C + c], pool.state[c]);
    }
}

/* One evaluation of the backward pass: from kbar at the path's value, compute Ybar of the stage. */
static __device__ void motion_vjp(team t, const fused_kernel_spec &spec, const motion_parts &parts,
                                  const motion_pool &pool, float *Ybar) {
    const toy_net &motion = spec.motion;
    motion_hidden(t, motion, parts, pool);
    dense_backward(t, motion.size[1], motion.size[2], pool.params + parts.weight[1], pool.hidden, pool.kbar,
                   pool.hiddenbar, pool.gradient + parts.weight[1], pool.gradient + parts.bias[1]);
    for (unsigned i = t.rank; i < motion.size[1]; i += t.size) /* each thread its own units */
        pool.hiddenbar[i] *= pool.hidden[i] < 0 ? pool.hidden[i] + 1 : 1;
    meet(t);
    dense_backward(t, motion.size[0], motion.size[1], pool.params + parts.weight[0], pool.at, pool.hiddenbar, Ybar,
                   pool.gradient + parts.weight[0], pool.gradient + parts.bias[0]);
}

/* The context's range of run.gradient <- the contribution of run.pathbar (E, C). */
static __device__ void motion_backward(team t, const fused_kernel_spec &spec, const toy_run &run, float *shared) {
    const motion_pool pool = motion_place(spec, shared);
    const motion_parts parts = motion_split(spec.motion);
    const unsigned C = spec.context, stages = spec.stages, count = motion_count(spec.motion);
    motion_begin(t, spec, run, pool);
    clear(t, C, pool.state); /* the loss does not depend on z*(T) itself */
    meet(t);
    for (unsigned step = spec.steps; step-- > 0;) {
        for (unsigned i = stages; i-- > 0;) {
            const unsigned evaluation = step * stages + i;
            for (unsigned c = t.rank; c < C; c += t.size) {
                float kbar = spec.b[i] != 0 ? fmaf(spec.b[i], pool.state[c], 0.0f) : 0.0f;
                for (unsigned j = i + 1; j < stages; j++)
                    if (spec.a[j][i] != 0) kbar = fmaf(spec.a[j][i], pool.stage[j * C + c], kbar);
                pool.kbar[c] = kbar;
                pool.at[c] = run.path[evaluation * C + c];
            }
            meet(t);
            motion_vjp(t, spec, parts, pool, pool.stage + i * C);
            meet(t);
            for (unsigned c = t.rank; c < C; c += t.size) pool.stage[i * C + c] += run.pathbar[evaluation * C + c];
        }
        for (unsigned c = t.rank; c < C; c += t.size)
            for (unsigned i = 0; i < stages; i++) pool.state[c] += pool.stage[i * C + c];
        meet(t);
    }
    for (unsigned i = t.rank; i < count; i += t.size) run.gradient[spec.motion.weight[0] + i] = pool.gradient[i];
    if (!spec.learn_start) return;
    for (unsigned c = t.rank; c < C; c += t.size) run.gradient[spec.start + c] = 0.0f + pool.state[c];
}

#endif
