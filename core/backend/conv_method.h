/* conv_method.h - implementation and precision of the convolutions of the image models. */
#ifndef AFFJORD_BACKEND_CONV_METHOD_H
#define AFFJORD_BACKEND_CONV_METHOD_H

#include "base/choices.h"

/* The device's best kernels (cuDNN's on a GPU), or plain loops. */
typedef enum conv_method { CONV_AUTO, CONV_REFERENCE, CONV_METHODS } conv_method;

/* The precision to which the inputs of a convolution (images, weights and cotangents) are rounded: fp32, tf32 with 10
 * bits of fraction, bf16 with 7. Products and sums are fp32. */
#define MATHS(ENTRY) ENTRY(MATH_FP32, "fp32") ENTRY(MATH_TF32, "tf32") ENTRY(MATH_BF16, "bf16")
/* A precision, by its place in the table. */
typedef enum conv_math { MATHS(CHOICE_SYMBOL) CONV_MATHS } conv_math;

#endif
