/* images_cudnn.cu - 3 x 3 convolutions by cuDNN's backend API, the operation graph.
 *
 * cuDNN is opened when images are trained, not linked: points and the program
 * itself don't need it, and a machine without it computes images by own kernels
 * with a remark, as slow numbers are better than none and have the same meaning.
 * AFFJORD_CUDNN names another file than libcudnn.so.9, or "none".
 *
 * Images and weights are channel-last, (N, H, W, C) and (K, R, S, C), in single
 * precision. The gradient of the data is a convolution by the weights turned by
 * half a circle, so there are two operations, a convolution and the gradient of
 * its weights. For each shape the heuristics propose ways to compute it, best
 * first, and the first that is allowed, and that cuDNN can make a plan of, is
 * taken. Not allowed are those whose results are not the same each time, and those
 * that round what they multiply or add up to less than single precision (tensor
 * cores would to TF32), or transform it first (Winograd, FFT): a solver takes the
 * differences between its stages for its own error.
 *
 * Below fp32, tensor cores are allowed. What they are given was rounded to tf32 or
 * bf16 before (conv_rounded.c), whose numbers are TF32's too, so they cut nothing
 * off that matters, and multiply exactly. A way that converts its inputs by itself
 * (to half precision, whose exponents are too few) stays forbidden, and so do sums
 * in less than single precision. bf16 has no tensors of its own: its results would
 * have to be of single precision still, for which cuDNN has fewer ways, and another
 * pass over the images would take back much of what a faster product gives. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/images_conv.cuh"

#if __has_include(<cudnn_graph.h>)

#include <cudnn_graph.h>

#ifndef CUDNN_LIBRARY
#define CUDNN_LIBRARY "libcudnn.so.9"
#endif

enum {
    VERSION_LEAST = 90000,
    CONFIGS_MAX = 64, /* proposals that are looked at */
    ALIGNED = 16 /* bytes, of all arrays: conv.h says 64 */
};
static const int64_t workspace_max = (int64_t)1 << 28; /* bytes */

/* --- The library --- */

struct cudnn {
    void *file;
    cudnnHandle_t handle;
    decltype(&cudnnGetVersion) version;
    decltype(&cudnnGetErrorString) say;
    decltype(&cudnnCreate) create;
    decltype(&cudnnDestroy) destroy;
    decltype(&cudnnSetStream) set_stream;
    decltype(&cudnnBackendCreateDescriptor) create_descriptor;
    decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor;
    decltype(&cudnnBackendFinalize) finalize;
    decltype(&cudnnBackendSetAttribute) set;
    decltype(&cudnnBackendGetAttribute) get;
    decltype(&cudnnBackendExecute) execute;
};

