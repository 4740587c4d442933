/* fleet.cu - the device memory of runs that train side by side, and their launches.
 *
 * All device memory of these runs is one block, divided among them. Data that the host sends and receives is in
 * page-locked memory, so that copies to the device, the launch and the copies to the host follow each other on the
 * device without the host. */
#include "backend/cuda/fleet.cuh"

#include <stdlib.h>
#include <string.h>

#include "backend/cuda/errors.cuh"
#include "backend/cuda/toy_train.cuh"

enum { PLACES = 2 };

struct toy_fleet {
    toy_program program;
    int device;
    size_t runs, block;
    unsigned tile, threads;
    size_t shared; /* bytes of a block's shared memory */
    cudaStream_t stream;
    unsigned char *memory; /* in device memory: the tables of runs and orders, then the runs */
    toy_run *on_device; /* (runs) */
    toy_order *orders_on_device; /* (runs) */
    toy_run *places; /* (runs), the same table in host memory */
    float *batches[PLACES]; /* (runs, block, n, D) */
    toy_adam *adam; /* (runs, block) */
    toy_order *orders; /* (runs) */
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

static unsigned threads_of(const toy_program &program) {
    const unsigned chunks = (program.batch + CHUNK - 1) / CHUNK;
    return CHUNK * (chunks < CHUNKS_TOGETHER ? chunks : (unsigned)CHUNKS_TOGETHER);
}

static size_t batch_floats(const toy_program &program) {
    return (size_t)program.batch * program.dimension;
}

static toy_run share_run(const toy_program &program, size_t block, sharing *from) {
    const toy_net &net = program.hypernet;
    const size_t E = toy_evaluations(program), P = program.parameters, C = program.context;
    const size_t W = program.width, D = program.dimension;
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
    run.theta = share_floats(from, E * program.stride);
    run.thetabar = share_floats(from, E * program.stride);
    run.states = share_floats(from, E * D * threads_of(program));
    run.batches = share_floats(from, block * batch_floats(program));
    run.adam = (toy_adam *)share(from, block * sizeof(toy_adam));
    for (unsigned i = 0; i < TOY_HELD_MAX; i++) {
        run.held[i] = share_floats(from, program.held[i] * D);
        run.log_density[i] = share_doubles(from, program.held[i]);
    }
    run.losses = share_doubles(from, block);
    return run;
}

size_t fleet_bytes(const toy_program *program, size_t block) {
    sharing counting = {NULL, 0};
    share_run(*program, block, &counting);
    return counting.used;
}

/* Return the kernel for this dimension. */
static void (*kernel_of(const toy_program &program))(toy_launch) {
    return program.dimension == 2 ? toy_train<2> : toy_train<0>;
}

/* Choose the most units at a time that the shared memory has room for. */
static status plan_shared(toy_fleet *fleet, size_t available, failure *why) {
    const toy_program &program = fleet->program;
    size_t floats = forward_pool_floats(program);
    const size_t motion = program.augmented ? motion_pool_floats(program) : 0;
    const size_t terms = fleet->threads * sizeof(double) / sizeof(float);
    if (motion > floats) floats = motion;
    if (terms > floats) floats = terms;
    fleet->tile = program.width;
    while (fleet->tile > 1 && reverse_pool_floats(program, fleet->threads, fleet->tile) * sizeof(float) > available)
        fleet->tile--;
    const unsigned tiles = (program.width + fleet->tile - 1) / fleet->tile; /* equal tiles leave more to the cache */
    fleet->tile = (program.width + tiles - 1) / tiles;
    const size_t reverse = reverse_pool_floats(program, fleet->threads, fleet->tile);
    if (reverse > floats) floats = reverse;
    fleet->shared = floats * sizeof(float);
    if (fleet->shared <= available) return STATUS_OK;
    return fail(why, STATUS_INVALID,
                "model.width = %u, model.augmented_width = %u: a block would need %zu bytes of shared memory, and the "
                "device has %zu; train this model with --device cpu",
                program.width, program.motion.size[1], fleet->shared, available);
}

static status take_memory(toy_fleet *fleet, failure *why) {
    const size_t runs = fleet->runs, block = fleet->block;
    sharing counting = {NULL, 0};
    share(&counting, runs * sizeof(toy_run));
    share(&counting, runs * sizeof(toy_order));
    for (size_t i = 0; i < runs; i++) share_run(fleet->program, block, &counting);
    size_t available = 0, all = 0;
    TRY_CUDA(cudaMemGetInfo(&available, &all), "asking for a device's memory", why);
    if (cudaMalloc((void **)&fleet->memory, counting.used) != cudaSuccess) {
        cudaGetLastError();
        fleet->memory = NULL;
        return fail(why, STATUS_MEMORY,
                    "out of memory on CUDA device %d: %zu runs need %.0f MB, and %.0f MB are free; fewer at a time "
                    "(--jobs) need less",
                    fleet->device, runs, 1e-6 * (double)counting.used, 1e-6 * (double)available);
    }
    TRY_CUDA(cudaMemset(fleet->memory, 0, counting.used), "clearing memory", why);
    sharing from = {fleet->memory, 0};
    fleet->on_device = (toy_run *)share(&from, runs * sizeof(toy_run));
    fleet->orders_on_device = (toy_order *)share(&from, runs * sizeof(toy_order));
    fleet->places = (toy_run *)calloc(runs, sizeof(toy_run));
    if (!fleet->places) return fail(why, STATUS_MEMORY, "out of memory");
    for (size_t i = 0; i < runs; i++) fleet->places[i] = share_run(fleet->program, block, &from);
    for (size_t i = 0; i < PLACES; i++)
        TRY_CUDA(
            cudaMallocHost((void **)&fleet->batches[i], runs * block * batch_floats(fleet->program) * sizeof(float)),
            "taking memory for batches", why);
    TRY_CUDA(cudaMallocHost((void **)&fleet->adam, runs * block * sizeof *fleet->adam), "taking memory", why);
    TRY_CUDA(cudaMallocHost((void **)&fleet->orders, runs * sizeof *fleet->orders), "taking memory", why);
    TRY_CUDA(cudaMallocHost((void **)&fleet->losses, runs * block * sizeof *fleet->losses), "taking memory", why);
    return cuda_outcome(cudaMemcpy(fleet->on_device, fleet->places, runs * sizeof(toy_run), cudaMemcpyHostToDevice),
                        "copying", why);
}

status fleet_supports(int device, const cudaDeviceProp *about, failure *why) {
    cudaFuncAttributes unused;
    TRY_CUDA(cudaSetDevice(device), "choosing a device", why);
    const cudaError_t code = cudaFuncGetAttributes(&unused, toy_train<2>);
    if (code != cudaErrorNoKernelImageForDevice && code != cudaErrorInvalidDeviceFunction)
        return cuda_outcome(code, "looking for kernels", why);
    cudaGetLastError();
    return fail(why, STATUS_INVALID, "CUDA device %d is an sm_%d%d, and libaffjord_cuda.so was built for %s", device,
                about->major, about->minor, AFFJORD_CUDA_ARCHITECTURES);
}

static status build(toy_fleet *fleet, failure *why) {
    cudaDeviceProp about;
    TRY_CUDA(cudaGetDeviceProperties(&about, fleet->device), "asking for a device's properties", why);
    TRY(fleet_supports(fleet->device, &about, why));
    TRY(plan_shared(fleet, about.sharedMemPerBlockOptin, why));
    TRY_CUDA(cudaFuncSetAttribute(kernel_of(fleet->program), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  (int)fleet->shared),
             "asking for shared memory", why);
    TRY_CUDA(cudaStreamCreateWithFlags(&fleet->stream, cudaStreamNonBlocking), "making a stream", why);
    return take_memory(fleet, why);
}

status fleet_create(int device, const toy_program *program, size_t runs, size_t block, toy_fleet **out, failure *why) {
    if (program->dimension > TOY_DEVICE_DIMENSION_MAX)
        return fail(why, STATUS_INVALID, "data of %u dimensions: --device cuda takes at most %d", program->dimension,
                    TOY_DEVICE_DIMENSION_MAX);
    toy_fleet *fleet = (toy_fleet *)calloc(1, sizeof *fleet);
    if (!fleet) return fail(why, STATUS_MEMORY, "out of memory");
    fleet->program = *program;
    fleet->device = device;
    fleet->runs = runs;
    fleet->block = block;
    fleet->threads = threads_of(*program);
    const status outcome = build(fleet, why);
    if (outcome != STATUS_OK) {
        fleet_destroy(&fleet);
        return outcome;
    }
    *out = fleet;
    return STATUS_OK;
}

void fleet_destroy(toy_fleet **at) {
    toy_fleet *fleet = *at;
    if (!fleet) return;
    cudaSetDevice(fleet->device);
    if (fleet->stream) {
        cudaStreamSynchronize(fleet->stream);
        cudaStreamDestroy(fleet->stream);
    }
    cudaFree(fleet->memory);
    for (size_t i = 0; i < PLACES; i++) cudaFreeHost(fleet->batches[i]);
    cudaFreeHost(fleet->adam);
    cudaFreeHost(fleet->orders);
    cudaFreeHost(fleet->losses);
    free(fleet->places);
    free(fleet);
    *at = NULL;
}

/* --- The state of runs --- */

static status send(toy_fleet *fleet, float *to, const float *from, size_t count, failure *why) {
    TRY_CUDA(cudaSetDevice(fleet->device), "choosing a device", why);
    return cuda_outcome(cudaMemcpy(to, from, count * sizeof *to, cudaMemcpyHostToDevice), "copying", why);
}

static status fetch(toy_fleet *fleet, void *to, const void *from, size_t bytes, failure *why) {
    TRY_CUDA(cudaSetDevice(fleet->device), "choosing a device", why);
    return cuda_outcome(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copying", why);
}

status fleet_path(toy_fleet *fleet, const float *path, failure *why) {
    for (size_t i = 0; i < fleet->runs; i++)
        TRY(send(fleet, fleet->places[i].path, path, toy_evaluations(fleet->program), why));
    return STATUS_OK;
}

status fleet_put(toy_fleet *fleet, size_t run, const float *params, const float *first, const float *second,
                 failure *why) {
    const toy_run &place = fleet->places[run];
    const size_t P = fleet->program.parameters;
    TRY(send(fleet, place.params, params, P, why));
    TRY(send(fleet, place.first, first, P, why));
    return send(fleet, place.second, second, P, why);
}

status fleet_get(toy_fleet *fleet, size_t run, float *params, float *first, float *second, failure *why) {
    const toy_run &place = fleet->places[run];
    const size_t bytes = fleet->program.parameters * sizeof(float);
    TRY(fetch(fleet, params, place.params, bytes, why));
    TRY(fetch(fleet, first, place.first, bytes, why));
    return fetch(fleet, second, place.second, bytes, why);
}

status fleet_hold(toy_fleet *fleet, size_t run, size_t which, const float *x, failure *why) {
    const toy_program &program = fleet->program;
    return send(fleet, fleet->places[run].held[which], x, (size_t)program.held[which] * program.dimension, why);
}

status fleet_measured(toy_fleet *fleet, size_t run, size_t which, double *log_density, failure *why) {
    return fetch(fleet, log_density, fleet->places[run].log_density[which],
                 fleet->program.held[which] * sizeof *log_density, why);
}

float *fleet_batches(toy_fleet *fleet, size_t place, size_t run) {
    return fleet->batches[place] + run * fleet->block * batch_floats(fleet->program);
}

/* --- Launches --- */

static status send_run(toy_fleet *fleet, size_t place, size_t run, failure *why) {
    const toy_run &at = fleet->places[run];
    const size_t count = fleet->orders[run].iterations;
    if (count == 0) return STATUS_OK;
    TRY_CUDA(cudaMemcpyAsync(at.batches, fleet_batches(fleet, place, run),
                             count * batch_floats(fleet->program) * sizeof(float), cudaMemcpyHostToDevice,
                             fleet->stream),
             "sending batches", why);
    return cuda_outcome(cudaMemcpyAsync(at.adam, fleet->adam + run * fleet->block, count * sizeof(toy_adam),
                                        cudaMemcpyHostToDevice, fleet->stream),
                        "sending Adam's constants", why);
}

status fleet_begin(toy_fleet *fleet, size_t place, const toy_order *orders, const toy_adam *adam, failure *why) {
    const size_t runs = fleet->runs;
    TRY_CUDA(cudaSetDevice(fleet->device), "choosing a device", why);
    memcpy(fleet->orders, orders, runs * sizeof *orders);
    memcpy(fleet->adam, adam, runs * fleet->block * sizeof *adam);
    for (size_t i = 0; i < runs; i++) TRY(send_run(fleet, place, i, why));
    TRY_CUDA(cudaMemcpyAsync(fleet->orders_on_device, fleet->orders, runs * sizeof *orders, cudaMemcpyHostToDevice,
                             fleet->stream),
             "sending orders", why);
    toy_launch launch;
    launch.program = fleet->program;
    launch.runs = fleet->on_device;
    launch.orders = fleet->orders_on_device;
    launch.tile = fleet->tile;
    void *arguments[] = {&launch};
    TRY_CUDA(cudaLaunchKernel(kernel_of(fleet->program), dim3((unsigned)runs), dim3(fleet->threads), arguments,
                              fleet->shared, fleet->stream),
             "starting the training", why);
    TRY_CUDA(cudaMemcpyAsync(fleet->orders, fleet->orders_on_device, runs * sizeof *orders, cudaMemcpyDeviceToHost,
                             fleet->stream),
             "getting results", why);
    for (size_t i = 0; i < runs; i++)
        if (orders[i].iterations > 0)
            TRY_CUDA(cudaMemcpyAsync(fleet->losses + i * fleet->block, fleet->places[i].losses,
                                     orders[i].iterations * sizeof(double), cudaMemcpyDeviceToHost, fleet->stream),
                     "getting losses", why);
    return STATUS_OK;
}

status fleet_end(toy_fleet *fleet, toy_order *orders, double *losses, failure *why) {
    TRY_CUDA(cudaStreamSynchronize(fleet->stream), "training", why);
    memcpy(orders, fleet->orders, fleet->runs * sizeof *orders);
    memcpy(losses, fleet->losses, fleet->runs * fleet->block * sizeof *losses);
    return STATUS_OK;
}
