/* outputs.h - what is computed from a trained flow for figures: its density on a grid, and samples. */
#ifndef AFFJORD_RUNNER_OUTPUTS_H
#define AFFJORD_RUNNER_OUTPUTS_H

#include "data/dataset.h"
#include "flow/cnf.h"
#include "flow/chain.h"
#include "model/settings.h"

enum {
    OUTPUTS_BATCH = 1024, /* points of one call of the flow */
    OUTPUTS_IMAGES = 50 /* images of one call: with adaptive steps they are solved together, and results depend on it */
};

/* Asked between batches; true gives up. May be NULL. */
typedef bool outputs_stop(void *argument);

/* The flow of the settings for use after training: with the exact divergence,
 * whatever the training estimated, for batches of OUTPUTS_BATCH. Its points are in
 * the units given (NULL: their own), its densities in the data's. The caller
 * owns *out. Errors: those of cnf_create. */
status outputs_flow(const settings *values, size_t dimension, const standard *units, parallel *workers, cnf **out,
                    failure *why);

/* log_density (n) <- log p(x) of x (n, D), any n. STATUS_OK too where it was stopped, as of all below. Errors: those of
 * solves, with their place. */
status outputs_log_density(cnf *flow, const real *params, const real *x, size_t n, outputs_stop *stop, void *argument,
                           double *log_density, failure *why);
/* x (n, D) <- the first n samples of the model for this seed. */
status outputs_samples(cnf *flow, const real *params, uint64_t seed, size_t n, outputs_stop *stop, void *argument,
                       real *x, failure *why);

/* The same for images: the model of the settings, as it was trained but for gradients. `backend` NULL is the processor;
 * parameters are in its memory below. */
status outputs_chain(const settings *values, const size_t shape[3], parallel *workers, const backend_ops *backend,
                     chain **out, failure *why);

/* log_density (n) <- log p(x) of images x (n, D), by Hutchinson's estimate with probes of `seed`. Errors: those of
 * solves, with the flow. */
status outputs_image_log_density(chain *model, const real *params, const real *x, size_t n, uint64_t seed,
                                 outputs_stop *stop, void *argument, double *log_density, failure *why);
/* x (n, D) <- the first n samples of the model for this seed. */
status outputs_image_samples(chain *model, const real *params, uint64_t seed, size_t n, outputs_stop *stop,
                             void *argument, real *x, failure *why);

/* The centre of cell `index` of a grid over the window {x0, x1, y0, y1}, row by row from y0 up. */
void outputs_cell_centre(const double window[4], size_t cells, size_t index, double centre[2]);

/* The rows of a density's picture: `cells` for points of the plane, 1 for points of a line. */
size_t outputs_density_rows(size_t dimension, size_t cells);

/* p (rows, cells) <- p(x) at the centres of the cells of the window {x0, x1,
 * y0, y1} in the data's units, row by row from y0 up. The flow is of dimension 1 or 2. Errors: those of
 * outputs_log_density, STATUS_MEMORY. */
status outputs_density(cnf *flow, const real *params, const standard *units, const double window[4], size_t cells,
                       outputs_stop *stop, void *argument, float *p, failure *why);

/* The same of the data itself; false if it has no closed form. */
bool outputs_target_density(const dataset *data, size_t cells, float *p);

#endif
