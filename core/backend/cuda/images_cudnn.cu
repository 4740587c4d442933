/* images_cudnn.cu - 3 x 3 convolutions by cuDNN's backend API, the operation graph.
 *
 * cuDNN is loaded when images are trained, not linked, because the program and the training of points do not need it.
 * Without it, convolutions use own kernels and a remark is printed: they are slower but equivalent. AFFJORD_CUDNN names
 * another file than libcudnn.so.9, or "none".
 *
 * Images and weights are channel-last, (N, H, W, C) and (K, R, S, C), in single precision. The gradient with respect to
 * the data is a convolution with the 180-degree-rotated weights, so two operations suffice: a convolution, and the
 * gradient of its weights. images_cudnn_plan.cu chooses their implementation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/dynamic.cuh"
#include "backend/cuda/images_conv.cuh"

#if __has_include(<cudnn_graph.h>)

#include "backend/cuda/images_cudnn.cuh"

#ifndef CUDNN_LIBRARY
#define CUDNN_LIBRARY "libcudnn.so.9"
#endif

enum { VERSION_LEAST = 90000 };

/* --- The library --- */

static bool find_all(cudnn *library) {
    void *file = library->file;
    return find_function(file, "cudnnGetVersion", &library->version) &&
           find_function(file, "cudnnGetErrorString", &library->say) &&
           find_function(file, "cudnnCreate", &library->create) &&
           find_function(file, "cudnnDestroy", &library->destroy) &&
           find_function(file, "cudnnSetStream", &library->set_stream) &&
           find_function(file, "cudnnBackendCreateDescriptor", &library->create_descriptor) &&
           find_function(file, "cudnnBackendDestroyDescriptor", &library->destroy_descriptor) &&
           find_function(file, "cudnnBackendFinalize", &library->finalize) &&
           find_function(file, "cudnnBackendSetAttribute", &library->set) &&
           find_function(file, "cudnnBackendGetAttribute", &library->get) &&
           find_function(file, "cudnnBackendExecute", &library->execute);
}

/* Initialise a loaded library; return the problem, or NULL if there is none. */
static const char *begin(cudnn *library, cudaStream_t stream) {
    if (!find_all(library)) return "functions of cuDNN 9 are missing";
    if (library->version() < (size_t)VERSION_LEAST) return "expected cuDNN 9, found an older version";
    const cudnnStatus_t made = library->create(&library->handle);
    if (made != CUDNN_STATUS_SUCCESS) {
        library->handle = NULL;
        return library->say(made);
    }
    const cudnnStatus_t set = library->set_stream(library->handle, stream);
    return set == CUDNN_STATUS_SUCCESS ? NULL : library->say(set);
}

void images_cudnn_open(cuda_backend *device) {
    const char *given = getenv("AFFJORD_CUDNN"), *name = given ? given : CUDNN_LIBRARY;
    cudnn *library = strcmp(name, "none") != 0 ? (cudnn *)calloc(1, sizeof *library) : NULL;
    if (!library) {
        error_describe(&device->remark, "AFFJORD_CUDNN = none");
        return;
    }
    library->file = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    const char *wrong = library->file ? begin(library, device->stream) : dlerror();
    device->library = library;
    if (!wrong) {
        const size_t version = library->version();
        snprintf(library->name, sizeof library->name, "cuDNN %zu.%zu.%zu", version / 10000, version / 100 % 100,
                 version % 100);
        error_describe(&device->remark, "%s", library->name);
        return;
    }
    error_describe(&device->remark, "cuDNN cannot be used: %s: %.600s", name, wrong);
    images_cudnn_close(device);
}

void images_cudnn_close(cuda_backend *device) {
    cudnn *library = device->library;
    if (!library) return;
    if (library->handle) library->destroy(library->handle);
    free(library); /* the file stays loaded, because CUDA's libraries register handlers for the program's end */
    device->library = NULL;
}

/* --- The object --- */

typedef struct cudnn_conv {
    conv base;
    const backend_ops *device;
    const cudnn *library;
    uint64_t number; /* unique */
    plan plans[WAYS];
    float *workspace; /* the larger workspace of its plans, in device memory */
    float *gradient; /* (out, 3, 3, in) in device memory: the result of one call, which is then added */
} cudnn_conv;

/* Execute a plan. Its variant pack holds the addresses of the arrays; it is immutable, so each call makes one in host
 * memory. */
