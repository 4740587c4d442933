/* checkpoint_parameters.h - the parts of a block of parameters as named arrays of a checkpoint. */
#ifndef AFFJORD_TRAIN_CHECKPOINT_PARAMETERS_H
#define AFFJORD_TRAIN_CHECKPOINT_PARAMETERS_H

#include "base/export.h"
#include "base/parameters.h"
#include "train/checkpoint.h"

AFFJORD_API_BEGIN

/* Put every part under its name: matrices as (rows, columns), biases and other vectors as (rows). Errors:
 * STATUS_MEMORY. */
status checkpoint_put_parameters(checkpoint *file, const parameter_table *table, const real *params);

/* params (P) <- the arrays of these names, F32 or F64, rounded to real where they are wider; or nothing: STATUS_FORMAT
 * naming the first that is missing, has another size or numbers beyond the range of real. */
status checkpoint_get_parameters(const checkpoint *file, const parameter_table *table, real *params, failure *why);

AFFJORD_API_END

#endif
