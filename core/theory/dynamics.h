/* dynamics.h - a vector field with its context as one autonomous equation, and its derivatives.
 *
 *   w = [z, c],   dw/dt = h(w) = [f(z, c; theta), g(c; phi)]        (eq. 8; the clock is g = 1)
 *
 * for one point. A(w) = dh/dw is what the cable rule (eq. 11) integrates; for this h its lower left block dg/dz is
 * zero. B(w) = dh/d(theta, phi) is what a total derivative (eq. 13) gathers: where a hypernet makes the field's numbers
 * from c, it is df/dtheta(t) dtheta(t)/dtheta. All of it is taken from the library's fields and contexts by their own
 * evaluations and reverses. Made for the double build. */
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

/* What every one has; an implementation begins with it. */
struct dynamics {
    const dynamics_ops *ops;
    const backend_ops *backend;
    size_t z, c; /* numbers of z and of the context that moves */
    size_t n; /* z + c */
    size_t parameters; /* P */
    const real *params; /* (P), the caller's or, of a drawn field, its own; may be changed between calls */
};

/* The toy field of a specification, of which field and context are looked at; params as cnf_parameters tells. The
 * general augmentation (eq. 7), whose g sees z, is such a field on z and z* together with the clock. The caller owns
 * *out, and params outlive it. Errors: STATUS_MEMORY. */
status dynamics_toy(const cnf_spec *spec, const real *params, dynamics **out);

/* The convolutional field of a flow at end time 1, its context z* with `moving` entries that move by Linear, tanh,
 * Linear, or the clock where 0. Parameters are drawn by `seed`, `scale` times as large as at a training's start, and
 * owned. Errors: those of conv_field_create. */
status dynamics_image(const conv_field_spec *spec, size_t moving, uint64_t seed, double scale, dynamics **out,
                      failure *why);

void dynamics_destroy(dynamics **self);

/* h (n) <- h(w). A (n, n) <- dh/dw, and B (n, P) <- dh/dparams where not NULL. */
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
