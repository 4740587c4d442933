/* image_cnf.h - one continuous normalizing flow of an image model: a convolutional field, its context, its end time.
 *
 * Time is counted in units of the end time, s = t/T in [0, 1], so that T is a parameter like any other:
 *
 *   dz/ds = T f(z, c)      dl/ds = T e.(J e)      dK/ds = T |f|^2      dR/ds = T |J e|^2
 *   c = T s                                          the clock (FFJORD)
 *   c = z*(s), dz*_i/ds = T g_i(z*) for i < M        the augmented state (AFFJORD), whose other entries stand still;
 *                                                    g = Linear(M, M), tanh, Linear(M, M)
 *
 * e is one probe for the whole solve, or every basis vector in turn where the divergence is exact. One state holds a
 * batch: [z (n, D) | l (n) | z* (M) | K (n) | R (n)]; steps are chosen by the error of z with l, and of z*.
 *
 * Nothing here scales with the mean over a batch: cotangents are those of a sum over images, of order one, so that the
 * tolerances of an adjoint solve mean the same for a batch of any size.
 *
 * Arrays are in the backend's memory, sums in double too; image_cnf_initialise alone writes to the program's. */
#ifndef AFFJORD_FLOW_IMAGE_CNF_H
#define AFFJORD_FLOW_IMAGE_CNF_H

#include "field/conv_field.h"
#include "ode/solve.h"

typedef struct image_cnf image_cnf;

typedef struct image_cnf_spec {
    conv_field_spec field;
    size_t moving; /* M; 0 for the clock, or a context that the field does not see */
    double end_time; /* T at the start */
    bool learn_end_time; /* sqrt(T) is a parameter */
    bool exact; /* divergence: D evaluations of the field instead of one */
    bool regularised; /* integrate K and R */
    bool adjoint; /* gradient by the continuous adjoint (eq. 4, 5) instead of through the steps */
    bool seminorm; /* of the adjoint: errors of the parameters' gradients do not count */
    size_t kept_steps; /* accepted steps of a solve whose gradient is taken, at most; 0: no gradient */
    bool keep_stages; /* keep the states of all their stages, which the reverse then need not evaluate again */
    solve_spec solver; /* its norm is set here */
} image_cnf_spec;

/* What one image's flow gives besides z, added up over flows. */
typedef struct image_cnf_sums {
    double *divergence; /* (n): l(1); all in the backend's memory */
    double *kinetic, *jacobian; /* (n): K(1), R(1); NULL where not regularised */
} image_cnf_sums;

/* Make a flow for batches of up to batch_max. Enters PREFIX.field.0.weight, ..., PREFIX.context.0.weight, ... where
 * M > 0, and PREFIX.end_time where it is learned. Workspace is not included, see image_cnf_share. The caller owns *out.
 * Errors: those of conv_field_create; STATUS_INVALID for M larger than the context. */
status image_cnf_create(const image_cnf_spec *spec, const char *prefix, size_t batch_max, parallel *workers,
                        const backend_ops *backend, parameter_table *table, image_cnf **out, failure *why);
void image_cnf_destroy(image_cnf **self);

/* Reals of workspace. Flows that are never solved at once share one, the largest, and two blocks of all parameters (P);
 * these are given to each once all are made. */
size_t image_cnf_workspace(const image_cnf *self);
void image_cnf_share(image_cnf *self, real *workspace, real *gradients[2]);

size_t image_cnf_dimension(const image_cnf *self); /* D */
size_t image_cnf_context(const image_cnf *self); /* C */
size_t image_cnf_bytes(const image_cnf *self); /* all that it holds, kept steps included */
size_t image_cnf_kept_bytes(const image_cnf *self); /* of these, kept steps */

void image_cnf_initialise(const image_cnf *self, uint64_t seed, real *params);

/* T at these parameters. */
double image_cnf_end_time(const image_cnf *self, const real *params);

/* z (n, D) at 0 becomes that at T, along probes e (n, D); context (C) likewise, where augmented; sums are added to.
 * Where `keep`, what the reverse needs is kept. Errors: those of solve_integrate, z and context then unspecified. */
status image_cnf_integrate(image_cnf *self, const real *params, size_t n, const real *e, bool keep, real *z,
                           real *context, const image_cnf_sums *sums, adaptive_statistics *statistics);

/* Reverse of the last image_cnf_integrate that kept, with the same arguments: zbar (n, D) and context_bar (C),
 * cotangents of what it ended with, become those of what it started with, for cotangents of the sums that are the same
 * for all images; gradient (P) is added to. Errors: those of solve_integrate. */
typedef struct image_cnf_weights {
    double divergence, kinetic, jacobian;
} image_cnf_weights;
status image_cnf_reverse(image_cnf *self, const real *params, size_t n, const real *e, image_cnf_weights bar,
                         real *zbar, real *context_bar, real *gradient, adaptive_statistics *statistics);

/* The context alone from 0 to T, which needs no batch: what sampling starts from. */
status image_cnf_move_context(image_cnf *self, const real *params, real *context, adaptive_statistics *statistics);

/* z (n, D) at T becomes that at 0, with the context (C) at T going back beside it. */
status image_cnf_invert(image_cnf *self, const real *params, size_t n, real *z, const real *context,
                        adaptive_statistics *statistics);

#endif
