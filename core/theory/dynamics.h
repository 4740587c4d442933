/* dynamics.h - a vector field with its context as one autonomous equation, and its derivatives.
 *
 *   w = [z, c],   dw/dt = h(w) = [f(z, c; theta), g(c; phi)]        (eq. 8; for the time as context, g = 1)
 *
 * for one point. The cable rule (eq. 11) integrates A(w) = dh/dw; its lower left block dg/dz is zero for this h. The
 * total derivative (eq. 13) uses B(w) = dh/d(theta, phi); if a hypernet computes the field's weights from c, B contains
 * df/dtheta(t) dtheta(t)/dtheta. All derivatives come from the forward and backward passes of the library's fields and
 * contexts. Intended for the double build. */
#ifndef AFFJORD_THEORY_DYNAMICS_H
#define AFFJORD_THEORY_DYNAMICS_H

#include "base/status.h"
#include "field/conv_field.h"
#include "base/parameters.h"
#include "flow/cnf.h"
#include "ode/solve.h"

typedef struct dynamics dynamics;

typedef struct dynamics_ops {
    const char *name;
    void (*start)(dynamics *of, const real *z, real *w);
    void (*value)(dynamics *of, const real *w, real *h);
    void (*linearise)(dynamics *of, const real *w, double *A, double *B);
    void (*destroy)(dynamics *of);
} dynamics_ops;

/* The common part; an implementation begins with it. */
struct dynamics {
    const dynamics_ops *ops;
    const backend_ops *backend;
    size_t z, c; /* entries of z, and of the context that moves */
    size_t n; /* z + c */
    size_t parameters; /* P */
    const real *params; /* (P), owned by the caller, or by a drawn field; may change between calls */
};

/* Create the dynamics of a toy flow: its field and context, with params in the layout of cnf_parameters. The general
 * augmentation (eq. 7), whose g depends on z, is such a field on [z, z*] with the time as context. The caller owns
 * *out; params must outlive it. Errors: STATUS_MEMORY. */
status dynamics_toy(const cnf_spec *spec, const real *params, dynamics **out);

/* Create the dynamics of an image flow's convolutional field at end time 1. The context is z* with `moving` entries and
 * dynamics Linear, tanh, Linear, or the time if `moving` is 0. The object draws and owns the parameters: `seed` selects
 * them, `scale` multiplies the values that a training starts with. Errors: those of conv_field_create. */
status dynamics_image(const conv_field_spec *spec, size_t moving, uint64_t seed, double scale, dynamics **out,
                      error_info *err);

void dynamics_destroy(dynamics **self);

/* h (n) <- h(w). A (n, n) <- dh/dw; B (n, P) <- dh/dparams unless NULL. */
static inline void dynamics_value(dynamics *of, const real *w, real *h) {
    of->ops->value(of, w, h);
}
static inline void dynamics_linearise(dynamics *of, const real *w, double *A, double *B) {
    of->ops->linearise(of, w, A, B);
}

/* w (n) <- [z, c(0)]. */
static inline void dynamics_start(dynamics *of, const real *z, real *w) {
    of->ops->start(of, z, w);
}

#endif
