/* model_parts.h - the structure of a model, for this folder and the program. */
#ifndef AFFJORD_MODEL_MODEL_PARTS_H
#define AFFJORD_MODEL_MODEL_PARTS_H

#include <stdbool.h>

#include "base/arena.h"
#include "model/model.h"
#include "model/specification.h"

enum {
    MODEL_POINTS = 1024, /* points of one call of the flow */
    MODEL_IMAGES = 50, /* images per call: with adaptive steps they are solved together, and results depend on it */
    MODEL_NOTES_MAX = 3
};

/* Called between batches; true stops, and the rest is not computed. */
typedef bool model_stop(void *argument);

struct model {
    settings values;
    specification_shape shape;
    standard units; /* of the flow's points; dimension 0 if they are the data's own */
    checkpoint *file; /* its texts; the arrays of the file it was read from; NULL for model_build */
    size_t note_count;
    error_info notes[MODEL_NOTES_MAX];
    model_stop *stop; /* NULL: never */
    void *stop_argument;

    parallel *workers;
    bool own_workers;
    const backend_ops *device; /* NULL: the processor */
    cnf *flow; /* for points, with the exact divergence; NULL for images */
    chain *images; /* NULL for points */
    const parameter_table *table;
    const real *params; /* (P), in the device's memory */
    arena memory;
    real *own_params; /* (P); NULL if another object owns them */
    real *x, *z; /* (batch, D), for rows converted to the flow's units and back */

    /* Needed for gradients or trajectories; created on first use. */
    cnf *general;
    chain *scored;
    real *room; /* (P) */
};

/* Create the flow of the settings for use after training, without parameters. `units` (NULL: the data's own) is
 * copied; `workers` (may be NULL) and `device` (NULL: the processor) must outlive it. The caller owns *out. Errors:
 * those of cnf_create and chain_create. */
status model_build(const settings *values, const specification_shape *shape, const standard *units, parallel *workers,
                   const backend_ops *device, model **out, error_info *err);

/* Set the parameters (P), in the device's memory, which must outlive their use. */
void model_lend(model *self, const real *params);

/* Return its units; NULL if points are used unchanged. */
const standard *model_units(const model *self);

/* Give the model these settings and units, with the texts of a file that has them. Parameters are unchanged. Only
 * settings of the training may differ from the present ones. After STATUS_MEMORY, the model can only be closed. */
status model_describe(model *self, const settings *values, const standard *units, uint64_t seed, error_info *err);

/* Allocate parameters of the model's own, zeros. */
status model_own_parameters(model *self, error_info *err);

#endif
