/* fused.h - the quick solve of the toy field on a grid, with a fixed end time and no regulariser.
 *
 * A solve has a part that does not depend on the batch (the context's path and the field's numbers at every evaluation)
 * and one that is independent for each chunk of points. Chunks are shared out to threads; each is taken through all
 * steps while it is in the nearest cache (field_grid_ops). The shapes and meanings are those of cnf.h; `step` is that
 * of cnf_moment_time, and calls for a batch of any size but for the gradient. */
#ifndef AFFJORD_FLOW_FUSED_H
#define AFFJORD_FLOW_FUSED_H

#include "backend/fused_kernel_spec.h"
#include "context/context.h"
#include "field/hyper_mlp.h"
#include "flow/cnf.h"

typedef struct fused fused;

/* Whether a flow has this solve. */
bool fused_takes(const cnf_spec *spec);

/* Enters the field's and the context's parameters into the table. `spec`, with its backend, and `table` must outlive
 * it. */
status fused_create(const cnf_spec *spec, size_t batch_max, parallel *workers, parameter_table *table, fused **out);
void fused_destroy(fused **self);
size_t fused_bytes(const fused *self);
void fused_initialise(const fused *self, uint64_t seed, real *params);

size_t fused_evaluations(const fused *self); /* of one solve */

/* From `step` to T; z may be NULL. And from T to `step`; x may be z. */
void fused_transform(fused *self, const real *params, size_t step, const real *x, size_t n, random_stream probe,
                     real *z, double *log_density);
void fused_invert(fused *self, const real *params, size_t step, const real *z, size_t n, real *x);

void fused_field(fused *self, const real *params, size_t step, const real *z, size_t n, real *dz, real *c);
status fused_loss_gradient(fused *self, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient);

/* Probes (n, D) that are used instead of drawn ones; NULL for drawn ones again. */
void fused_give_probe(fused *self, const real *probe);

/* --- For a device, which trains such flows by kernels of its own (backend/fused_kernel_spec.h) --- */

/* Of a flow that a device takes, what of *out is the flow's: all but the batches and what trains it. Weights are rounded
 * as the kernels of the processor round them. Errors: STATUS_INVALID for a method whose steps the device cannot take. */
status fused_describe(const fused *self, fused_kernel_spec *out, error_info *err);

/* path (evaluations) <- the clock at every evaluation of a forward solve; only for CONTEXT_CLOCK. */
void fused_clock_path(const fused *self, real *path);

/* --- What a flow of points is made of (cnf.c) --- */

/* Whether a device takes such a flow, as can be said before there is one. Errors: STATUS_INVALID with the setting that
 * makes it the processor's. */
status cnf_is_for_device(const cnf_spec *spec, error_info *err);

/* Its quick solve; NULL: it has none. */
fused *cnf_fused(const cnf *flow);

/* Its context, `method` that of its paths; and the toy field, for so many instants at once, with room for batches or
 * not. */
context_spec cnf_context_spec(const cnf_spec *spec, const tableau *method);
hyper_mlp_spec cnf_hyper_spec(const cnf_spec *spec, size_t instants, bool batches);

#endif
