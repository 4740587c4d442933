/* outputs.c - what is computed from a trained flow for figures: its density on a grid, and samples. */
#include "work/outputs.h"

#include <stdlib.h>

#include "base/detmath.h"
#include "model/specification.h"

status outputs_flow(const settings *values, size_t dimension, const standard *units, parallel *workers, cnf **out,
                    failure *why) {
    cnf_spec spec;
    specification_trained_flow(values, dimension, units, &spec);
    spec.kept_steps = 0; /* no gradient is taken */
    return cnf_create(&spec, OUTPUTS_BATCH, workers, out, why);
}

static size_t batch_at(size_t first, size_t n) {
    return n - first < OUTPUTS_BATCH ? n - first : OUTPUTS_BATCH;
}

status outputs_log_density(cnf *flow, const real *params, const real *x, size_t n, outputs_stop *stop, void *argument,
                           double *log_density, failure *why) {
    const size_t D = cnf_specification(flow)->dimension;
    const random_stream unused = {.purpose = RANDOM_PROBE}; /* an exact divergence draws nothing */
    for (size_t first = 0; first < n; first += OUTPUTS_BATCH) {
        if (stop && stop(argument)) return STATUS_OK;
        const status outcome =
            cnf_log_density(flow, params, x + first * D, batch_at(first, n), unused, log_density + first, NULL);
        if (outcome == STATUS_OK) continue;
        failure reason;
        cnf_explain(flow, outcome, &reason);
        return fail(why, outcome, "points %zu to %zu have no density: %s", first, first + batch_at(first, n) - 1,
                    reason.text);
    }
    return STATUS_OK;
}

status outputs_samples(cnf *flow, const real *params, uint64_t seed, size_t n, outputs_stop *stop, void *argument,
                       real *x, failure *why) {
    const size_t D = cnf_specification(flow)->dimension;
    const random_stream stream = {.seed = seed, .purpose = RANDOM_SAMPLING};
    for (size_t first = 0; first < n; first += OUTPUTS_BATCH) {
        if (stop && stop(argument)) return STATUS_OK;
        const status outcome = cnf_sample(flow, params, stream, first, batch_at(first, n), x + first * D, NULL);
        if (outcome == STATUS_OK) continue;
        failure reason;
        cnf_explain(flow, outcome, &reason);
        return fail(why, outcome, "samples %zu to %zu could not be made: %s", first, first + batch_at(first, n) - 1,
                    reason.text);
    }
    return STATUS_OK;
}

status outputs_chain(const settings *values, const size_t shape[3], parallel *workers, const backend_ops *backend,
                     chain **out, failure *why) {
    chain_spec spec;
    specification_chain(values, shape, &spec);
    spec.backend = backend;
    return chain_create(&spec, OUTPUTS_IMAGES, false, workers, out, why);
}

static size_t images_at(size_t first, size_t n) {
    return n - first < OUTPUTS_IMAGES ? n - first : OUTPUTS_IMAGES;
}

status outputs_image_log_density(chain *model, const real *params, const real *x, size_t n, uint64_t seed,
                                 outputs_stop *stop, void *argument, double *log_density, failure *why) {
    const size_t D = chain_dimension(model);
    chain_statistics statistics;
    for (size_t first = 0; first < n; first += OUTPUTS_IMAGES) {
        if (stop && stop(argument)) return STATUS_OK;
        const random_stream probe = {.seed = seed, .purpose = RANDOM_TEST_PROBE, .iteration = first / OUTPUTS_IMAGES};
        const status outcome = chain_transform(model, params, x + first * D, images_at(first, n), probe, NULL,
                                               log_density + first, &statistics);
        if (outcome == STATUS_OK) continue;
        failure reason;
        chain_explain(&statistics, outcome, &reason);
        return fail(why, outcome, "images %zu to %zu have no density: %s", first, first + images_at(first, n) - 1,
                    reason.text);
    }
    return STATUS_OK;
}

status outputs_image_samples(chain *model, const real *params, uint64_t seed, size_t n, outputs_stop *stop,
                             void *argument, real *x, failure *why) {
    const size_t D = chain_dimension(model);
    const random_stream stream = {.seed = seed, .purpose = RANDOM_SAMPLING};
    chain_statistics statistics;
    for (size_t first = 0; first < n; first += OUTPUTS_IMAGES) {
        if (stop && stop(argument)) return STATUS_OK;
        const status outcome =
            chain_sample(model, params, stream, first, images_at(first, n), x + first * D, &statistics);
        if (outcome == STATUS_OK) continue;
        failure reason;
        chain_explain(&statistics, outcome, &reason);
        return fail(why, outcome, "samples %zu to %zu could not be made: %s", first, first + images_at(first, n) - 1,
                    reason.text);
    }
    return STATUS_OK;
}

void outputs_cell_centre(const double window[4], size_t cells, size_t index, double centre[2]) {
    const size_t column = index % cells, row = index / cells;
    centre[0] = window[0] + ((double)column + 0.5) * (window[1] - window[0]) / (double)cells;
    centre[1] = window[2] + ((double)row + 0.5) * (window[3] - window[2]) / (double)cells;
}

size_t outputs_density_rows(size_t dimension, size_t cells) {
    return dimension == 1 ? 1 : cells;
}

status outputs_density(cnf *flow, const real *params, const standard *units, const double window[4], size_t cells,
                       outputs_stop *stop, void *argument, float *p, failure *why) {
    const size_t D = cnf_specification(flow)->dimension, n = outputs_density_rows(D, cells) * cells;
    real *x = calloc(D * n, sizeof *x);
    double *log_density = calloc(n, sizeof *log_density);
    status outcome = x && log_density ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory for a density");
    for (size_t i = 0; outcome == STATUS_OK && i < n; i++) {
        double centre[2];
        outputs_cell_centre(window, cells, i, centre);
        standard_take(units, D, centre, 1, x + D * i);
    }
    if (outcome == STATUS_OK) outcome = outputs_log_density(flow, params, x, n, stop, argument, log_density, why);
    for (size_t i = 0; outcome == STATUS_OK && i < n; i++) p[i] = (float)det_exp(log_density[i]);
    free(x);
    free(log_density);
    return outcome;
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
