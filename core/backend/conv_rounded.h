/* conv_rounded.h - convolutions of rounded inputs, on any device. */
#ifndef AFFJORD_BACKEND_CONV_ROUNDED_H
#define AFFJORD_BACKEND_CONV_ROUNDED_H

#include "backend/conv.h"

/* The backend's convolution of a shape, all of whose inputs are rounded to `math` before; not for MATH_FP32. The caller
 * owns *out. Errors: those of the backend's, STATUS_MEMORY. */
status conv_rounded_create(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math,
                           conv **out);

#endif
