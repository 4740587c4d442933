/* fused_runs.cu - the device memory of runs that train side by side, and their launches.
 *
 * All device memory of these runs is one block, divided among them. Data that the host sends and receives is in
 * page-locked memory, so that copies to the device, the launch and the copies to the host follow each other on the
 * device without the host. */
#include "backend/cuda/fused_runs.cuh"

#include <stdlib.h>
#include <string.h>

#include "backend/cuda/errors.cuh"
#include "backend/cuda/toy_train.cuh"

enum { PLACES = 2 };

struct fused_runs {
    fused_kernel_spec spec;
    int device;
    size_t runs, block;
    unsigned tile, threads;
    size_t shared; /* bytes of a block's shared memory */
    cudaStream_t stream;
    unsigned char *memory; /* in device memory: the tables of runs and launches, then the runs */
    toy_run *on_device; /* (runs) */
    run_launch *launches_on_device; /* (runs) */
    toy_run *places; /* (runs), the same table in host memory */
    float *batches[PLACES]; /* (runs, block, n, D) */
    toy_adam *adam; /* (runs, block) */
    run_launch *launches; /* (runs) */
    double *losses; /* (runs, block) */
};

/* Divides memory among runs; without a base it only counts. */
typedef struct sharing {
    unsigned char *base;
    size_t used;
} sharing;

static unsigned char *share(sharing *from, size_t bytes) {
    enum { BETWEEN = 256 };
    const size_t at = from->used;
    from->used += (bytes + BETWEEN - 1) / BETWEEN * BETWEEN;
    return from->base ? from->base + at : NULL;
}
static float *share_floats(sharing *from, size_t count) {
    return (float *)share(from, count * sizeof(float));
}
static double *share_doubles(sharing *from, size_t count) {
    return (double *)share(from, count * sizeof(double));
}

static unsigned threads_of(const fused_kernel_spec &spec) {
    const unsigned chunks = (spec.batch + CHUNK - 1) / CHUNK;
    return CHUNK * (chunks < CHUNKS_TOGETHER ? chunks : (unsigned)CHUNKS_TOGETHER);
}

static size_t batch_floats(const fused_kernel_spec &spec) {
    return (size_t)spec.batch * spec.dimension;
}

static toy_run share_run(const fused_kernel_spec &spec, size_t block, sharing *from) {
    const toy_net &net = spec.hypernet;
    const size_t E = toy_evaluations(spec), P = spec.parameters, C = spec.context;
    const size_t W = spec.width, D = spec.dimension;
    size_t hidden = 0, widest = 0, largest = 0;
    for (unsigned l = 0; l < net.layers; l++) {
        const size_t weight = (size_t)net.size[l] * net.size[l + 1];
        if (l > 0) hidden += net.size[l];
        if (l > 0 && net.size[l] > widest) widest = net.size[l];
        if (weight > largest) largest = weight;
    }
    toy_run run = {};
    run.params = share_floats(from, P);
    run.first = share_floats(from, P);
    run.second = share_floats(from, P);
    run.gradient = share_floats(from, P);
    run.path = share_floats(from, E * C);
    run.pathbar = share_floats(from, E * C);
    run.hidden = share_floats(from, E * hidden);
    for (unsigned i = 0; i < 2; i++) run.cotangent[i] = share_floats(from, E * widest);
    run.transposed = share_floats(from, largest);
    run.raw = share_floats(from, E * net.size[net.layers]);
    run.gate = share_floats(from, E * D * W);
    run.joined = share_floats(from, E * C);
    run.theta = share_floats(from, E * spec.stride);
    run.thetabar = share_floats(from, E * spec.stride);
    run.states = share_floats(from, E * D * threads_of(spec));
    run.batches = share_floats(from, block * batch_floats(spec));
    run.adam = (toy_adam *)share(from, block * sizeof(toy_adam));
    for (unsigned i = 0; i < TOY_HOLDOUTS_MAX; i++) {
        run.holdout[i] = share_floats(from, spec.holdout[i] * D);
        run.log_density[i] = share_doubles(from, spec.holdout[i]);
    }
    run.losses = share_doubles(from, block);
    return run;
}