static void run(const cudnn_conv *self, unsigned which, const float *image, const float *weight, const float *result) {
    const cudnn *library = self->library;
    const int64_t ids[IDS] = {ID_IMAGE, ID_WEIGHT, ID_RESULT};
    const void *arrays[IDS] = {image, weight, result};
    if (images_device(self->device)->launch_mode == LAUNCH_RECORD) {
        images_record_launch(self->device, self->plans[which].object, self->number, which, arrays, sizeof arrays);
        return;
    }
    plan call = {};
    call.library = library;
    const cudnnBackendDescriptor_t pack = plan_make(&call, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    plan_set(&call, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, IDS, ids);
    plan_set(&call, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, IDS, arrays);
    plan_set(&call, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &self->workspace);
    if (plan_finish(&call, pack)) call.outcome = library->execute(library->handle, self->plans[which].object, pack);
    if (call.outcome != CUDNN_STATUS_SUCCESS)
        images_fail(self->device, "cuDNN: computing a convolution", library->say(call.outcome));
    plan_release(&call);
}

static void cudnn_pack(conv *self, const real *weight, real *forward, real *backward) {
    images_conv_pack(((cudnn_conv *)self)->device, self->shape, weight, forward, backward);
}
static void cudnn_forward(conv *self, const real *forward, const real *x, real *y) {
    run((cudnn_conv *)self, WAY_FORWARD, x, forward, y);
}
static void cudnn_backward_data(conv *self, const real *backward, const real *ybar, real *xbar) {
    run((cudnn_conv *)self, WAY_DATA, ybar, backward, xbar);
}
static void cudnn_backward_weight(conv *base, const real *x, const real *ybar, real *gradient) {
    const cudnn_conv *self = (cudnn_conv *)base;
    run(self, WAY_WEIGHT, x, self->gradient, ybar);
    images_conv_add(self->device, images_conv_weights(base->shape), 1, self->gradient, gradient);
}
static void cudnn_unpack(conv *self, const real *gradient, real *weightbar) {
    images_conv_unpack(((cudnn_conv *)self)->device, self->shape, gradient, weightbar);
}

/* Wait for pending kernels first. */
static void cudnn_destroy(conv *base) {
    cudnn_conv *self = (cudnn_conv *)base;
    cudaStreamSynchronize(images_device(self->device)->stream);
    for (unsigned i = 0; i < WAYS; i++) plan_release(&self->plans[i]);
}

static const conv_ops cudnn_ops = {cudnn_destroy,         cudnn_pack,  cudnn_forward, cudnn_backward_data,
                                   cudnn_backward_weight, cudnn_unpack};

static status build(cudnn_conv *self, conv_math math, plan_kind *kind) {
    conv *base = &self->base;
    const conv_shape s = base->shape;
    for (unsigned i = 0; i < WAYS; i++) {
        self->plans[i].library = self->library;
        self->plans[i].tensor_cores = math != MATH_FP32;
        memcpy(self->plans[i].text, kind->plans[i], sizeof kind->plans[i]);
    }
    plan *plans = self->plans;
    if (!plan_convolution(&plans[WAY_FORWARD], s, s.in, s.out) || !plan_convolution(&plans[WAY_DATA], s, s.out, s.in) ||
        !plan_gradient(&plans[WAY_WEIGHT], s))
        return STATUS_INVALID;
    int64_t bytes = 0;
    for (unsigned i = 0; i < WAYS; i++)
        if (self->plans[i].workspace > bytes) bytes = self->plans[i].workspace;
    const size_t floats = ((size_t)bytes + sizeof(float) - 1) / sizeof(float);
    TRY(images_conv_reals(self->device, &base->memory, floats, &self->workspace));
    TRY(images_conv_reals(self->device, &base->memory, images_conv_weights(s), &self->gradient));
    for (unsigned i = 0; i < WAYS; i++) memcpy(kind->plans[i], plans[i].text, sizeof plans[i].text);
    kind->used = true;
    return STATUS_OK;
}

status images_conv_cudnn(const backend_ops *device, conv_shape shape, conv_math math, plan_kind *kind, conv **out) {
    arena memory = {};
    cudnn_conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    conv *base = &self->base;
    base->ops = &cudnn_ops;
    base->shape = shape;
    base->forward_reals = base->backward_reals = base->gradient_reals = images_conv_weights(shape);
    base->memory = memory;
    self->device = device;
    self->library = images_device(device)->library;
    self->number = ++images_device(device)->numbered;
    const status made = build(self, math, kind);
    if (made == STATUS_OK) {
        *out = base;
        return STATUS_OK;
    }
    cudnn_destroy(base);
    memory = base->memory;
    arena_release(&memory);
    return made;
}

#else /* compiled without cuDNN's headers */

void images_cudnn_open(cuda_backend *device) {
    error_describe(&device->remark, "cuDNN's headers were missing when libaffjord_cuda.so was compiled");
}
void images_cudnn_close(cuda_backend *) {}
status images_conv_cudnn(const backend_ops *, conv_shape, conv_math, plan_kind *, conv **) {
    return STATUS_INVALID;
}

#endif
