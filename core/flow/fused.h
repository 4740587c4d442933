/* fused.h - the fused solve of the toy field with fixed steps, a fixed end time and no regularizer.
 *
 * One part of a solve does not depend on the batch: the context's path and the field's weights at every evaluation.
 * The other is independent for each chunk of points. Threads take chunks; each chunk passes through all steps while
 * it is in the first-level cache (field_grid_ops). Shapes and meanings are those of cnf.h; `step` is that of
 * cnf_moment_time. Calls accept a batch of any size, except the gradient. */
#ifndef AFFJORD_FLOW_FUSED_H
#define AFFJORD_FLOW_FUSED_H

#include "backend/fused_kernel_spec.h"
#include "context/context.h"
#include "field/hyper_mlp.h"
#include "flow/cnf.h"

typedef struct fused fused;

/* Return whether a flow has this solve. */
bool fused_takes(const cnf_spec *spec);

/* Create the solve, and add the field's and the context's parameters to the table. `spec`, with its backend, and
 * `table` must outlive it. */
status fused_create(const cnf_spec *spec, size_t batch_max, parallel *workers, parameter_table *table, fused **out);
void fused_destroy(fused **self);
size_t fused_bytes(const fused *self);
void fused_initialise(const fused *self, uint64_t seed, real *params);

size_t fused_evaluations(const fused *self); /* of one solve */

/* Integrate from `step` to T; z may be NULL. Integrate from T to `step`; x may be z. */
void fused_transform(fused *self, const real *params, size_t step, const real *x, size_t n, random_stream probe,
                     real *z, double *log_density);
void fused_invert(fused *self, const real *params, size_t step, const real *z, size_t n, real *x);

void fused_field(fused *self, const real *params, size_t step, const real *z, size_t n, real *dz, real *c);
status fused_loss_gradient(fused *self, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient);

/* Use these probes (n, D) instead of drawn ones; NULL: draw again. */
void fused_give_probe(fused *self, const real *probe);

/* --- For a device, which trains such flows with its own kernels (backend/fused_kernel_spec.h) --- */

/* *out <- the flow's part of the specification: all except the batches and the training. Weights are rounded as by
 * the processor's kernels. Errors: STATUS_INVALID for a method with steps that the device does not support. */
status fused_describe(const fused *self, fused_kernel_spec *out, error_info *err);

/* path (evaluations) <- t at every evaluation of a forward solve; only for CONTEXT_CLOCK. */
void fused_clock_path(const fused *self, real *path);

/* --- The structure of a flow of points (cnf.c) --- */

/* Check whether a device supports such a flow, before one is created. Errors: STATUS_INVALID with the setting that
 * it does not support. */
status cnf_is_for_device(const cnf_spec *spec, error_info *err);

/* Return its fused solve; NULL: it has none. */
fused *cnf_fused(const cnf *flow);

/* Create its context, `method` being that of its paths; create the toy field for `instants` times at once, with or
 * without workspace for batches. */
context_spec cnf_context_spec(const cnf_spec *spec, const tableau *method);
hyper_mlp_spec cnf_hyper_spec(const cnf_spec *spec, size_t instants, bool batches);

#endif