size_t fused_runs_bytes(const fused_kernel_spec *spec, size_t block) {
    sharing counting = {NULL, 0};
    share_run(*spec, block, &counting);
    return counting.used;
}

/* Return the kernel for this dimension. */
static void (*kernel_of(const fused_kernel_spec &spec))(launch_args) {
    return spec.dimension == 2 ? toy_train<2> : toy_train<0>;
}

/* Choose the most units at a time that the shared memory has room for. */
static status plan_shared(fused_runs *group, size_t available, error_info *err) {
    const fused_kernel_spec &spec = group->spec;
    size_t floats = forward_pool_floats(spec);
    const size_t motion = spec.augmented ? motion_pool_floats(spec) : 0;
    const size_t terms = group->threads * sizeof(double) / sizeof(float);
    if (motion > floats) floats = motion;
    if (terms > floats) floats = terms;
    group->tile = spec.width;
    while (group->tile > 1 && backward_pool_floats(spec, group->threads, group->tile) * sizeof(float) > available)
        group->tile--;
    const unsigned tiles = (spec.width + group->tile - 1) / group->tile; /* equal tiles leave more to the cache */
    group->tile = (spec.width + tiles - 1) / tiles;
    const size_t backward = backward_pool_floats(spec, group->threads, group->tile);
    if (backward > floats) floats = backward;
    group->shared = floats * sizeof(float);
    if (group->shared <= available) return STATUS_OK;
    return error_set(
        err, STATUS_INVALID,
        "model.width = %u, model.augmented_width = %u: a block would need %zu bytes of shared memory, and the "
        "device has %zu; train this model with --device cpu",
        spec.width, spec.motion.size[1], group->shared, available);
}

static status take_memory(fused_runs *group, error_info *err) {
    const size_t runs = group->runs, block = group->block;
    sharing counting = {NULL, 0};
    share(&counting, runs * sizeof(toy_run));
    share(&counting, runs * sizeof(run_launch));
    for (size_t i = 0; i < runs; i++) share_run(group->spec, block, &counting);
    size_t available = 0, all = 0;
    TRY_CUDA(cudaMemGetInfo(&available, &all), "asking for a device's memory", err);
    if (cudaMalloc((void **)&group->memory, counting.used) != cudaSuccess) {
        cudaGetLastError();
        group->memory = NULL;
        return error_set(
            err, STATUS_MEMORY,
            "out of memory on CUDA device %d: %zu runs need %.0f MB, and %.0f MB are free; fewer at a time "
            "(--jobs) need less",
            group->device, runs, 1e-6 * (double)counting.used, 1e-6 * (double)available);
    }
    TRY_CUDA(cudaMemset(group->memory, 0, counting.used), "clearing memory", err);
    sharing from = {group->memory, 0};
    group->on_device = (toy_run *)share(&from, runs * sizeof(toy_run));
    group->launches_on_device = (run_launch *)share(&from, runs * sizeof(run_launch));
    group->places = (toy_run *)calloc(runs, sizeof(toy_run));
    if (!group->places) return error_set(err, STATUS_MEMORY, "out of memory");
    for (size_t i = 0; i < runs; i++) group->places[i] = share_run(group->spec, block, &from);
    for (size_t i = 0; i < PLACES; i++)
        TRY_CUDA(cudaMallocHost((void **)&group->batches[i], runs * block * batch_floats(group->spec) * sizeof(float)),
                 "taking memory for batches", err);
    TRY_CUDA(cudaMallocHost((void **)&group->adam, runs * block * sizeof *group->adam), "taking memory", err);
    TRY_CUDA(cudaMallocHost((void **)&group->launches, runs * sizeof *group->launches), "taking memory", err);
    TRY_CUDA(cudaMallocHost((void **)&group->losses, runs * block * sizeof *group->losses), "taking memory", err);
    return cuda_outcome(cudaMemcpy(group->on_device, group->places, runs * sizeof(toy_run), cudaMemcpyHostToDevice),
                        "copying", err);
}

