/* hyper_mlp.h - the field of the toy experiments: one hidden layer, whose weights a hypernet makes from the context.
 *
 * With zc = z, or [z, c] where join,
 *
 *   f_d = 1/W sum_j u_jd sigmoid(g_jd) tanh(w_j . zc + b_j)
 *
 * whose weights a hypernet (tanh, `layers` hidden layers of `hidden` units) makes from c (C). Its outputs are w (D or D
 * + C, W), u (D, W), g (D, W), b (W). It has a trace of its own, and operations for a grid. Points alone: its memory is
 * the program's. */
#ifndef AFFJORD_FIELD_HYPER_MLP_H
#define AFFJORD_FIELD_HYPER_MLP_H

#include "base/parallel.h"
#include "field/field.h"

typedef struct hyper_mlp_spec {
    size_t dimension, width; /* D, W */
    size_t context; /* C */
    bool join; /* c to z */
    size_t layers, hidden; /* of the hypernet */
    size_t instants; /* of one prepare of a grid, at most; at least 1 */
    bool batches; /* make room for forward and backward too, and not for the operations for a grid alone */
} hyper_mlp_spec;

/* Enters hypernet.0.weight, ... into the table. `workers` (shared, not owned; may be NULL) splits the batch. The caller
 * owns *out. Errors: STATUS_MEMORY. */
status hyper_mlp_create(const hyper_mlp_spec *spec, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, error_info *err);

#endif
