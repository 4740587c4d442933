/* fused_internal.h - the structure of the toy field's solves, shared by the files that implement it. */
#ifndef AFFJORD_FLOW_FUSED_INTERNAL_H
#define AFFJORD_FLOW_FUSED_INTERNAL_H

#include "backend/memory.h"
#include "base/detmath.h"
#include "flow/fused.h"

/* Workspace of one thread for one chunk. The state of a chunk is [z (D, CHUNK) | l (CHUNK)], its length n. */
typedef struct fused_workspace {
    real *state; /* (n) */
    real *cotangent; /* (n) */
    real *probe; /* (D, CHUNK) */
    real *states; /* (evaluations, n), of a solve with a backward pass */
    real *rk; /* workspace of the solver, for a state of 2 n */
    real *scratch; /* of the field's backward pass */
    real *joint; /* (2 n), for the adjoint */
} fused_workspace;

struct fused {
    const cnf_spec *spec;
    const parameter_table *parameters;
    const backend_ops *backend;
    parallel *workers;
    arena memory; /* owns itself too */
    solve_spec by;
    context *context;
    field *field;
    const field_grid_ops *ops; /* the field's */
    size_t evaluations; /* steps * stages, of one solve */
    size_t length; /* n = (D + 1) CHUNK */

    real *path, *pathbar; /* (evaluations, C), contexts */
    real *theta; /* (evaluations, stride), the field's weights */
    real *thetabar; /* (chunks of batch_max, evaluations, stride); the first chunk's becomes the sum */
    double *losses; /* (chunks of batch_max) */
    real *final; /* (chunks of batch_max, n), final states, for the adjoint */
    real *gradient; /* (P), a second one, for the adjoint */
    real *prepared; /* (P), the parameters of `path` and `theta`, which are along prepared_grid */
    time_grid prepared_grid; /* 0 steps: they are of a gradient, or not there */
    fused_workspace *workspaces; /* (threads) */
    const real *given_probe;
};

static inline time_grid fused_grid(const fused *self) {
    return (time_grid){.start = 0, .end = self->spec->end_time, .steps = self->spec->steps};
}

/* D log(2 pi s^2) + 2 log_volume, the constant of the base density. */
static inline double fused_base_logarithm(const fused *self) {
    const double log_two_pi = 1.8378770664093454836;
    const cnf_spec *spec = self->spec;
    return (double)spec->dimension * (log_two_pi + det_log(spec->base_variance)) + 2 * spec->log_volume;
}

#endif
