/* outputs.c - pictures of densities for figures. */
#include "work/outputs.h"

#include <stdlib.h>

#include "base/detmath.h"

void outputs_cell_centre(const double window[4], size_t cells, size_t index, double centre[2]) {
    const size_t column = index % cells, row = index / cells;
    centre[0] = window[0] + ((double)column + 0.5) * (window[1] - window[0]) / (double)cells;
    centre[1] = window[2] + ((double)row + 0.5) * (window[3] - window[2]) / (double)cells;
}

size_t outputs_density_rows(size_t dimension, size_t cells) {
    return dimension == 1 ? 1 : cells;
}

status outputs_density(model *flow, const double window[4], size_t cells, float *p, error_info *err) {
    const size_t D = model_dimension(flow), n = outputs_density_rows(D, cells) * cells;
    if (D > 2) return error_set(err, STATUS_INVALID, "picture of a density: expected 1 or 2 columns, found %zu", D);
    double *x = calloc(D * n, sizeof *x), *log_density = calloc(n, sizeof *log_density);
    status outcome = x && log_density ? STATUS_OK : error_set(err, STATUS_MEMORY, "out of memory for a density");
    for (size_t i = 0; outcome == STATUS_OK && i < n; i++) {
        double centre[2];
        outputs_cell_centre(window, cells, i, centre);
        for (size_t d = 0; d < D; d++) x[D * i + d] = centre[d];
    }
    if (outcome == STATUS_OK)
        outcome =
            model_transform(flow, (model_rows){.doubles = x}, 0, n, 0, (model_rows){.reals = NULL}, log_density, err);
    for (size_t i = 0; outcome == STATUS_OK && i < n; i++) p[i] = (float)det_exp(log_density[i]);
    free(x);
    free(log_density);
    return outcome;
}

double outputs_density_mass(const float *p, size_t dimension, size_t cells, const double window[4]) {
    const size_t n = outputs_density_rows(dimension, cells) * cells;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)p[i];
    for (size_t d = 0; d < dimension; d++) sum *= window[2 * d + 1] - window[2 * d];
    return sum / (double)n;
}

bool outputs_target_density(const dataset *data, size_t cells, float *p) {
    double window[4];
    dataset_window(data, window);
    for (size_t i = 0; i < cells * cells; i++) {
        double centre[2], log_density;
        outputs_cell_centre(window, cells, i, centre);
        if (!dataset_log_density(data, centre, &log_density)) return false;
        p[i] = (float)det_exp(log_density);
    }
    return true;
}
