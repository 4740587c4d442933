/* conv_kinds.h - the kinds of convolutions of the processor. */
#ifndef AFFJORD_BACKEND_CPU_CONV_KINDS_H
#define AFFJORD_BACKEND_CPU_CONV_KINDS_H

#include "backend/conv.h"
#include "backend/cpu/level.h"

/* That of a method; the double build has plain loops for all. `math` changes nothing, as there are no units for less. */
status conv_create_cpu(const backend_ops *backend, conv_shape shape, conv_method method, conv_math math, conv **out);

status conv_plain_create(conv_shape shape, conv **out);
status conv_own_create(conv_shape shape, const cpu_level_ops *level, conv **out);

#endif
