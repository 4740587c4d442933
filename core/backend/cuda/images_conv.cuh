/* images_conv.cuh - the convolutions of a device. All have the same packed weights: (out, 3, 3, in), and for the
 * backward pass to the data (in, 3, 3, out), rotated by 180 degrees. */
#ifndef AFFJORD_BACKEND_CUDA_IMAGES_CONV_CUH
#define AFFJORD_BACKEND_CUDA_IMAGES_CONV_CUH

#include "backend/cuda/images.cuh"

extern "C" {
#include "backend/conv.h"
}

/* Create a convolution by own kernels (images_conv.cu). Errors: STATUS_INVALID for more than 2^31 pixels or weights,
 * STATUS_MEMORY. */
status images_conv_own(const backend_ops *device, conv_shape shape, conv **out);

/* Create a convolution by cuDNN (images_cudnn.cu), which must be open; below fp32 it may use tensor cores. The recorded
 * plans of its kind are tried first; the chosen plans are recorded. Errors: STATUS_INVALID if cuDNN has no
 * deterministic implementation of this shape that sums in single precision, STATUS_MEMORY. */
status images_conv_cudnn(const backend_ops *device, conv_shape shape, conv_math math, plan_kind *kind, conv **out);

/* Return the number of reals of a weight, of its gradient, or of either packed. */
static inline size_t images_conv_weights(const conv_shape &s) {
    return CONV_TAPS * s.in * s.out;
}

/* conv_pack and conv_unpack for all convolutions of a device. */
void images_conv_pack(const backend_ops *device, const conv_shape &s, const real *weight, real *forward,
                      real *backward);
void images_conv_unpack(const backend_ops *device, const conv_shape &s, const real *gradient, real *weightbar);

/* gradient (n) += the sum of partial (parts, n), added in order. */
void images_conv_add(const backend_ops *device, size_t n, size_t parts, const real *partial, real *gradient);

/* *out <- `count` floats in device memory, owned by the arena. Errors: STATUS_MEMORY. */
status images_conv_reals(const backend_ops *device, arena *memory, size_t count, float **out);

#endif