status fused_runs_supports(int device, const cudaDeviceProp *about, error_info *err) {
    cudaFuncAttributes unused;
    TRY_CUDA(cudaSetDevice(device), "choosing a device", err);
    const cudaError_t code = cudaFuncGetAttributes(&unused, toy_train<2>);
    if (code != cudaErrorNoKernelImageForDevice && code != cudaErrorInvalidDeviceFunction)
        return cuda_outcome(code, "looking for kernels", err);
    cudaGetLastError();
    return error_set(err, STATUS_INVALID, "CUDA device %d is an sm_%d%d, and libaffjord_cuda.so was built for %s",
                     device, about->major, about->minor, AFFJORD_CUDA_ARCHITECTURES);
}

static status build(fused_runs *group, error_info *err) {
    cudaDeviceProp about;
    TRY_CUDA(cudaGetDeviceProperties(&about, group->device), "asking for a device's properties", err);
    TRY(fused_runs_supports(group->device, &about, err));
    TRY(plan_shared(group, about.sharedMemPerBlockOptin, err));
    TRY_CUDA(
        cudaFuncSetAttribute(kernel_of(group->spec), cudaFuncAttributeMaxDynamicSharedMemorySize, (int)group->shared),
        "asking for shared memory", err);
    TRY_CUDA(cudaStreamCreateWithFlags(&group->stream, cudaStreamNonBlocking), "making a stream", err);
    return take_memory(group, err);
}

status fused_runs_create(int device, const fused_kernel_spec *spec, size_t runs, size_t block, fused_runs **out,
                         error_info *err) {
    if (spec->dimension > TOY_DEVICE_DIMENSION_MAX)
        return error_set(err, STATUS_INVALID, "data of %u dimensions: --device cuda takes at most %d", spec->dimension,
                         TOY_DEVICE_DIMENSION_MAX);
    fused_runs *group = (fused_runs *)calloc(1, sizeof *group);
    if (!group) return error_set(err, STATUS_MEMORY, "out of memory");
    group->spec = *spec;
    group->device = device;
    group->runs = runs;
    group->block = block;
    group->threads = threads_of(*spec);
    const status outcome = build(group, err);
    if (outcome != STATUS_OK) {
        fused_runs_destroy(&group);
        return outcome;
    }
    *out = group;
    return STATUS_OK;
}

void fused_runs_destroy(fused_runs **at) {
    fused_runs *group = *at;
    if (!group) return;
    cudaSetDevice(group->device);
    if (group->stream) {
        cudaStreamSynchronize(group->stream);
        cudaStreamDestroy(group->stream);
    }
    cudaFree(group->memory);
    for (size_t i = 0; i < PLACES; i++) cudaFreeHost(group->batches[i]);
    cudaFreeHost(group->adam);
    cudaFreeHost(group->launches);
    cudaFreeHost(group->losses);
    free(group->places);
    free(group);
    *at = NULL;
}

/* --- The state of runs --- */

static status send(fused_runs *group, float *to, const float *from, size_t count, error_info *err) {
    TRY_CUDA(cudaSetDevice(group->device), "choosing a device", err);
    return cuda_outcome(cudaMemcpy(to, from, count * sizeof *to, cudaMemcpyHostToDevice), "copying", err);
}

