/* fused.h - the quick solve of the toy field on a grid, with a fixed end time and no regulariser.
 *
 * A solve has a part that does not depend on the batch (the context's path and the field's numbers at every evaluation)
 * and one that is independent for each chunk of points. Chunks are shared out to threads; each is taken through all
 * steps while it is in the nearest cache (field_grid_ops). The shapes and meanings are those of cnf.h; `step` is that
 * of cnf_moment_time, and calls for a batch of any size but for the gradient. */
#ifndef AFFJORD_FLOW_FUSED_H
#define AFFJORD_FLOW_FUSED_H

#include "context/context.h"
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
const context *fused_context(const fused *self);
time_grid fused_grid(const fused *self); /* from 0 to T */

/* D log(2 pi s^2) + 2 log_volume, the constant of the base density. */
double fused_base_logarithm(const fused *self);

/* From `step` to T; z may be NULL. And from T to `step`; x may be z. */
void fused_transform(fused *self, const real *params, size_t step, const real *x, size_t n, random_stream probe,
                     real *z, double *log_density);
void fused_invert(fused *self, const real *params, size_t step, const real *z, size_t n, real *x);

void fused_field(fused *self, const real *params, size_t step, const real *z, size_t n, real *dz, real *c);
status fused_loss_gradient(fused *self, const real *params, const real *x, size_t n, random_stream probe, double *loss,
                           real *gradient);

/* Probes (n, D) that are used instead of drawn ones; NULL for drawn ones again. */
void fused_give_probe(fused *self, const real *probe);

#endif
