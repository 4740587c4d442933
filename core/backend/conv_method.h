/* conv_method.h - which code computes the convolutions of the image models, and of what. */
#ifndef AFFJORD_BACKEND_CONV_METHOD_H
#define AFFJORD_BACKEND_CONV_METHOD_H

/* The device's kernels (on a GPU cuDNN's), or plain loops. */
typedef enum conv_method { CONV_BEST, CONV_PLAIN, CONV_METHODS } conv_method;

/* What the inputs of a convolution, images, weights and cotangents, are rounded to first: not at all, to the 10 bits
 * of fraction of tf32, to the 7 of bf16. Products and sums are fp32's. */
typedef enum conv_math { MATH_FP32, MATH_TF32, MATH_BF16, CONV_MATHS } conv_math;

#endif