static status fetch(fused_runs *group, void *to, const void *from, size_t bytes, error_info *err) {
    TRY_CUDA(cudaSetDevice(group->device), "choosing a device", err);
    return cuda_outcome(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copying", err);
}

status fused_runs_path(fused_runs *group, const float *path, error_info *err) {
    for (size_t i = 0; i < group->runs; i++)
        TRY(send(group, group->places[i].path, path, toy_evaluations(group->spec), err));
    return STATUS_OK;
}

status fused_runs_put(fused_runs *group, size_t run, const float *params, const float *first, const float *second,
                      error_info *err) {
    const toy_run &place = group->places[run];
    const size_t P = group->spec.parameters;
    TRY(send(group, place.params, params, P, err));
    TRY(send(group, place.first, first, P, err));
    return send(group, place.second, second, P, err);
}

status fused_runs_get(fused_runs *group, size_t run, float *params, float *first, float *second, error_info *err) {
    const toy_run &place = group->places[run];
    const size_t bytes = group->spec.parameters * sizeof(float);
    TRY(fetch(group, params, place.params, bytes, err));
    TRY(fetch(group, first, place.first, bytes, err));
    return fetch(group, second, place.second, bytes, err);
}

status fused_runs_set_holdout(fused_runs *group, size_t run, size_t which, const float *x, error_info *err) {
    const fused_kernel_spec &spec = group->spec;
    return send(group, group->places[run].holdout[which], x, (size_t)spec.holdout[which] * spec.dimension, err);
}

status fused_runs_measured(fused_runs *group, size_t run, size_t which, double *log_density, error_info *err) {
    return fetch(group, log_density, group->places[run].log_density[which],
                 group->spec.holdout[which] * sizeof *log_density, err);
}

float *fused_runs_batches(fused_runs *group, size_t place, size_t run) {
    return group->batches[place] + run * group->block * batch_floats(group->spec);
}

/* --- Launches --- */

static status send_run(fused_runs *group, size_t place, size_t run, error_info *err) {
    const toy_run &at = group->places[run];
    const size_t count = group->launches[run].iterations;
    if (count == 0) return STATUS_OK;
    TRY_CUDA(cudaMemcpyAsync(at.batches, fused_runs_batches(group, place, run),
                             count * batch_floats(group->spec) * sizeof(float), cudaMemcpyHostToDevice, group->stream),
             "sending batches", err);
    return cuda_outcome(cudaMemcpyAsync(at.adam, group->adam + run * group->block, count * sizeof(toy_adam),
                                        cudaMemcpyHostToDevice, group->stream),
                        "sending Adam's constants", err);
}

status fused_runs_begin(fused_runs *group, size_t place, const run_launch *launches, const toy_adam *adam,
                        error_info *err) {
    const size_t runs = group->runs;
    TRY_CUDA(cudaSetDevice(group->device), "choosing a device", err);
    memcpy(group->launches, launches, runs * sizeof *launches);
    memcpy(group->adam, adam, runs * group->block * sizeof *adam);
    for (size_t i = 0; i < runs; i++) TRY(send_run(group, place, i, err));
    TRY_CUDA(cudaMemcpyAsync(group->launches_on_device, group->launches, runs * sizeof *launches,
                             cudaMemcpyHostToDevice, group->stream),
             "sending launches", err);
    launch_args args;
    args.spec = group->spec;
    args.runs = group->on_device;
    args.launches = group->launches_on_device;
    args.tile = group->tile;
    void *arguments[] = {&args};
    TRY_CUDA(cudaLaunchKernel(kernel_of(group->spec), dim3((unsigned)runs), dim3(group->threads), arguments,
                              group->shared, group->stream),
             "starting the training", err);
    TRY_CUDA(cudaMemcpyAsync(group->launches, group->launches_on_device, runs * sizeof *launches,
                             cudaMemcpyDeviceToHost, group->stream),
             "getting results", err);
    for (size_t i = 0; i < runs; i++)
        if (launches[i].iterations > 0)
            TRY_CUDA(cudaMemcpyAsync(group->losses + i * group->block, group->places[i].losses,
                                     launches[i].iterations * sizeof(double), cudaMemcpyDeviceToHost, group->stream),
                     "getting losses", err);
    return STATUS_OK;
}

status fused_runs_end(fused_runs *group, run_launch *launches, double *losses, error_info *err) {
    TRY_CUDA(cudaStreamSynchronize(group->stream), "training", err);
    memcpy(launches, group->launches, group->runs * sizeof *launches);
    memcpy(losses, group->losses, group->runs * group->block * sizeof *losses);
    return STATUS_OK;
}
