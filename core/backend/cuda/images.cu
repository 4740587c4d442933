/* images.cu - the table of operations of a device: memory, stream, errors. */
#include "backend/cuda/images.cuh"

#include <stdlib.h>
#include <string.h>

#include "backend/cuda/fleet.cuh"

/* Pixels processed together if the batch is unknown: enough for all multiprocessors of a device. */
enum { TOGETHER_PIXELS = 1 << 17 };

/* Return whether host and device may exchange data; not within a step that the device repeats. */
static bool may_ask(const backend_ops *self) {
    const bool may = images_device(self)->doing == LAUNCHING;
    if (!may) images_fail(self, "repeating a step", "it copies between host and device");
    return may;
}

static status take(const backend_ops *self, size_t bytes, void **out) {
    void *block;
    if (!may_ask(self)) return STATUS_INVALID;
    if (cudaMalloc(&block, bytes ? bytes : 1) != cudaSuccess) {
        cudaGetLastError(); /* the caller may retry with less */
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
static void give_back(const backend_ops *self, void *block) {
    images_note(self, cudaFree(block), "freeing memory");
}

/* From pageable memory, CUDA has read everything when this returns. */
static void upload(const backend_ops *self, size_t bytes, const void *from, void *to) {
    if (!may_ask(self)) return;
    images_note(self, cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, images_device(self)->stream),
                "sending numbers");
}

bool images_wait(const backend_ops *self) {
    return images_note(self, cudaStreamSynchronize(images_device(self)->stream), "computing");
}

/* After an error, fill the destination with NaN, so that it cannot be mistaken for a result. */
static void download(const backend_ops *self, size_t bytes, const void *from, void *to) {
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
                cudaMemcpyAsync(device->sums_near, device->sums, count * sizeof(double), cudaMemcpyDeviceToHost,
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
    table->take = take;
    table->give_back = give_back;
    table->upload = upload;
    table->download = download;
    images_vectors(table);
    images_networks(table);
    images_field(table);
    table->images_together = images_together;
    table->conv_create = images_conv_create;
    /* toy_evaluate and toy_reverse are NULL: points train by the functions toy_*, and no image model has a toy field. */
}

static status build(cuda_backend *device, failure *why) {
    cudaDeviceProp about;
    TRY_CUDA(cudaGetDeviceProperties(&about, device->device), "asking for a device's properties", why);
    TRY(fleet_supports(device->device, &about, why));
    TRY_CUDA(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking), "making a stream", why);
    TRY_CUDA(cudaMalloc((void **)&device->partial, PARTIAL_MAX * sizeof(float)), "taking memory", why);
    TRY_CUDA(cudaMalloc((void **)&device->sums, SUMS_MAX * sizeof(double)), "taking memory", why);
    TRY_CUDA(cudaMallocHost((void **)&device->sums_near, SUMS_MAX * sizeof(double)), "taking memory", why);
    fill_table(&device->table);
    TRY(images_graphs_open(device, why));
    images_cudnn_open(device);
    return STATUS_OK;
}

status images_open(int number, const backend_ops **out, failure *why) {
    cuda_backend *device = (cuda_backend *)calloc(1, sizeof *device);
    if (!device) return fail(why, STATUS_MEMORY, "out of memory");
    device->device = number;
    const backend_ops *table = &device->table;
    const status outcome = build(device, why);
    if (outcome == STATUS_OK) *out = table;
    else images_close(&table);
    return outcome;
}

status images_state(const backend_ops *self, failure *why) {
    const cuda_backend *device = images_device(self);
    if (device->outcome == STATUS_OK) return STATUS_OK;
    return fail(why, device->outcome, "%s", device->why.text);
}

bool images_library(const backend_ops *self, failure *which) {
    const cuda_backend *device = images_device(self);
    *which = device->remark;
    if (!device->library || device->own == 0) return device->library != NULL;
    const unsigned began = device->began_own, without = device->own - began;
    if (began > 0 && without > 0)
        failure_describe(which, "the run began with them for %u of %u, and keeps them; for %u %.200s has no plan",
                         began, device->convolutions, without, device->remark.text);
    else if (began > 0)
        failure_describe(which, "the run began with them for %u of %u, and keeps them", began, device->convolutions);
    else
        failure_describe(which, "%s has no plan for %u of %u convolutions", device->remark.text, without,
                         device->convolutions);
    return false;
}

void images_close(const backend_ops **backend) {
    cuda_backend *device = images_device(*backend);
    if (!device) return;
    if (device->stream) cudaStreamSynchronize(device->stream);
    images_graphs_close(device);
    images_cudnn_close(device);
    plan_book_release(&device->plans);
    if (device->stream) cudaStreamDestroy(device->stream);
    cudaFree(device->partial);
    cudaFree(device->sums);
    cudaFreeHost(device->sums_near);
    free(device);
    *backend = NULL;
}
