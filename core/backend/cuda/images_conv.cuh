/* images_conv.cuh - the kinds of convolutions of a device, which have their packed weights in common:
 * (out, 3, 3, in), and for the way back (in, 3, 3, out), turned by half a circle. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_CONV_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_CONV_CUH

#include "backend/cuda/images.cuh"

extern "C" {
#include "backend/conv.h"
}

/* By own kernels (images_conv.cu). Errors: STATUS_INVALID for more pixels or weights than 2^31, STATUS_MEMORY. */
status images_conv_own(const backend_ops *device, conv_shape shape, conv **out);

/* By cuDNN (images_cudnn.cu), where the device has opened it; below fp32 on tensor cores, if they are the best. The
 * plans of its kind are tried first, and are those that were chosen afterwards. Errors:
 * STATUS_INVALID where it has no way to compute this shape that is deterministic and sums in single precision,
 * STATUS_MEMORY. */
status images_conv_cudnn(const backend_ops *device, conv_shape shape, conv_math math, plan_kind *kind, conv **out);

/* Numbers of a weight, its gradient, or either packed. */
static inline size_t images_conv_weights(const conv_shape &s) {
    return CONV_TAPS * s.in * s.out;
}

/* What conv_pack and conv_unpack are for all kinds. */
void images_conv_pack(const backend_ops *device, const conv_shape &s, const real *weight, real *forward, real *reverse);
void images_conv_unpack(const backend_ops *device, const conv_shape &s, const real *gradient, real *weightbar);

/* gradient (n) += the sum of partial (parts, n), added in order. */
void images_conv_add(const backend_ops *device, size_t n, size_t parts, const real *partial, real *gradient);

/* *out <- `count` floats of the device, owned by the arena. Errors: STATUS_MEMORY. */
status images_conv_reals(const backend_ops *device, arena *memory, size_t count, float **out);

#endif
