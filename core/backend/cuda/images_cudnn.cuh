/* images_cudnn.cuh - what the files of cuDNN share: the library as it was opened, and a plan, which is how one
 * operation on one shape is computed. Only where cuDNN's headers are. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_CUDNN_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_CUDNN_CUH

#include <cudnn_graph.h>

#include "backend/cuda/images_conv.cuh"

struct cudnn {
    void *file;
    cudnnHandle_t handle;
    char name[32]; /* "cuDNN 9.19.0" */
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

enum {
    KNOBS_MAX = 48, /* settings of an engine */
    OBJECTS_MAX = 16 + KNOBS_MAX /* of a plan: a dozen, and the knobs */
};

/* How one operation on one shape is computed: all of cuDNN's objects that it was made of, which live as long. */
typedef struct plan {
    const cudnn *library;
    bool tensor_cores; /* may be used */
    char text[PLAN_TEXT]; /* the one to be tried first, or ""; then the one that was chosen */
    cudnnBackendDescriptor_t objects[OBJECTS_MAX]; /* (count), owned */
    unsigned count;
    cudnnStatus_t outcome; /* the first failure; nothing is done any more after it */
    cudnnBackendDescriptor_t object; /* to be executed; one of them */
    int64_t workspace; /* bytes */
} plan;

/* What a plan's arrays are called. */
enum { ID_IMAGE = 1, ID_WEIGHT, ID_RESULT, IDS = 3 };

/* The convolution of images of `in` channels to such of `out`; the gradient of its weights. False if there is no way
 * that is allowed. The caller releases the plan in either case. */
bool plan_convolution(plan *self, const conv_shape &shape, size_t in, size_t out);
bool plan_gradient(plan *self, const conv_shape &shape);
void plan_release(plan *self);

/* One of cuDNN's objects, which the plan owns; NULL after a failure. Set one of its attributes. Be done with that:
 * whether nothing has failed so far. */
cudnnBackendDescriptor_t plan_make(plan *self, cudnnBackendDescriptorType_t type);
void plan_set(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
              cudnnBackendAttributeType_t type, int64_t count, const void *values);
bool plan_finish(plan *self, cudnnBackendDescriptor_t object);

#endif
