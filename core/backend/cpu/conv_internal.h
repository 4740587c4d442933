/* conv_internal.h - what the kinds of convolutions share. */
#ifndef AFFJORD_BACKEND_CPU_CONV_INTERNAL_H
#define AFFJORD_BACKEND_CPU_CONV_INTERNAL_H

#include "backend/cpu/conv.h"
#include "base/arena.h"

typedef struct conv_ops {
    void (*destroy)(conv *self); /* what the arena doesn't hold */
    void (*pack)(conv *self, const real *weight, real *forward, real *reverse);
    void (*forward)(conv *self, const real *forward, const real *x, real *y);
    void (*data_reverse)(conv *self, const real *reverse, const real *ybar, real *xbar);
    void (*weight_reverse)(conv *self, const real *x, const real *ybar, real *gradient);
    void (*unpack)(conv *self, const real *gradient, real *weightbar);
} conv_ops;

/* An implementation begins with it. */
struct conv {
    const conv_ops *ops;
    conv_shape shape;
    size_t forward_reals, reverse_reals, gradient_reals;
    arena memory; /* holds the object itself too */
};

status conv_plain_create(conv_shape shape, conv **out);
status conv_library_create(conv_shape shape, conv **out);
status conv_best_create(conv_shape shape, const backend_ops *backend, conv **out);

#endif
