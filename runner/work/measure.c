/* measure.c - final losses with many points, a control variate and a finer solve. */
#include "work/measure.h"

#include <math.h>
#include <stdlib.h>

enum { TARGET_SEED = 1 }; /* other points than those that figures show */

size_t measure_points_of(const settings *values, const dataset *data) {
    const uint64_t trained = values->train_iterations * values->train_batch;
    uint64_t n = values->output_measure;
    if (n > trained / MEASURE_SHARE) n = trained / MEASURE_SHARE;
    if (n < MEASURE_LEAST || !dataset_is_drawn(data)) return 0;
    return (size_t)n;
}

/* Mean of x (n) less that of y (n, or NULL for zeros), and the standard error of paired differences. */
static measured mean_of(size_t n, const double *x, const double *y) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] - (y ? y[i] : 0);
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = x[i] - (y ? y[i] : 0) - mean;
        squares += off * off;
    }
    return (measured){.mean = mean, .error = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : (double)NAN};
}

/* log_density (n) <- log p, and *entropy; false if they are not known. */
static bool target(const dataset *data, size_t n, const real *x, double *log_density, double *entropy) {
    const size_t D = dataset_dimension(data);
    double *point = calloc(D, sizeof *point);
    bool known = point && dataset_entropy(data, entropy);
    for (size_t i = 0; known && i < n; i++) {
        for (size_t d = 0; d < D; d++) point[d] = (double)x[i * D + d];
        known = dataset_log_density(data, point, &log_density[i]);
    }
    free(point);
    return known;
}

/* log_density (n) <- log q by the settings' flow. */
static status model_density(const settings *values, size_t D, parallel *workers, const real *params, const real *x,
                            size_t n, outputs_stop *stop, void *argument, bool *stopped, double *log_density,
                            failure *why) {
    cnf *flow;
    TRY(outputs_flow(values, D, NULL, workers, &flow, why));
    const status outcome = outputs_log_density(flow, params, x, n, stop, argument, log_density, why);
    *stopped = stop && stop(argument);
    cnf_destroy(&flow);
    /* A solve that fails leaves the numbers unknown, and the training as it is. */
    for (size_t i = 0; outcome > STATUS_OK && i < n; i++) log_density[i] = (double)NAN;
    return outcome > STATUS_OK ? STATUS_OK : outcome;
}

static measured shifted(double by, measured x) {
    return (measured){.mean = by + x.mean, .error = x.error};
}

static measured negative(measured x) {
    return (measured){.mean = -x.mean, .error = x.error};
}

status measure_points(const settings *values, const dataset *data, parallel *workers, const real *params, size_t n,
                      outputs_stop *stop, void *argument, bool *stopped, measurement *out, failure *why) {
    const size_t D = dataset_dimension(data), part = n / MEASURE_FINER;
    settings finer = *values;
    double entropy = 0;
    real *x = calloc(n * D, sizeof *x);
    double *p = calloc(2 * n + part, sizeof *p), *q = p + n, *fine = q + n;
    status outcome = x && p ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory to measure with %zu points", n);
    finer.solver_steps *= MEASURE_FINER;
    finer.solver_atol /= MEASURE_TIGHTER, finer.solver_rtol /= MEASURE_TIGHTER;
    *stopped = false;
    if (outcome == STATUS_OK) {
        dataset_batch(data, SPLIT_TARGET, TARGET_SEED, 0, 0, n, x);
        outcome = model_density(values, D, workers, params, x, n, stop, argument, stopped, q, why);
    }
    if (outcome == STATUS_OK && !*stopped)
        outcome = model_density(&finer, D, workers, params, x, part, stop, argument, stopped, fine, why);
    if (outcome == STATUS_OK && !*stopped) {
        const bool known = target(data, n, x, p, &entropy);
        out->loss = negative(mean_of(n, q, NULL));
        out->best = known ? shifted(entropy, mean_of(n, p, q)) : out->loss;
        out->change = negative(mean_of(part, fine, q));
        out->fine =
            (measured){.mean = out->best.mean + out->change.mean, .error = hypot(out->best.error, out->change.error)};
    }
    free(x);
    free(p);
    return outcome;
}

status measure_offset(const settings *values, const dataset *data, uint64_t seed, bool *known, double *offset,
                      failure *why) {
    const size_t D = dataset_dimension(data), n = values->train_validation;
    double entropy = 0;
    *known = dataset_entropy(data, &entropy);
    if (!*known) return STATUS_OK;
    real *x = calloc(n * D, sizeof *x);
    double *p = calloc(n, sizeof *p);
    status outcome = x && p ? STATUS_OK : fail(why, STATUS_MEMORY, "out of memory for %zu points", n);
    if (outcome == STATUS_OK) {
        dataset_batch(data, SPLIT_VALIDATION, seed, 0, 0, n, x);
        *known = target(data, n, x, p, &entropy);
        if (*known) *offset = -mean_of(n, p, NULL).mean - entropy;
    }
    free(x);
    free(p);
    return outcome;
}

status measure_each(const measurement *from,
                    status (*visit)(void *argument, const char *name, double value, failure *why), void *argument,
                    failure *why) {
    const struct {
        const char *name, *error;
        measured value;
    } all[] = {{"final_loss_plain", "final_loss_plain_error", from->loss},
               {"final_loss", "final_loss_error", from->best},
               {"final_loss_fine", "final_loss_fine_error", from->fine},
               {"solver_error", "solver_error_error", from->change}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        TRY(visit(argument, all[i].name, all[i].value.mean, why));
        TRY(visit(argument, all[i].error, all[i].value.error, why));
    }
    return STATUS_OK;
}
