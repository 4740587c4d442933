/* hyper_mlp.h - the field of the toy experiments: one hidden layer with weights from a hypernet of the context.
 *
 * With zc = z, or [z, c] if `join`,
 *
 *   f_d = 1/W sum_j u_jd sigmoid(g_jd) tanh(w_j . zc + b_j)
 *
 * A hypernet (tanh, `layers` hidden layers of `hidden` units) computes w (D or D + C, W), u (D, W), g (D, W) and b
 * (W) from c (C). The field has its own exact trace, and grid operations. For points only, in host memory. */
#ifndef AFFJORD_FIELD_HYPER_MLP_H
#define AFFJORD_FIELD_HYPER_MLP_H

#include "base/parallel.h"
#include "field/field.h"

typedef struct hyper_mlp_spec {
    size_t dimension, width; /* D, W */
    size_t context; /* C */
    bool join; /* c to z */
    size_t layers, hidden; /* of the hypernet */
    size_t instants; /* most times per prepare of a grid; at least 1 */
    bool batches; /* allocate for forward and backward too, not for the grid operations alone */
} hyper_mlp_spec;

/* Create the field and add hypernet.0.weight, ... to the table. `workers` (shared, not owned; may be NULL) splits
 * the batch. The caller owns *out. Errors: STATUS_MEMORY. */
status hyper_mlp_create(const hyper_mlp_spec *spec, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, error_info *err);

#endif
