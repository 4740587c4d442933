/* outputs.h - pictures of densities for figures: a trained flow's, and the data's. */
#ifndef AFFJORD_RUNNER_OUTPUTS_H
#define AFFJORD_RUNNER_OUTPUTS_H

#include "data/dataset.h"
#include "model/model.h"

/* The centre of cell `index` of a grid over the window {x0, x1, y0, y1}, row by row from y0 up. */
void outputs_cell_centre(const double window[4], size_t cells, size_t index, double centre[2]);

/* The rows of a density's picture: `cells` for points of the plane, 1 for points of a line. */
size_t outputs_density_rows(size_t dimension, size_t cells);

/* p (rows, cells) <- p(x) at the centres of the cells of the window {x0, x1, y0, y1}, row by row from y0 up. The
 * flow has dimension 1 or 2. Errors: those of model_transform, STATUS_MEMORY. */
status outputs_density(model *flow, const double window[4], size_t cells, float *p, error_info *err);

/* Return the integral of a density over its window: 1, less the part outside, up to the error of the grid. */
double outputs_density_mass(const float *p, size_t dimension, size_t cells, const double window[4]);

/* Write the same for the data; return false if it has no closed form. */
bool outputs_target_density(const dataset *data, size_t cells, float *p);

#endif
