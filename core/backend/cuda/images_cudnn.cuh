/* images_cudnn.cuh - declarations that the files of cuDNN share: the loaded library, and a plan, the implementation of
 * one operation for one shape. Requires cuDNN's headers. */
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
    OBJECTS_MAX = 16 + KNOBS_MAX /* of a plan: a dozen, plus the knobs */
};

/* The implementation of one operation for one shape, with all cuDNN objects that it was made of. */
typedef struct plan {
    const cudnn *library;
    bool tensor_cores; /* allowed */
    char text[PLAN_TEXT]; /* the plan to try first, or ""; then the chosen one */
    cudnnBackendDescriptor_t objects[OBJECTS_MAX]; /* (count), owned */
    unsigned count;
    cudnnStatus_t outcome; /* the first error; later calls do nothing */
    cudnnBackendDescriptor_t object; /* to be executed; one of `objects` */
    int64_t workspace; /* bytes */
} plan;

/* The identifiers of a plan's arrays. */
enum { ID_IMAGE = 1, ID_WEIGHT, ID_RESULT, IDS = 3 };

/* Plan the convolution of images with `in` channels to images with `out`, and the gradient of its weights. Return false
 * if no implementation is allowed. The caller releases the plan in either case. */
bool plan_convolution(plan *self, const conv_shape &shape, size_t in, size_t out);
bool plan_gradient(plan *self, const conv_shape &shape);
void plan_release(plan *self);

/* Create a cuDNN object, which the plan owns, NULL after an error; set one of its attributes; finalize it and return
 * whether there was no error so far. */
cudnnBackendDescriptor_t plan_make(plan *self, cudnnBackendDescriptorType_t type);
void plan_set(plan *self, cudnnBackendDescriptor_t object, cudnnBackendAttributeName_t name,
              cudnnBackendAttributeType_t type, int64_t count, const void *values);
bool plan_finish(plan *self, cudnnBackendDescriptor_t object);

#endif
