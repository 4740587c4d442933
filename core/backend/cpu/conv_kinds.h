/* conv_kinds.h - the convolutions of the processor. */
#ifndef AFFJORD_BACKEND_CPU_CONV_KINDS_H
#define AFFJORD_BACKEND_CPU_CONV_KINDS_H

#include "backend/conv.h"
#include "backend/cpu/level.h"

/* Create the convolution of a method. The double build uses plain loops for all. `math` has no effect: a processor has
 * no units of lower precision. */
status conv_create_cpu(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out);

status conv_reference_create(conv_shape shape, conv **out);
status conv_own_create(conv_shape shape, const cpu_level_ops *level, conv **out);

#endif