template <class function> static bool find(void *file, const char *name, function *out) {
    void *symbol = dlsym(file, name);
    memcpy(out, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_all(cudnn *library) {
    void *file = library->file;
    return find(file, "cudnnGetVersion", &library->version) && find(file, "cudnnGetErrorString", &library->say) &&
           find(file, "cudnnCreate", &library->create) && find(file, "cudnnDestroy", &library->destroy) &&
           find(file, "cudnnSetStream", &library->set_stream) &&
           find(file, "cudnnBackendCreateDescriptor", &library->create_descriptor) &&
           find(file, "cudnnBackendDestroyDescriptor", &library->destroy_descriptor) &&
           find(file, "cudnnBackendFinalize", &library->finalize) &&
           find(file, "cudnnBackendSetAttribute", &library->set) &&
           find(file, "cudnnBackendGetAttribute", &library->get) &&
           find(file, "cudnnBackendExecute", &library->execute);
}

/* What is wrong with a library that was opened; NULL for nothing. */
static const char *begin(cudnn *library, cudaStream_t stream) {
    if (!find_all(library)) return "it lacks functions of cuDNN 9";
    if (library->version() < (size_t)VERSION_LEAST) return "it is older than cuDNN 9";
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
        failure_describe(&device->remark, "cuDNN is not asked for");
        return;
    }
    library->file = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    const char *wrong = library->file ? begin(library, device->stream) : dlerror();
    device->library = library;
    if (!wrong) {
        const size_t version = library->version();
        failure_describe(&device->remark, "cuDNN %zu.%zu.%zu", version / 10000, version / 100 % 100, version % 100);
        return;
    }
    failure_describe(&device->remark, "cuDNN cannot be used: %s: %.600s", name, wrong);
    images_cudnn_close(device);
}

void images_cudnn_close(cuda_backend *device) {
    cudnn *library = device->library;
    if (!library) return;
    if (library->handle) library->destroy(library->handle);
    free(library); /* its file stays open, as CUDA's libraries leave handlers for the end of the program */
    device->library = NULL;
}

/* --- Descriptors --- */

enum { OBJECTS_MAX = 16 /* of a plan: it has nine or ten */ };

/* How one operation on one shape is computed: all of cuDNN's objects that it was made of, which live as long. */
typedef struct plan {
    const cudnn *library;
    bool tensor_cores; /* may be used */
    cudnnBackendDescriptor_t objects[OBJECTS_MAX]; /* (count), owned */
    unsigned count;
    cudnnStatus_t outcome; /* the first failure; nothing is done any more after it */
    cudnnBackendDescriptor_t object; /* to be executed; one of them */
    int64_t workspace; /* bytes */
} plan;

static void plan_release(plan *self) {
    while (self->count > 0) self->library->destroy_descriptor(self->objects[--self->count]);
    self->object = NULL;
}

static cudnnBackendDescriptor_t make(plan *self, cudnnBackendDescriptorType_t type) {
    cudnnBackendDescriptor_t object = NULL;
    if (self->outcome == CUDNN_STATUS_SUCCESS) self->outcome = self->library->create_descriptor(type, &object);
    if (self->outcome != CUDNN_STATUS_SUCCESS) return NULL;
    self->objects[self->count++] = object;
    return object;
}
static void set(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *values) {
    if (self->outcome == CUDNN_STATUS_SUCCESS) self->outcome = self->library->set(object, name, type, count, values);
}
static void set_number(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name, int64_t value) {
    set(self, object, name, CUDNN_TYPE_INT64, 1, &value);
}
static void set_object(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
                       cudnnBackendDescriptor_t value) {
    set(self, object, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}
static bool finish(plan *self, cudnnBackendDescriptor_t object) {
    if (self->outcome == CUDNN_STATUS_SUCCESS) self->outcome = self->library->finalize(object);
    return self->outcome == CUDNN_STATUS_SUCCESS;
}

/* What a plan's arrays are called. */
enum { ID_IMAGE = 1, ID_WEIGHT, ID_RESULT, IDS = 3 };

/* (count, channels, height, width) as cuDNN counts them, channels last in memory. */
static cudnnBackendDescriptor_t make_tensor(plan *self, int64_t id, size_t count, size_t channels, size_t height,
                                            size_t width) {
    const cudnnBackendDescriptor_t tensor = make(self, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    const int64_t n = (int64_t)count, c = (int64_t)channels, h = (int64_t)height, w = (int64_t)width;
    const int64_t dimensions[] = {n, c, h, w}, strides[] = {h * w * c, 1, w * c, c};
    set(self, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    set(self, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dimensions);
    set(self, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
    set_number(self, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
    set_number(self, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, ALIGNED);
    finish(self, tensor);
    return tensor;
}

/* 3 x 3, one pixel of zeros around, accumulated in single precision. */
static cudnnBackendDescriptor_t make_convolution(plan *self) {
    const cudnnBackendDescriptor_t convolution = make(self, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const int64_t ones[] = {1, 1};
    set_number(self, convolution, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
    set(self, convolution, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    set(self, convolution, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    set(self, convolution, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
    set(self, convolution, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
    set(self, convolution, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
    set(self, convolution, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, ones);
    finish(self, convolution);
    return convolution;
}

/* --- Plans --- */

/* Whether a proposal is deterministic and in single precision: it has no numerical note but one on NaN, and where they may
 * be used on tensor cores. */
static bool may_use(const plan *self, cudnnBackendDescriptor_t config) {
    const cudnn *library = self->library;
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnBackendDescriptor_t engine;
    int64_t count = 0;
    if (library->create_descriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) != CUDNN_STATUS_SUCCESS) return false;
    bool may = library->get(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &engine) ==
                   CUDNN_STATUS_SUCCESS &&
               library->get(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                            CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes) == CUDNN_STATUS_SUCCESS;
    for (int64_t i = 0; may && i < count; i++)
        may = notes[i] == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP ||
              (self->tensor_cores && notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
    library->destroy_descriptor(engine);
    return may;
}

/* Whether cuDNN makes something to execute of the proposal, whose workspace isn't too large. */
static bool try_config(plan *self, cudnnBackendDescriptor_t config) {
    const cudnn *library = self->library;
    const cudnnBackendDescriptor_t made = make(self, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    int64_t count = 0;
    set(self, made, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &library->handle);
    set_object(self, made, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    const bool good = finish(self, made) &&
                      library->get(made, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                   &self->workspace) == CUDNN_STATUS_SUCCESS &&
                      self->workspace <= workspace_max;
    if (good) {
        self->object = made;
        return true;
    }
    if (made) library->destroy_descriptor(self->objects[--self->count]); /* the next may do */
    self->outcome = CUDNN_STATUS_SUCCESS;
    return false;
}

/* The first of the proposals of one of cuDNN's heuristics that will do. */
static bool choose_by(plan *self, cudnnBackendDescriptor_t graph, cudnnBackendHeurMode_t mode) {
    const cudnn *library = self->library;
    cudnnBackendDescriptor_t configs[CONFIGS_MAX];
    int64_t count = 0, made = 0;
    bool found = false;
    const cudnnBackendDescriptor_t heuristic = make(self, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    set_object(self, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    set(self, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    const bool asked = finish(self, heuristic);
    self->outcome = CUDNN_STATUS_SUCCESS; /* another heuristic may have an answer */
    while (asked && made < CONFIGS_MAX &&
           library->create_descriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &configs[made]) == CUDNN_STATUS_SUCCESS)
        made++;
    if (made == 0 || library->get(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &count,
                                  configs) != CUDNN_STATUS_SUCCESS)
        count = 0;
    for (int64_t i = 0; i < made; i++) {
        const bool chosen = !found && i < count && may_use(self, configs[i]) && try_config(self, configs[i]);
        if (chosen) self->objects[self->count++] = configs[i];
        else library->destroy_descriptor(configs[i]);
        found |= chosen;
    }
    return found;
}

static bool choose(plan *self, cudnnBackendDescriptor_t operation) {
    const cudnnBackendDescriptor_t graph = make(self, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    set(self, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &self->library->handle);
    set_object(self, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    return finish(self, graph) &&
           (choose_by(self, graph, CUDNN_HEUR_MODE_A) || choose_by(self, graph, CUDNN_HEUR_MODE_FALLBACK));
}

/* The convolution of images of `in` channels to such of `out`. */
static bool plan_convolution(plan *self, const conv_shape &s, size_t in, size_t out) {
    const float one = 1, zero = 0;
    const cudnnBackendDescriptor_t x = make_tensor(self, ID_IMAGE, s.images, in, s.height, s.width);
    const cudnnBackendDescriptor_t weight = make_tensor(self, ID_WEIGHT, out, in, 3, 3);
    const cudnnBackendDescriptor_t y = make_tensor(self, ID_RESULT, s.images, out, s.height, s.width);
    const cudnnBackendDescriptor_t convolution = make_convolution(self);
    const cudnnBackendDescriptor_t operation = make(self, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
    set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weight);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    return finish(self, operation) && choose(self, operation);
}

/* The gradient of its weights. */
static bool plan_gradient(plan *self, const conv_shape &s) {
    const float one = 1, zero = 0;
    const cudnnBackendDescriptor_t x = make_tensor(self, ID_IMAGE, s.images, s.in, s.height, s.width);
    const cudnnBackendDescriptor_t gradient = make_tensor(self, ID_WEIGHT, s.out, s.in, 3, 3);
    const cudnnBackendDescriptor_t ybar = make_tensor(self, ID_RESULT, s.images, s.out, s.height, s.width);
    const cudnnBackendDescriptor_t convolution = make_convolution(self);
    const cudnnBackendDescriptor_t operation =
        make(self, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
    set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
    set(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, ybar);
    set_object(self, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, gradient);
    return finish(self, operation) && choose(self, operation);
}

/* --- The object --- */

enum { FORWARD, REVERSE, GRADIENT, PLANS };

typedef struct cudnn_conv {
    conv base;
    const backend_ops *device;
    const cudnn *library;
    uint64_t number; /* which no other has, nor had */
    plan plans[PLANS];
    float *workspace; /* as much as the largest of them wants, on the device */
    float *gradient; /* (out, 3, 3, in) on the device: of one call, which is then added */
} cudnn_conv;

/* A variant pack says where the arrays are. It is made for each call, as it cannot be changed; that is host memory. */
static void run(const cudnn_conv *self, unsigned which, const float *image, const float *weight, const float *result) {
    const cudnn *library = self->library;
    const int64_t ids[IDS] = {ID_IMAGE, ID_WEIGHT, ID_RESULT};
    const void *arrays[IDS] = {image, weight, result};
    if (images_device(self->device)->doing == WRITING_DOWN) {
        images_write_down(self->device, self->plans[which].object, self->number, which, arrays, sizeof arrays);
        return;
    }
    plan call = {};
    call.library = library;
    const cudnnBackendDescriptor_t pack = make(&call, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    set(&call, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, IDS, ids);
    set(&call, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, IDS, arrays);
    set(&call, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &self->workspace);
    if (finish(&call, pack)) call.outcome = library->execute(library->handle, self->plans[which].object, pack);
    if (call.outcome != CUDNN_STATUS_SUCCESS)
        images_fail(self->device, "cuDNN: computing a convolution", library->say(call.outcome));
    plan_release(&call);
}

static void cudnn_pack(conv *self, const real *weight, real *forward, real *reverse) {
    images_conv_pack(((cudnn_conv *)self)->device, self->shape, weight, forward, reverse);
}
static void cudnn_forward(conv *self, const real *forward, const real *x, real *y) {
    run((cudnn_conv *)self, FORWARD, x, forward, y);
}
static void cudnn_data_reverse(conv *self, const real *reverse, const real *ybar, real *xbar) {
    run((cudnn_conv *)self, REVERSE, ybar, reverse, xbar);
}
static void cudnn_weight_reverse(conv *base, const real *x, const real *ybar, real *gradient) {
    const cudnn_conv *self = (cudnn_conv *)base;
    run(self, GRADIENT, x, self->gradient, ybar);
    images_conv_add(self->device, images_conv_weights(base->shape), 1, self->gradient, gradient);
}
static void cudnn_unpack(conv *self, const real *gradient, real *weightbar) {
    images_conv_unpack(((cudnn_conv *)self)->device, self->shape, gradient, weightbar);
}

/* What was begun is waited for first. */
static void cudnn_destroy(conv *base) {
    cudnn_conv *self = (cudnn_conv *)base;
    cudaStreamSynchronize(images_device(self->device)->stream);
    for (unsigned i = 0; i < PLANS; i++) plan_release(&self->plans[i]);
}

static const conv_ops cudnn_ops = {cudnn_destroy,      cudnn_pack,           cudnn_forward,
                                   cudnn_data_reverse, cudnn_weight_reverse, cudnn_unpack};

static status build(cudnn_conv *self, conv_math math) {
    conv *base = &self->base;
    const conv_shape s = base->shape;
    for (unsigned i = 0; i < PLANS; i++) {
        self->plans[i].library = self->library;
        self->plans[i].tensor_cores = math != MATH_FP32;
    }
    if (!plan_convolution(&self->plans[FORWARD], s, s.in, s.out) ||
        !plan_convolution(&self->plans[REVERSE], s, s.out, s.in) || !plan_gradient(&self->plans[GRADIENT], s))
        return STATUS_INVALID;
    int64_t bytes = 0;
    for (unsigned i = 0; i < PLANS; i++)
        if (self->plans[i].workspace > bytes) bytes = self->plans[i].workspace;
    const size_t floats = ((size_t)bytes + sizeof(float) - 1) / sizeof(float);
    TRY(images_conv_reals(self->device, &base->memory, floats, &self->workspace));
    return images_conv_reals(self->device, &base->memory, images_conv_weights(s), &self->gradient);
}

status images_conv_cudnn(const backend_ops *device, conv_shape shape, conv_math math, conv **out) {
    arena memory = {};
    cudnn_conv *self;
    TRY(ARENA_NEW(&memory, 1, &self));
    conv *base = &self->base;
    base->ops = &cudnn_ops;
    base->shape = shape;
    base->forward_reals = base->reverse_reals = base->gradient_reals = images_conv_weights(shape);
    base->memory = memory;
    self->device = device;
    self->library = images_device(device)->library;
    self->number = ++images_device(device)->plans;
    const status made = build(self, math);
    if (made == STATUS_OK) {
        *out = base;
        return STATUS_OK;
    }
    cudnn_destroy(base);
    memory = base->memory;
    arena_release(&memory);
    return made;
}

#else /* the library was compiled where cuDNN's headers are not */

void images_cudnn_open(cuda_backend *device) {
    failure_describe(&device->remark, "cuDNN's headers were missing when libaffjord_cuda.so was compiled");
}
void images_cudnn_close(cuda_backend *) {}
status images_conv_cudnn(const backend_ops *, conv_shape, conv_math, conv **) {
    return STATUS_INVALID;
}

#endif
