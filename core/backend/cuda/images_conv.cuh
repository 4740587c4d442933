/* images_conv.cuh - the kinds of convolutions of a device. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_CONV_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_CONV_CUH

#include "backend/cuda/images.cuh"

extern "C" {
#include "backend/conv.h"
}

/* By own kernels (images_conv.cu). Errors: STATUS_INVALID for more pixels or weights than 2^31, STATUS_MEMORY. */
status images_conv_own(const backend_ops *device, conv_shape shape, conv **out);

/* *out <- `count` floats of the device, owned by the arena. Errors: STATUS_MEMORY. */
status images_conv_reals(const backend_ops *device, arena *memory, size_t count, float **out);

#endif
