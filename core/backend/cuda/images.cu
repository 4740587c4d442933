/* images.cu - the table of operations of a device: memory, stream, errors. */
#include "backend/cuda/images.cuh"

#include <stdlib.h>
#include <string.h>

#include "backend/cuda/fused_runs.cuh"

/* Pixels processed together if the batch is unknown: enough for all multiprocessors of a device. */
enum { TOGETHER_PIXELS = 1 << 17 };

/* Return whether host and device may exchange data; not within a step that the device repeats. */
static bool may_ask(const backend_ops *self) {
    const bool may = images_device(self)->launch_mode == LAUNCH_RUN;
    if (!may) images_fail(self, "repeating a step", "it copies between host and device");
    return may;
}

/* Note how much memory would have been taken with `bytes` more. */
static void note_short(cuda_backend *device, size_t bytes) {
    size_t available = 0, all;
    if (cudaMemGetInfo(&available, &all) != cudaSuccess || available > device->available) return;
    const size_t needed = device->available - available + bytes;
    if (needed > device->needed) device->needed = needed;
}

static status alloc(const backend_ops *self, size_t bytes, void **out) {
    void *block;
    if (!may_ask(self)) return STATUS_INVALID;
    if (cudaMalloc(&block, bytes ? bytes : 1) != cudaSuccess) {
        cudaGetLastError(); /* the caller may retry with less */
        note_short(images_device(self), bytes);
        return STATUS_MEMORY;
    }
    if (!images_note(self, cudaMemsetAsync(block, 0, bytes, images_device(self)->stream), "clearing memory")) {
        cudaFree(block);
        return images_device(self)->outcome;
    }
    *out = block;
    return STATUS_OK;
}

/* cudaFree waits for kernels that use the block. */
static void release(const backend_ops *self, void *block) {
    images_note(self, cudaFree(block), "freeing memory");
}

/* From pageable memory, CUDA has read everything when this returns. */
static void copy_to_device(const backend_ops *self, size_t bytes, const void *from, void *to) {
    if (!may_ask(self)) return;
    images_note(self, cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, images_device(self)->stream),
                "sending numbers");
}

bool images_wait(const backend_ops *self) {
    return images_note(self, cudaStreamSynchronize(images_device(self)->stream), "computing");
}

/* After an error, fill the destination with NaN, so that it cannot be mistaken for a result. */
static void copy_to_host(const backend_ops *self, size_t bytes, const void *from, void *to) {
    memset(to, 0xff, bytes);
    if (!may_ask(self)) return;
    images_note(self, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, images_device(self)->stream),
                "fetching numbers");
    if (!images_wait(self)) memset(to, 0xff, bytes);
}

bool images_fetch_sums(const backend_ops *self, size_t count) {
    cuda_backend *device = images_device(self);
    if (!may_ask(self)) return false;
    images_note(self,
                cudaMemcpyAsync(device->sums_host, device->sums, count * sizeof(double), cudaMemcpyDeviceToHost,
                                device->stream),
                "fetching numbers");
    return images_wait(self);
}

/* Process the whole batch: a GPU has enough memory, and larger batches are faster. */
static size_t images_together(const backend_ops *, size_t pixels, size_t batch) {
    const size_t images = TOGETHER_PIXELS / pixels;
    return batch > 0 ? batch : images < 1 ? 1 : images;
}

static void fill_table(backend_ops *table) {
    table->name = "cuda";
    table->concurrent = false; /* one stream */
    table->alloc = alloc;
    table->release = release;
    table->copy_to_device = copy_to_device;
    table->copy_to_host = copy_to_host;
    images_vectors(table);
    images_networks(table);
    images_field(table);
    images_attention(table);
    table->images_together = images_together;
    table->conv_create = images_conv_create;
    /* toy_evaluate and toy_backward are NULL: points train by the functions toy_*, and no image model has a toy
     * field. */
}

static status build(cuda_backend *device, error_info *err) {
    cudaDeviceProp about;
    TRY_CUDA(cudaGetDeviceProperties(&about, device->device), "asking for a device's properties", err);
    TRY(fused_runs_supports(device->device, &about, err));
    size_t all;
    TRY_CUDA(cudaMemGetInfo(&device->available, &all), "asking for a device's memory", err);
    TRY_CUDA(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking), "making a stream", err);
    TRY_CUDA(cudaMalloc((void **)&device->partial, PARTIAL_MAX * sizeof(float)), "taking memory", err);
    TRY_CUDA(cudaMalloc((void **)&device->sums, SUMS_MAX * sizeof(double)), "taking memory", err);
    TRY_CUDA(cudaMallocHost((void **)&device->sums_host, SUMS_MAX * sizeof(double)), "taking memory", err);
    fill_table(&device->table);
    TRY(images_graphs_open(device, err));
    images_cudnn_open(device);
    return STATUS_OK;
}

status images_open(int number, const backend_ops **out, error_info *err) {
    cuda_backend *device = (cuda_backend *)calloc(1, sizeof *device);
    if (!device) return error_set(err, STATUS_MEMORY, "out of memory");
    device->device = number;
    const backend_ops *table = &device->table;
    const status outcome = build(device, err);
    if (outcome == STATUS_OK) *out = table;
    else images_close(&table);
    return outcome;
}

status images_state(const backend_ops *self, error_info *err) {
    const cuda_backend *device = images_device(self);
    if (device->outcome == STATUS_OK) return STATUS_OK;
    return error_set(err, device->outcome, "%s", device->err.text);
}

size_t images_needed(const backend_ops *self) {
    return images_device(self)->needed;
}

bool images_library(const backend_ops *self, error_info *which) {
    const cuda_backend *device = images_device(self);
    *which = device->remark;
    if (!device->library || device->own == 0) return device->library != NULL;
    const unsigned began = device->began_own, without = device->own - began;
    if (began > 0 && without > 0)
        error_describe(which, "the run began with them for %u of %u, and keeps them; for %u %.200s has no plan", began,
                       device->convolutions, without, device->remark.text);
    else if (began > 0)
        error_describe(which, "the run began with them for %u of %u, and keeps them", began, device->convolutions);
    else
        error_describe(which, "%s has no plan for %u of %u convolutions", device->remark.text, without,
                       device->convolutions);
    return false;
}

void images_close(const backend_ops **backend) {
    cuda_backend *device = images_device(*backend);
    if (!device) return;
    if (device->stream) cudaStreamSynchronize(device->stream);
    images_graphs_close(device);
    images_cudnn_close(device);
    images_blas_close(device);
    plan_book_release(&device->plans);
    if (device->stream) cudaStreamDestroy(device->stream);
    cudaFree(device->partial);
    cudaFree(device->sums);
    cudaFreeHost(device->sums_host);
    free(device);
    *backend = NULL;
}
