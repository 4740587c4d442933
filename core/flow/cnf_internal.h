/* cnf_internal.h - what the files of the flow share. */
#ifndef AFFJORD_FLOW_CNF_INTERNAL_H
#define AFFJORD_FLOW_CNF_INTERNAL_H

#include "context/context.h"
#include <math.h>

#include "field/hyper_mlp.h"
#include "flow/cnf.h"
#include "flow/chain_internal.h"
#include "flow/noise.h"

/* What one thread needs for one chunk. The state of a chunk is [z (D, CHUNK) | l (CHUNK)], its length n. */
typedef struct cnf_lane {
    real *state; /* (n) */
    real *cotangent; /* (n) */
    real *probe; /* (D, CHUNK) */
    real *states; /* (evaluations, n), of a solve that is to be reversed */
    real *rk; /* workspace of the solver, for a state of 2 n */
    real *scratch; /* of the field's reverse */
    real *joint; /* (2 n), of the adjoint */
} cnf_lane;

struct cnf {
    cnf_spec spec;
    const backend_ops *backend;
    const tableau *method;
    parallel *workers;
    arena memory;
    size_t batch_max;

    /* Any field and any solver; NULL for a fused flow, which has what follows it. */
    chain *model;
    chain_statistics last; /* of its last call */

    parameter_table parameters;
    context *context;
    field *field;
    const field_grid_ops *grid; /* its operations */
    size_t evaluations; /* steps * stages, of one solve */
    size_t length; /* n = (D + 1) CHUNK */
    size_t chunks_max; /* of a batch whose gradient is taken */

    real *path; /* (evaluations, C), contexts */
    real *pathbar; /* (evaluations, C) */
    real *theta; /* (evaluations, stride), the field's numbers */
    real *thetabar; /* (chunks_max, evaluations, stride); the first chunk's becomes the sum */
    double *losses; /* (chunks_max) */
    real *final; /* (chunks_max, n), final states, of the adjoint */
    real *gradient; /* (P), a second one, of the adjoint */
    cnf_lane *lanes; /* (threads) */
    const real *given_probe; /* (n, D), used instead of drawn ones where not NULL */
};

/* One chunk's equation, dz/dt = f and dl/dt = div f. */
typedef struct cnf_chunk {
    const cnf *flow;
    cnf_lane *lane;
    const real *probe; /* NULL for the exact divergence */
    size_t first; /* evaluation, of those prepared, that the solve begins with */
    real *thetabar; /* (evaluations, stride) of this chunk */
} cnf_chunk;

static inline grid cnf_grid_forward(const cnf *flow) {
    return (grid){.start = 0, .end = flow->spec.end_time, .steps = flow->spec.steps};
}
static inline grid cnf_grid_backward(const cnf *flow) {
    return (grid){.start = flow->spec.end_time, .end = 0, .steps = flow->spec.steps};
}
static inline solve_spec cnf_solver(const cnf *flow) {
    return (solve_spec){.method = flow->method, .steps = flow->spec.steps};
}
static inline size_t cnf_chunks(size_t n) {
    return (n + CHUNK - 1) / CHUNK;
}
/* Points in a chunk. */
static inline size_t cnf_chunk_points(size_t n, size_t chunk) {
    return n - chunk * CHUNK < CHUNK ? n - chunk * CHUNK : CHUNK;
}

/* The context of a flow; `method` of its paths. */
context_spec cnf_context_spec(const cnf_spec *spec, const tableau *method);

/* The calls of cnf.h on a flow that is not fused (cnf_points.c); `from`, `to` and `at` are parts of T. */
status cnf_points_create(cnf *flow, failure *why);
status cnf_points_transform(cnf *flow, const real *params, double from, const real *x, size_t n, random_stream probe,
                            real *z, double *log_density, cnf_statistics *statistics);
status cnf_points_invert(cnf *flow, const real *params, double to, const real *z, size_t n, real *x,
                         cnf_statistics *statistics);
status cnf_points_field(cnf *flow, const real *params, double at, const real *z, size_t n, real *dz, real *c);
status cnf_points_gradient(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient, cnf_statistics *statistics);

/* Contexts and the field's numbers at every evaluation of a solve along g. */
void cnf_prepare(cnf *flow, const real *params, grid g);

/* state <- chunk `chunk` of x (n, D), with zeros for missing points and for l; and its probe, NULL if exact. */
const real *cnf_load_chunk(const cnf *flow, cnf_lane *lane, const real *x, size_t n, size_t chunk, random_stream probe);

/* The equation for a solve and its reverse; `chunk` must outlive it. */
ode_system cnf_system(cnf_chunk *chunk);

/* Sum over the chunk's points of -log N(z(T); 0, s^2 I) - l, and into cotangent (n) its derivative by the final state,
 * divided by the `n` points of the batch. */
double cnf_terminal(const cnf *flow, const real *state, size_t points, size_t n, real *cotangent);

/* D log(2 pi s^2) + 2 log_volume, the constant of the base density. */
double cnf_base_logarithm(const cnf *flow);

/* -log N(z; 0, s^2 I) - l of point i of a state. */
double cnf_point_loss(const cnf *flow, const real *state, size_t i);

/* The two gradients of cnf_loss_gradient; gradient (P) is overwritten, *loss is the mean. */
void cnf_gradient_discrete(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient);
void cnf_gradient_adjoint(cnf *flow, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                          real *gradient);

#endif
