/* image_cnf_internal.h - what the files of a flow on images share. */
#ifndef AFFJORD_FLOW_IMAGE_CNF_INTERNAL_H
#define AFFJORD_FLOW_IMAGE_CNF_INTERNAL_H

#include "base/arena.h"
#include "field/mlp.h"
#include "flow/image_cnf.h"

struct image_cnf {
    image_cnf_spec spec;
    const backend_ops *backend;
    arena memory; /* holds the flow itself */
    conv_field *field;
    mlp g; /* where M > 0 */
    size_t end_time; /* offset of sqrt(T), where learned */
    size_t first, count; /* its range of parameters */
    size_t D, C, M;
    size_t batch_max;

    step_control *control; /* of the solve under way */
    double *T; /* (1), at the parameters of that solve */

    /* The context. */
    real *c, *cbar; /* (C) */
    real *slope; /* (M), g */
    real *g_bar; /* (M), cotangent of g */
    real *g_below; /* (M), what it gives to z* */
    real *net; /* workspace of g */
    real *still_bar; /* (C - M), cotangent of the entries that stand still */

    /* What a kept solve leaves. */
    adaptive_record record; /* of the discrete gradient */
    real *final; /* z and z* at the end, of the adjoint */

    /* Shared with other flows. */
    real *state, *values, *scaled, *constant, *basis, *below, *solve; /* parts of the workspace */
    real *gradients[2]; /* (P) each: of g at one evaluation; of an adjoint's right-hand side */
};

/* One solve under way. */
typedef struct image_solve {
    image_cnf *self;
    const real *params;
    size_t n;
    bool divergence; /* wanted, and what is integrated beside it */
    const real *e; /* (n, D), unused where the divergence is exact */
    real *gradient; /* (P), of a reverse: what is added to */
} image_solve;

/* Where the parts of a state are, in reals. */
typedef struct image_state {
    size_t l, moving, kinetic, jacobian, length;
} image_state;

image_state image_state_of(const image_cnf *self, size_t n);

/* Reals of an adjoint solve's state, [z | a | z* | a* | still entries' a | parameters' gradients]. */
size_t image_adjoint_length(const image_cnf *self, size_t n);

/* The equation, for an image_solve: dy <- F(s, y). */
void image_cnf_evaluate(void *solve, size_t evaluation, const double *s, const real *y, real *dy);

/* The context at *s, z* (M), and the field's numbers there. */
void image_cnf_see(const image_solve *solve, const double *s, const real *moving);

/* slope (M) <- g(z*), at the context last seen. */
void image_cnf_rate(const image_solve *solve);

/* The solver with the norm of a forward state. */
solve_spec image_cnf_solver(const image_cnf *self, size_t n);

/* A solve at these parameters, bound to the field, of z and z* alone. */
image_solve image_cnf_begin(image_cnf *self, const real *params, size_t n);

/* basis (n, D) <- the unit vector of number d. */
void image_cnf_basis(const image_cnf *self, size_t n, size_t d);

/* Where one unit vector's share goes of what is summed over all, and its addition. */
conv_values image_cnf_one(const image_cnf *self, size_t n, const conv_values *all);
void image_cnf_add_one(const image_cnf *self, size_t n, const conv_values *one, const conv_values *all);

/* y (n) += x. */
void image_cnf_add(const image_cnf *self, size_t n, const real *x, real *y);

#endif
