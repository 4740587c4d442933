/* conv_rounded.h - convolutions whose inputs are rounded first, on any device. */
#ifndef AFFJORD_BACKEND_CONV_ROUNDED_H
#define AFFJORD_BACKEND_CONV_ROUNDED_H

#include "backend/conv.h"

/* Create the backend's convolution with all inputs rounded to `math`, which is not MATH_FP32. The caller owns *out.
 * Errors: those of the backend's conv_create, STATUS_MEMORY. */
status conv_rounded_create(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math,
                           conv **out);

#endif
