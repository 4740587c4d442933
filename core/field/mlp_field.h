/* mlp_field.h - the general field for tables: a list of linear layers, each with the context.
 *
 *   x_0 = z,  x_{l+1} = s(W_l(c) x_l + b_l(c)),  f = W_L(c) x_L + b_L(c)
 *
 * on dual numbers; layers/intake.h defines how W_l and b_l depend on c. FFJORD's tabular models are such fields,
 * with concatsquash. Threads take chunks of a fixed number of rows; a sum over rows has a fixed order. */
#ifndef AFFJORD_FIELD_MLP_FIELD_H
#define AFFJORD_FIELD_MLP_FIELD_H

#include "base/parallel.h"
#include "field/field.h"
#include "field/mlp_spec.h"

/* Create the field and add PREFIX.0.weight (out, in), PREFIX.0.bias, ... to the table, with the names of
 * layers/intake.h. `workers` (shared, not owned; may be NULL) splits the batch. The caller owns *out. Errors:
 * STATUS_INVALID with the reason, STATUS_MEMORY. */
status mlp_field_create(const mlp_field_spec *spec, const char *prefix, parallel *workers, const backend_ops *backend,
                        parameter_table *table, field **out, error_info *err);

#endif
